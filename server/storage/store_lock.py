"""The lock that keeps a second process away from an embedded store."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from matcher.domain.errors import UnavailableError


class StoreLock:
    """
    Exclusive advisory lock on a file beside the database, held until released.

    The system drops it when the process ends, however it ends. The file stays:
    removing it would let two processes lock two files of the same name. The
    database file itself is never locked or opened here, for closing a second
    descriptor of it would drop SQLite's own locks.

    Parameters
    ----------
    database_path
        Path of the database, symbolic links resolved; the lock file's name is
        that with ``.lock`` behind it.

    Raises
    ------
    UnavailableError
        If another holder, in this process or any other, has it, or the folder
        does not exist, or the file cannot be made in it.
    """

    def __init__(self, database_path: Path) -> None:
        path = database_path.with_name(database_path.name + ".lock")
        if not path.parent.is_dir():
            raise UnavailableError(
                f"store {database_path}: cannot open it: {path.parent} is no folder"
            )
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._take(database_path, path)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise UnavailableError(
                f"store {database_path}: cannot open it: lock file {path}: "
                f"{error.strerror}"
            ) from error

    def release(self) -> None:
        """Let the next process have the store; call it once."""
        os.close(self._descriptor)

    def _take(self, database_path: Path, path: Path) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace")
            raise UnavailableError(
                f"store {database_path}: cannot open it: process "
                f"{holder.strip() or 'unknown'} has it open and holds {path}"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
