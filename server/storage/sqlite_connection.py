"""Connections to a file of SQLite, as ADR 3 wants them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

#: How long a connection waits for a lock, in seconds, unless told otherwise.
WAIT_S = 5.0


def connect(path: Path, mode: str, wait_s: float = WAIT_S) -> sqlite3.Connection:
    """
    Connect to a file: ``mode`` is ``ro``, ``rw`` or ``rwc``, which makes it.

    Raises
    ------
    sqlite3.Error
        If the file cannot be opened.
    """
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=wait_s,
        # No BEGIN behind our back: the writer's is IMMEDIATE, a reader's rare.
        isolation_level=None,
        # The pool gives a connection to one thread at a time.
        check_same_thread=False,
    )


def connect_read_only(path: Path, wait_s: float = WAIT_S) -> sqlite3.Connection:
    """
    Connect to a file that somebody else may be writing.

    Never writes and never checkpoints, so that it is safe beside a writer of an SQLite
    whose log two writers can corrupt (ADR 3). Where a log lies beside the file, its
    folder must be writable, for SQLite notes there who reads.

    Raises
    ------
    sqlite3.Error
        If the file cannot be opened.
    """
    connection = connect(path, "ro", wait_s)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except BaseException:
        connection.close()
        raise
    return connection
