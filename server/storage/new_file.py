"""A file that is there whole, durable and checked, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """
    Give the path of a file to fill, which becomes ``target`` at the end.

    It lies in the same folder under a name of its own, and is removed if anything
    fails. A process that is killed leaves it behind under that name, ``TARGET.*.part``,
    which nothing reads.

    Parameters
    ----------
    target
        What it becomes; a file of that name is replaced.

    Raises
    ------
    OSError
        If the folder is not there, or cannot be written.
    """
    descriptor, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
        sync(part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(target.parent)


def sync(path: Path) -> None:
    """Have the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
