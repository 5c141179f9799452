"""Options before the command: what is shown to the server that it calls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from server.cli.shown import Shown, show

_PANEL = "Connection (before the command)"


def connection_options(
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
    tenant: Annotated[
        str | None,
        typer.Option(
            envvar="NEARTURN_TENANT",
            help="Whose data, on a server of several that asks for no credentials.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """
    Match verified returns with nearby buyers.

    Everything else goes to a warehouse, with a reason.
    """
    token = os.environ.get("NEARTURN_TOKEN") or None
    show(Shown(ca, token, token_file, certificate, key, tenant or None))
