"""Where a store comes from: the URL in the configuration."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from matcher.domain.errors import InvalidValueError
from server.storage.sql_store import SqlStore
from server.storage.sqlite_database import SqliteParams, open_sqlite

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
        If the URL names no file.
    UnavailableError
        If the store cannot be opened; see
        :func:`server.storage.sqlite_database.open_sqlite`.
    """
    path = _file_of(url)
    return SqlStore(open_sqlite(path, params or SqliteParams()))


def _file_of(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidValueError("store_url", url, _ACCEPTED) from error
    if parsed != URL.create("sqlite", database=parsed.database) or (
        parsed.database in (None, "", ":memory:")
    ):
        shown = parsed.render_as_string(hide_password=True)
        raise InvalidValueError("store_url", shown, _ACCEPTED)
    assert parsed.database is not None
    return Path(parsed.database)
