"""`nearturn store`: look after a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: Exit code of a check that found something, as of a load that left rows out.
FOUND = 3

app = typer.Typer(
    help="Check a store, back it up while its server runs, put a backup in its place, "
    "or bring it to the revision of this version.",
    no_args_is_help=True,
)

_STORE_URL = typer.Option(
    help="sqlite:///FILE, or postgresql://USER@HOST/DATABASE to check or migrate; "
    "default: the server's setting, from NEARTURN_STORE_URL or --config."
)
_CONFIG = typer.Option(help="A TOML file with settings by their names.")


@app.command()
def check(
    store_url: Annotated[str | None, _STORE_URL] = None,
    config: Annotated[Path | None, _CONFIG] = None,
    rounds: Annotated[
        bool,
        typer.Option(
            "--rounds",
            help="Check the proof of every round, and read the journal back.",
        ),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not compare indexes with their tables.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="Violations to print.")
    ] = 100,
) -> None:
    """
    Check the file's pages, its revision, and every row against the others.

    Units of a demand against its matches, each return against its last decision, match
    limits and warehouse days against what was decided, logs for gaps, counters,
    columns against documents. Reads one commit, holds nothing up and writes nothing:
    the server may be running. A backup is checked in the same way. Of a database of
    PostgreSQL the rows are checked, and no pages.

    Exit code 0 if all is sound, 3 if something was found (a line for each), 2 if it
    could not be checked.

    Example: nearturn store check --rounds

    Example: nearturn store check --store-url sqlite:////backups/monday.db
    """
    from server.cli.store_run import checked  # noqa: PLC0415 - slow to import

    if not checked(config, store_url, is_quick=quick, with_proofs=rounds, limit=limit):
        raise typer.Exit(FOUND)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The backup; must not exist yet.")],
    store_url: Annotated[str | None, _STORE_URL] = None,
    config: Annotated[Path | None, _CONFIG] = None,
) -> None:
    """
    Copy the store as it is now to FILE; the server may be running and writing.

    The copy is all of one commit. It is read back and checked, and on the disk when
    the command ends, with FILE.sha256 beside it; cut off, there is no FILE. The
    server's log grows while it runs.

    Example: nearturn store backup /backups/monday.db
    """
    from server.cli.store_run import backed_up  # noqa: PLC0415 - slow to import

    backed_up(config, store_url, file)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file from nearturn store backup.")],
    store_url: Annotated[str | None, _STORE_URL] = None,
    config: Annotated[Path | None, _CONFIG] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="A store is there: keep it aside under a dated name."
        ),
    ] = False,
) -> None:
    """
    Put a copy of a backup where the store is to be; the server must be stopped.

    A file that is damaged, of other bytes than FILE.sha256 says, of another program or
    of a newer version is refused, before anything is touched. Cut off, the same command
    given again goes on, and no server starts meanwhile. Run it as the user that the
    server runs as.

    What was written after the backup is not in it: callers that were answered since
    then have to send their writes again.

    Example: nearturn store restore /backups/monday.db --replace
    """
    from server.cli.store_run import restored  # noqa: PLC0415 - slow to import

    restored(config, store_url, file, replaces=replace)


@app.command()
def migrate(
    store_url: Annotated[str | None, _STORE_URL] = None,
    config: Annotated[Path | None, _CONFIG] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    backup: Annotated[
        bool,
        typer.Option(
            "--backup/--no-backup",
            help="Make a backup beside the store first.",
        ),
    ] = True,
) -> None:
    """
    Bring the store to the revision of this version; the server must be stopped.

    A server does so by itself when it starts, without a backup. There is no way down:
    an older version refuses the store, and the backup is what it can be given. On
    PostgreSQL make one with pg_dump, and give --no-backup.

    Example: nearturn store migrate --dry-run
    """
    from server.cli.store_run import migrated  # noqa: PLC0415 - slow to import

    migrated(config, store_url, is_dry=dry_run, keeps_backup=backup)
