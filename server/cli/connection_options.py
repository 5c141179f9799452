"""Options before the command: what is shown to the server that it calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_PANEL = "Connection (before the command)"


def connection_options(
    context: typer.Context,
    ca: Annotated[
        Path | None,
        typer.Option(
            envvar="NEARTURN_CA",
            help="Authorities that vouch for the server, in PEM.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="NEARTURN_TOKEN_FILE",
            help="A file with an API key or a token; or give it in NEARTURN_TOKEN.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            envvar="NEARTURN_CERTIFICATE",
            help="A client certificate with its chain, in PEM.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            envvar="NEARTURN_KEY", help="Its key, in PEM.", rich_help_panel=_PANEL
        ),
    ] = None,
) -> None:
    """
    Match verified returns with nearby buyers.

    Everything else goes to a warehouse, with a reason.
    """
    import os  # noqa: PLC0415 - the one place of the command line that reads it

    # Loaded when something is called: --help answers at once.
    def shown() -> object:
        from server.cli.connection import Shown  # noqa: PLC0415 - slow to import

        token = os.environ.get("NEARTURN_TOKEN") or None
        return Shown(ca, token, token_file, certificate, key)

    context.obj = shown
