"""A backup put in the place of a store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.storage.backup import check_copy
from server.storage.checksum import check_digest
from server.storage.new_file import new_file, sync
from server.storage.restore_marker import RestoreMarker
from server.storage.store_lock import StoreLock

# What SQLite keeps beside a database. The index of the log (-shm) is made anew.
_BESIDE = ("", "-wal", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """
    A store that was put in place, and where the one before it is kept.

    ``has_checksum`` says whether the backup's bytes were held against one. Without it
    a bit that flipped inside a row may go unseen: pages have no checksums of their own.
    """

    revision: str
    aside: Path | None
    has_checksum: bool


def restore(backup: Path, store: Path, *, replaces: bool, now: datetime) -> Restored:
    """
    Put a copy of a backup where a store is to be.

    The copy is checked before anything that is there is touched. A store that is there
    is kept beside it, its log included, as ``STORE.YYYYMMDDTHHMMSSZ.old``. Cut off
    anywhere, there is the old store, the new one, or a note that keeps servers out;
    the same command then goes on.

    Parameters
    ----------
    backup
        A file from :func:`server.storage.backup.back_up`, or any store that was closed
        in an orderly way. Not modified.
    store
        Where the store is to be; its folder must exist.
    replaces
        Whether a store may be there.
    now
        Names the store that is kept.

    Returns
    -------
    Restored
        What was done.

    Raises
    ------
    InvalidValueError
        If a store is there and may not, or the backup has a log beside it.
    UnavailableError
        If a server holds the store, or the backup is damaged, of another program or of
        a newer version.
    """
    store = store.resolve()
    _refuse_unfit(backup, store)
    lock = StoreLock(store)
    try:
        marker = RestoreMarker(store)
        unfinished = marker.aside()
        old = [each for each in _files(store) if each.exists()]
        if old and not (replaces or unfinished):
            raise InvalidValueError(
                "store_url", str(store), "a place without a store, or --replace"
            )
        aside = store.with_name(unfinished or f"{store.name}.{now:%Y%m%dT%H%M%SZ}.old")
        if not unfinished and any(each.exists() for each in _files(aside)):
            raise UnavailableError(f"store {store}: cannot keep it: {aside} exists")
        with new_file(store) as part:
            shutil.copyfile(backup, part)
            if old:
                shutil.copymode(old[0], part)
            sync(part)
            has_checksum = check_digest(backup, part)
            revision = _checked(part, backup)
            if old or unfinished:
                marker.write(aside.name)
                _move(store, aside)
        marker.remove()
    finally:
        lock.release()
    return Restored(revision, aside if aside.exists() else None, has_checksum)


def _checked(copy: Path, backup: Path) -> str:
    try:
        return check_copy(copy)
    except UnavailableError as error:
        # The copy is gone when this is read: what it is a copy of is meant.
        told = str(error).replace(f"store {copy}", f"backup {backup}")
        raise UnavailableError(told) from error


def _refuse_unfit(backup: Path, store: Path) -> None:
    if not backup.is_file():
        raise InvalidValueError("file", str(backup), "a file that exists")
    if backup.resolve() == store:
        raise InvalidValueError("file", str(backup), "another file than the store")
    for beside in _files(backup)[1:]:
        if beside.exists() and beside.stat().st_size:
            raise InvalidValueError(
                "file",
                str(backup),
                f"a backup, or a store that was closed; {beside.name} is beside it and "
                "holds what the file does not",
            )


def _files(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in _BESIDE]


def _move(store: Path, aside: Path) -> None:
    for old, kept in zip(_files(store), _files(aside), strict=True):
        # Kept already by a restore that was cut off: what is there is its new file.
        if old.exists() and not kept.exists():
            old.rename(kept)
    store.with_name(store.name + "-shm").unlink(missing_ok=True)
    sync(store.parent)
