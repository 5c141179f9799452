"""Where a store comes from: the URL in the configuration."""

from __future__ import annotations

from pathlib import Path

from matcher.domain.errors import InvalidValueError
from server.storage.sql_store import SqlStore
from server.storage.sqlite_database import SqliteParams, open_sqlite

_PREFIX = "sqlite:///"
_ACCEPTED = "sqlite:///FILE, or sqlite:////FILE from the root; no user, host or options"


def open_store(url: str, params: SqliteParams | None = None) -> SqlStore:
    """
    Open the store that a URL names, making or upgrading it where needed.

    Parameters
    ----------
    url
        ``sqlite:///relative/path.db`` or ``sqlite:////absolute/path.db``. The folder
        must exist; a missing or empty file becomes a new store.
    params
        Connection settings; default ones if ``None``.

    Returns
    -------
    SqlStore
        Held by this process alone until it is closed.

    Raises
    ------
    InvalidValueError
        If the URL does not name a file.
    UnavailableError
        If the store cannot be opened; see
        :func:`server.storage.sqlite_database.open_sqlite`.
    """
    path = file_of(url)
    return SqlStore(open_sqlite(path, params or SqliteParams()))


def file_of(url: str) -> Path:
    """
    Return the file that a URL names.

    Raises
    ------
    InvalidValueError
        If it does not name a file.
    """
    name = url.removeprefix(_PREFIX)
    if name in (url, "", ":memory:") or "?" in name:
        # In other URLs a password may stand before the @.
        raise InvalidValueError("store_url", url.rpartition("@")[2], _ACCEPTED)
    return Path(name)
