"""Where a store comes from: the URL in the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.storage.postgres_params import PostgresParams
from server.storage.sql_store import SqlStore
from server.storage.sqlite_database import SqliteParams, open_sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from server.storage.database import Database

_SQLITE = "sqlite:///"
#: What the URL of a database of PostgreSQL begins with.
POSTGRES = "postgresql://"
_ACCEPTED = (
    "sqlite:///FILE, or sqlite:////FILE from the root, without user, host or options; "
    "or postgresql://USER@HOST/DATABASE"
)


def open_store(
    url: str,
    sqlite: SqliteParams | None = None,
    postgres: PostgresParams | None = None,
) -> SqlStore:
    """
    Open the store that a URL names, making or upgrading it where needed.

    Parameters
    ----------
    url
        ``sqlite:///relative/path.db`` or ``sqlite:////absolute/path.db``: the folder
        must exist; a missing or empty file becomes a new store. Or
        ``postgresql://user@host:port/database``: the database must exist; an empty one
        becomes a new store.
    sqlite, postgres
        Connection settings of the one that the URL names; default ones if ``None``.

    Returns
    -------
    SqlStore
        A file is held by this process alone until it is closed.

    Raises
    ------
    InvalidValueError
        If the URL names neither a file nor a database.
    UnavailableError
        If the store cannot be opened; see
        :func:`server.storage.sqlite_database.open_sqlite` and
        :func:`server.storage.postgres_database.open_postgres`.
    """
    if url.startswith(POSTGRES):
        return SqlStore(_open_postgres(url, postgres or PostgresParams()))
    return SqlStore(open_sqlite(file_of(url), sqlite or SqliteParams()))


def is_sqlite(url: str) -> bool:
    """Say whether a URL names a file of SQLite."""
    return url.startswith(_SQLITE)


def _open_postgres(url: str, params: PostgresParams) -> Database:
    try:
        from server.storage.postgres_database import (  # noqa: PLC0415 - an extra
            open_postgres,
        )
    except ImportError as error:
        raise _missing_driver(error) from error
    return open_postgres(url, params)


@contextmanager
def reading_database(
    url: str, params: PostgresParams, doing: str
) -> Iterator[tuple[Connection, str]]:
    """
    Give a connection to PostgreSQL that cannot write, and how its place is named.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :func:`server.storage.postgres_database.reading_postgres` does, and if its
        driver is not installed.
    """
    try:
        from server.storage.postgres_database import (  # noqa: PLC0415 - an extra
            reading_postgres,
        )
    except ImportError as error:
        raise _missing_driver(error) from error
    with reading_postgres(url, params, doing) as found:
        yield found


def _missing_driver(error: ImportError) -> UnavailableError:
    return UnavailableError(
        f"a store in PostgreSQL needs psycopg, which is not here ({error}); "
        'install it with: pip install "nearturn[postgres]"'
    )


def file_of(url: str) -> Path:
    """
    Return the file that a URL names.

    Raises
    ------
    InvalidValueError
        If it does not name a file.
    """
    name = url.removeprefix(_SQLITE)
    if name in (url, "", ":memory:") or "?" in name:
        # In other URLs a password may stand before the @.
        raise InvalidValueError("store_url", url.rpartition("@")[2], _ACCEPTED)
    return Path(name)
