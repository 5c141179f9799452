"""A store's file seen from outside, be its server running or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, exc

from matcher.domain.errors import UnavailableError
from server.storage.database import unavailable_unless_done
from server.storage.restore_marker import RestoreMarker
from server.storage.revision import current_revision
from server.storage.sqlite_connection import connect_read_only

#: SQLite's own words for a file in which it finds nothing wrong.
_SOUND = "ok"


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
    """
    pragma = "quick_check" if is_quick else "integrity_check"
    try:
        found = (
            connection.exec_driver_sql(f"PRAGMA {pragma}({limit:d})").scalars().all()
        )
    except exc.DatabaseError as error:
        # The class itself is a file in such a state that the check cannot go on.
        if type(error) is not exc.DatabaseError:
            raise
        return [str(error.orig)]
    return [str(fault) for fault in found if fault != _SOUND]


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
