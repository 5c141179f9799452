"""The SHA-256 of a file, beside it, in the form that `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

from matcher.domain.errors import UnavailableError
from server.storage.new_file import new_file


def beside(path: Path) -> Path:
    """Return where the checksum of a file stands."""
    return path.with_name(path.name + ".sha256")


def digest_of(path: Path) -> str:
    """Return the checksum of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksum(path: Path, digest: str) -> None:
    """Put the checksum of a file beside it, on the disk, in the place of an older."""
    with new_file(beside(path)) as part:
        part.write_text(f"{digest}  {path.name}\n", encoding="utf-8")


def check_digest(path: Path, copy: Path) -> bool:
    """
    Check a copy of a file against the checksum beside the file.

    Returns
    -------
    bool
        Whether there is one.

    Raises
    ------
    UnavailableError
        If it is of other bytes.
    """
    note = beside(path)
    if not note.is_file():
        return False
    wanted = note.read_text(encoding="utf-8", errors="replace").partition(" ")[0]
    if digest_of(copy) != wanted:
        raise UnavailableError(
            f"file {path}: it is damaged: its bytes are not those of {note.name}"
        )
    return True
