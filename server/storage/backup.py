"""A copy of a store as it was at one instant, made while its server runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.storage.checksum import digest_of, write_checksum
from server.storage.new_file import new_file
from server.storage.sqlite_words import words_of
from server.storage.store_file import (
    faults_of_file,
    reading_file,
    revision_of_file,
)

#: Is told how many pages are copied, of how many.
PagesDone = Callable[[int, int], None]

#: Pages that are copied between two reports, 16 MiB of them.
_PAGES_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: its file, the revision of its tables, its bytes."""

    path: Path
    revision: str
    size: int


def back_up(source: Path, target: Path, progress: PagesDone) -> Backup:
    """
    Copy a store to a file, all of it as of the last commit of now.

    Parameters
    ----------
    source
        File of the store; its server may be running.
    target
        The backup; there must be no such file. It is one file without a log, complete,
        on the disk and checked, or it is not there. Its SHA-256 is put beside it.
    progress
        Is told how far it is.

    Returns
    -------
    Backup
        What was made.

    Raises
    ------
    InvalidValueError
        If there is such a file, or no such folder.
    UnavailableError
        If the store cannot be read, or what was written is not sound.

    Notes
    -----
    All pages are read in one read transaction. It holds up no commit, and the server's
    log cannot start anew before its end: it grows by what is written meanwhile.
    """
    if target.exists():
        raise InvalidValueError("file", str(target), "a file that does not exist yet")
    if not target.parent.is_dir():
        raise InvalidValueError("file", str(target), "a file in a folder that exists")
    with new_file(target) as part:
        with reading_file(source, "back it up") as connection:
            revision = revision_of_file(connection, source)
            origin = connection.connection.driver_connection
            assert isinstance(origin, sqlite3.Connection)
            _copy(origin, source, part, progress)
        check_copy(part, revision)
        # First: where there is a backup, there is its checksum.
        write_checksum(target, digest_of(part))
    return Backup(target, revision, target.stat().st_size)


def _copy(
    origin: sqlite3.Connection, source: Path, part: Path, progress: PagesDone
) -> None:
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            # Whoever asked for the file syncs it, once.
            copy.execute("PRAGMA synchronous = OFF")
            origin.backup(
                copy,
                pages=_PAGES_AT_ONCE,
                progress=lambda _, left, total: progress(total - left, total),
            )
            # One file without a log: nothing is lost if it is copied by itself.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        # Which of the two files it was SQLite does not say.
        raise UnavailableError(
            f"store {source}: cannot copy it to {part}: {words_of(error)}"
        ) from error


def check_copy(path: Path, revision: str | None = None) -> str:
    """
    Check that a file is a sound store that this version can bring up to date.

    Parameters
    ----------
    path
        The file.
    revision
        The revision that it must have; any that is known if ``None``.

    Returns
    -------
    str
        Its revision.

    Raises
    ------
    UnavailableError
        If it is damaged, of another program, of a newer version or of another
        revision.
    """
    with reading_file(path, "check it") as connection:
        found = revision_of_file(connection, path)
        faults = faults_of_file(connection, is_quick=False, limit=1)
    if faults:
        raise UnavailableError(f"store {path}: it is damaged: {faults[0]}")
    if revision not in (None, found):
        raise UnavailableError(
            f"store {path}: it has revision {found}, and should have {revision}"
        )
    return found
