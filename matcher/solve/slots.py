"""Places that are given out, given back, and given out again."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidProblemError

IntArray = NDArray[np.int64]


class Slots:
    """
    Which places of growing arrays are in use.

    Parameters
    ----------
    kind
        What stands at them, for errors.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._free: list[int] = []
        self._in_use = np.zeros(0, np.bool_)
        self.size = 0

    @property
    def count(self) -> int:
        """Places in use."""
        return self.size - len(self._free)

    @property
    def in_use(self) -> IntArray:
        """The places in use, ascending."""
        return np.nonzero(self._in_use[: self.size])[0]

    def take(self, count: int) -> IntArray:
        """Return so many places, ``int64 (count,)``: the last given back first."""
        again = min(count, len(self._free))
        slots = [self._free.pop() for _ in range(again)]
        slots += range(self.size, self.size + count - again)
        self.size += count - again
        if self.size > len(self._in_use):
            more = np.zeros(max(self.size, 2 * len(self._in_use)), np.bool_)
            more[: len(self._in_use)] = self._in_use
            self._in_use = more
        found = np.array(slots, np.int64)
        self._in_use[found] = True
        return found

    def give_back(self, slots: IntArray) -> None:
        """Make places in use free again."""
        self._in_use[slots] = False
        self._free.extend(slots[::-1].tolist())

    def check(self, name: str, values: ArrayLike, *, once: bool = False) -> IntArray:
        """
        Return places that are in use as ``int64``.

        Raises
        ------
        InvalidProblemError
            If one is not in use, or named twice where ``once`` is said.
        """
        given = np.asarray(values)
        if given.ndim != 1 or (
            given.size and not np.issubdtype(given.dtype, np.integer)
        ):
            raise InvalidProblemError(
                f"{name}: got {given.ndim} dimensions of {given.dtype}; "
                "accepted: one of integers"
            )
        inside = (given >= 0) & (given < self.size)
        slots = np.where(inside, given, 0).astype(np.int64)
        known = inside & (self._in_use[slots] if self.size else False)
        if not known.all():
            at = int(np.argmin(known))
            raise InvalidProblemError(
                f"{name}[{at}]: got {given[at]}; "
                f"accepted: the slot of one of the {self.count} {self._kind}"
            )
        if once and len(np.unique(slots)) < len(slots):
            raise InvalidProblemError(f"{name}: got a slot twice; accepted: each once")
        return slots
