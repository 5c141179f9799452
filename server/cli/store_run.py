"""Carries out `nearturn store`, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.config import load_settings
from server.observability import configure_logs
from server.storage.backup import Backup, back_up
from server.storage.checksum import beside
from server.storage.opening import POSTGRES, file_of
from server.storage.restore import restore
from server.storage.store_check import StoreCheck, check_database, check_store
from server.storage.upgrade import (
    Revisions,
    revisions_of,
    revisions_of_database,
    upgrade,
    upgrade_database,
)

# As docs/CLI.md has them, and a test runs them.
_TOOLS = {
    "pg_dump": "pg_dump --format=custom --file=FILE URL",
    "pg_restore": "createdb NEW, then pg_restore --exit-on-error --single-transaction "
    "--no-owner --dbname=URL-OF-NEW FILE, and point the servers at NEW",
}


def checked(
    config: Path | None,
    store_url: str | None,
    *,
    is_quick: bool,
    with_proofs: bool,
    limit: int,
) -> bool:
    """
    Check a store and print what was found; return whether all is sound.

    Raises
    ------
    InvalidValueError
        If the settings cannot be used.
    UnavailableError
        If it could not be checked, or not all of it: it is of an older revision.
    """
    url = _url(config, store_url)
    if url.startswith(POSTGRES):
        found = check_database(url, with_proofs=with_proofs, limit=limit)
    else:
        found = check_store(
            file_of(url), is_quick=is_quick, with_proofs=with_proofs, limit=limit
        )
    store = found.place
    for fault in found.faults:
        typer.echo(f"damaged: {fault}")
    if found.faults:
        typer.echo(f"{store}: damaged; its rows were not checked")
        return False
    if found.findings is None:
        raise UnavailableError(
            f"store {store}: cannot check its rows: it has revision {found.revision}; "
            "see nearturn store migrate"
        )
    for violation in found.findings.violations:
        typer.echo(str(violation))
    typer.echo(f"{store}: {_summary(found)}")
    return found.is_sound


def _summary(found: StoreCheck) -> str:
    findings = found.findings
    assert findings is not None
    said = "sound" if found.is_sound else f"{findings.count:,} violations"
    rounds = f", {findings.round_count:,} proofs" if findings.round_count else ""
    return f"{said}; revision {found.revision}, {findings.row_count:,} rows{rounds}"


def backed_up(config: Path | None, store_url: str | None, file: Path) -> None:
    """
    Back a store up and say so.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :func:`server.storage.backup.back_up` does.
    """
    store = _file(_url(config, store_url), "pg_dump")
    with _progress("backup") as progress:
        made = back_up(store, file, progress)
    _say_backup(made)


def _say_backup(made: Backup) -> None:
    typer.echo(f"backup: {made.path}, {made.size:,} bytes, revision {made.revision}")


def restored(
    config: Path | None, store_url: str | None, file: Path, *, replaces: bool
) -> None:
    """
    Put a backup in the place of a store and say so.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :func:`server.storage.restore.restore` does.
    """
    store = _file(_url(config, store_url), "pg_restore")
    done = restore(file, store, replaces=replaces, now=datetime.now(UTC))
    typer.echo(f"restored: {store}, revision {done.revision}")
    if not done.has_checksum:
        typer.echo(f"there was no {beside(file).name} to hold its bytes against")
    if done.aside is not None:
        typer.echo(f"the store before it: {done.aside}")


def migrated(
    config: Path | None, store_url: str | None, *, is_dry: bool, keeps_backup: bool
) -> None:
    """
    Bring a store to the head revision and say so.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :func:`server.storage.upgrade.upgrade` does.
    """
    # What the store logs of an upgrade is said below.
    configure_logs(level="warning", style="console")
    url = _url(config, store_url)
    is_file = not url.startswith(POSTGRES)
    found = revisions_of(file_of(url)) if is_file else revisions_of_database(url)
    typer.echo(
        f"{found.place}: revision {found.current}, this version has {found.head}"
    )
    if found.is_current or is_dry:
        typer.echo("nothing to do" if found.is_current else "it would be upgraded")
        return
    if is_file:
        _upgrade_file(file_of(url), found, keeps_backup=keeps_backup)
    elif keeps_backup:
        raise InvalidValueError(
            "backup", "true", f"--no-backup on PostgreSQL, behind {_TOOLS['pg_dump']}"
        )
    else:
        upgrade_database(url)
    typer.echo(f"upgraded: revision {found.head}")


def _upgrade_file(store: Path, found: Revisions, *, keeps_backup: bool) -> None:
    kept = None
    if keeps_backup:
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        kept = store.with_name(f"{store.name}.{stamp}.revision-{found.current}")
    with _progress("backup") as progress:
        made = upgrade(store, kept, progress)
    if made is not None:
        _say_backup(made)


def _url(config: Path | None, store_url: str | None) -> str:
    return load_settings(config, store_url=store_url).store_url


def _file(url: str, tool: str) -> Path:
    if url.startswith(POSTGRES):
        # Not the URL itself: it may have a password.
        raise InvalidValueError(
            "store_url",
            "a database of PostgreSQL",
            f"sqlite:///FILE; on PostgreSQL: {_TOOLS[tool]}",
        )
    return file_of(url)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    shown = (TextColumn(what), BarColumn(), TaskProgressColumn())
    with Progress(*shown, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
