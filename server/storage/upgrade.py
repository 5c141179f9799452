"""A store brought to the revision of this version, with a way back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matcher.domain.errors import UnavailableError
from server.storage.backup import Backup, PagesDone, back_up
from server.storage.opening import open_store, reading_database
from server.storage.postgres_params import PostgresParams
from server.storage.revision import current_revision, head_revision
from server.storage.sqlite_database import SqliteParams, open_sqlite
from server.storage.store_file import reading_file, revision_of_file
from server.storage.store_lock import StoreLock

_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
    AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revision of a store, and the one that this version reads and writes."""

    place: str
    current: str
    head: str

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to do."""
        return self.current == self.head


def revisions_of(store: Path) -> Revisions:
    """
    Return the revision of a store's file; its server may be running.

    Raises
    ------
    UnavailableError
        If it is no store, of a newer version, or cannot be read.
    """
    with reading_file(store, "read its revision") as connection:
        current = revision_of_file(connection, store)
    return Revisions(str(store), current, head_revision())


def revisions_of_database(url: str) -> Revisions:
    """
    Return the revision of a store in PostgreSQL; servers may be running.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :func:`revisions_of` does, and if the URL cannot be read.
    """
    params = PostgresParams(reader_count=1)
    with reading_database(url, params, "read its revision") as (connection, place):
        current = current_revision(connection, place)
    if current is None:
        raise UnavailableError(f"store {place}: cannot read it: it is empty")
    return Revisions(place, current, head_revision())


def upgrade_database(url: str) -> None:
    """
    Bring a store in PostgreSQL to the head revision, in one transaction.

    Raises
    ------
    UnavailableError
        If its role has the database open somewhere else, as servers do, or it
        cannot be upgraded: it is then as it was.
    """
    params = PostgresParams(reader_count=1)
    with reading_database(url, params, "upgrade it") as (connection, place):
        count = connection.exec_driver_sql(_OTHERS).scalar_one()
        if count:
            raise UnavailableError(
                f"store {place}: cannot upgrade it: {count} other sessions have it "
                "open; stop every server and program that uses it"
            )
    open_store(url, postgres=params).close()


def upgrade(store: Path, backup: Path | None, progress: PagesDone) -> Backup | None:
    """
    Bring a store to the head revision, in one transaction.

    Parameters
    ----------
    store
        File of the store; no server may have it open.
    backup
        Where to put a backup first; none is made if ``None``.
    progress
        Is told how far the backup is.

    Returns
    -------
    Backup or None
        The backup, if one was asked for.

    Raises
    ------
    InvalidValueError
        If the backup's file exists.
    UnavailableError
        If a server holds the store, or it cannot be upgraded: it is then as it was.
    """
    lock = StoreLock(store.resolve())
    try:
        made = back_up(store, backup, progress) if backup is not None else None
    finally:
        lock.release()
    # Takes the lock again. A server that came first has upgraded it by itself, and
    # this one is then refused.
    open_sqlite(store, SqliteParams()).close()
    return made
