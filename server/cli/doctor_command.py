"""`nearturn doctor`: whether a server has what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: Exit code of an examination in which something failed, as of a check of a store.
FOUND = 3


def doctor(
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with settings by their names.")
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT, instead of the setting.")
    ] = None,
    store_url: Annotated[
        str | None, typer.Option(help="A store, instead of the setting.")
    ] = None,
    insecure: Annotated[
        bool | None,
        typer.Option("--insecure", help="As nearturn serve has it."),
    ] = None,
) -> None:
    """
    Check what a server needs, before it starts or while it runs.

    Settings, store and its revision, clocks, who may call, disk, threads, compiled
    kernels, broker and ports. Give it the settings that the server has: file,
    environment, user. It reads and writes nothing, but for kernels that were not
    compiled yet.

    Each check is a line with OK, WARN or FAIL, and what to do. Exit code 0 if none
    failed, 3 if one did.

    Example: nearturn doctor --config nearturn.toml
    """
    from server.cli.doctor_run import examined  # noqa: PLC0415 - slow to import

    if not examined(config, listen=listen, store_url=store_url, insecure=insecure):
        raise typer.Exit(FOUND)
