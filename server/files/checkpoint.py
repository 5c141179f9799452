"""How far a load has come, so that an interrupted one goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from matcher.domain.errors import InvalidValueError
from server.files.columns import Kind

_CHUNK_BYTES = 1 << 20


def checkpoint_path(path: Path, kind: Kind) -> Path:
    """Return where the progress of loading an input is kept: beside it."""
    return path.with_name(f"{path.name}.{kind.value}.progress.json")


class Checkpoint:
    """
    Progress of one load, on disk.

    Parameters
    ----------
    path
        The input; the file is :func:`checkpoint_path` of it.
    kind
        What its rows are; one input may hold several.
    target
        The server that the rows go to. A load into another one does not go on from
        this one.
    others
        Files that decide what the rows mean, the mapping say.

    Attributes
    ----------
    rows_done : int
        Rows of the file that the server has acknowledged or that were rejected.
    rejected_bytes : int
        Size of the rejected file at that point.

    Raises
    ------
    InvalidValueError
        If a progress file is there and is damaged, is of another target, or of
        inputs that have changed since.
    """

    def __init__(
        self, path: Path, kind: Kind, target: str, others: Sequence[Path] = ()
    ) -> None:
        self.path = checkpoint_path(path, kind)
        self.rows_done = 0
        self.rejected_bytes = 0
        self._identity: dict[str, object] = {
            "target": target,
            "fingerprint": _fingerprint([path, *others]),
        }
        if self.path.is_file():
            self._resume()

    def save(self, rows_done: int, rejected_bytes: int) -> None:
        """Note how far the load is; atomic, and on disk when it returns."""
        self.rows_done = rows_done
        self.rejected_bytes = rejected_bytes
        state = {
            **self._identity,
            "rows_done": rows_done,
            "rejected_bytes": rejected_bytes,
        }
        part = self.path.with_name(f".{self.path.name}.part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    def finish(self) -> None:
        """Remove the progress file: the load is complete."""
        self.path.unlink(missing_ok=True)

    def _resume(self) -> None:
        place = str(self.path)
        try:
            state = json.loads(self.path.read_text(encoding="utf-8"))
            done, rejected = state["rows_done"], state["rejected_bytes"]
            sound = all(type(each) is int and each >= 0 for each in (done, rejected))
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            raise InvalidValueError(
                place, "damaged", "a progress file; remove it to load from the start"
            )
        for key, accepted in (
            ("target", "the target that the load began with"),
            ("fingerprint", "the input and mapping that the load began with"),
        ):
            if state.get(key) != self._identity[key]:
                raise InvalidValueError(
                    f"{place}: {key}",
                    self._identity[key],
                    f"{accepted}; remove the progress file to load from the start",
                )
        self.rows_done, self.rejected_bytes = done, rejected


# The content itself: a file that is written anew may keep its size and, on a coarse
# clock, its time.
def _fingerprint(paths: Sequence[Path]) -> str:
    digest = blake2b(digest_size=16)
    for path in paths:
        if not path.is_file():
            raise InvalidValueError("file", str(path), "a file that exists")
        digest.update(path.stat().st_size.to_bytes(8, "big"))
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
