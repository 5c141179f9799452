"""Choices read off a string of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class ByteSource:
    """
    Numbers, in order, out of bytes; zeros once they have run out.

    The same bytes are the same choices: what a fuzzer keeps is repeated by itself.

    Parameters
    ----------
    data
        What the fuzzer made.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, size: int) -> int:
        """Return an unsigned number of ``size`` bytes."""
        return int.from_bytes(self.taken(size).ljust(size, b"\0"), "little")

    def below(self, bound: int) -> int:
        """Return a number from 0 to ``bound - 1``."""
        return self.number(1 if bound <= 256 else 4) % bound

    def one_of(self, choices: Sequence[T]) -> T:
        """Return one of some choices; the first of them once the bytes have run out."""
        return choices[self.below(len(choices))]

    def taken(self, size: int) -> bytes:
        """Return the next bytes: ``size`` of them, or what is left."""
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.taken(len(self._data))

    @property
    def has_more(self) -> bool:
        """Whether bytes are left."""
        return self._at < len(self._data)
