"""A store's file seen from outside, be its server running or not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, exc

from matcher.domain.errors import UnavailableError
from server.storage.database import unavailable_unless_done
from server.storage.restore_marker import RestoreMarker
from server.storage.revision import current_revision
from server.storage.sqlite_connection import connect_read_only
from server.storage.sqlite_words import is_not_read, words_of

#: SQLite's own words for a file in which it finds nothing wrong.
_SOUND = "ok"

_READ_AT_ONCE = 1 << 20


@contextmanager
def reading_file(path: Path, doing: str) -> Iterator[Connection]:
    """
    Give a connection whose statements all see the last commit of now.

    Parameters
    ----------
    path
        File of the store.
    doing
        What is being done, to complete "cannot ...".

    Raises
    ------
    UnavailableError
        If there is no such file or it is a folder, a restore of it was cut off, or it
        cannot be read.
    """
    path = path.resolve()
    RestoreMarker(path).refuse()
    if path.is_dir():
        raise UnavailableError(
            f"store {path}: cannot {doing}: this is a folder; name the file in it"
        )
    if not path.is_file():
        raise UnavailableError(f"store {path}: cannot {doing}: there is no such file")
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect_read_only(path),
        poolclass=NullPool,
        hide_parameters=True,
    )
    with unavailable_unless_done(doing, str(path)), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection


def faults_of_file(connection: Connection, *, is_quick: bool, limit: int) -> list[str]:
    """
    Return what SQLite finds wrong with the pages of a file, up to a limit.

    Parameters
    ----------
    connection
        Connection to the file.
    is_quick
        Leave out comparing each index with its table, which takes three times as
        long as all the rest.
    limit
        Faults to return, 1 or more.

    Raises
    ------
    sqlalchemy.exc.OperationalError
        If a page could not be read: nothing can be said of it then.
    """
    pragma = "quick_check" if is_quick else "integrity_check"
    try:
        found = (
            connection.exec_driver_sql(f"PRAGMA {pragma}({limit:d})").scalars().all()
        )
    except exc.DatabaseError as error:
        # The class itself is a file in such a state that the check cannot go on.
        if type(error) is not exc.DatabaseError or error.orig is None:
            raise
        _refuse_unread(connection)
        return [words_of(error.orig)]
    faults = [str(fault) for fault in found if fault != _SOUND]
    for fault in filter(is_not_read, faults):
        raise _unread(fault)
    return faults


def _refuse_unread(connection: Connection) -> None:
    # SQLite calls damaged what it could not read; whoever reads it all knows better.
    (_, _, name), *_ = connection.exec_driver_sql("PRAGMA database_list").all()
    for path in (Path(name), Path(f"{name}-wal")):
        if not path.exists():
            continue
        with path.open("rb") as file:
            at = 0
            try:
                while part := os.pread(file.fileno(), _READ_AT_ONCE, at):
                    at += len(part)
            except OSError as error:
                raise _unread(
                    f"{path}, behind {at:,} bytes: {error.strerror}"
                ) from error


def _unread(what: str) -> exc.OperationalError:
    error = sqlite3.OperationalError(f"disk I/O error: {what}")
    return exc.OperationalError(None, None, error)


def revision_of_file(connection: Connection, path: Path) -> str:
    """
    Return the revision of a store that this version can bring up to date.

    Raises
    ------
    UnavailableError
        If the file is empty, of another program or of a newer version.
    """
    revision = current_revision(connection, str(path))
    if revision is None:
        raise UnavailableError(f"store {path}: cannot read it: it is empty")
    return revision
