"""Instants at which something is due, the earliest first."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=str)


class Timetable(Generic[K]):
    """
    Ids with one due time each; a new time for an id replaces the old one.

    Ids that are due at the same instant come in the order of the ids. Setting and
    taking cost ``O(log n)``; entries that were replaced are dropped when they come
    up, and all at once when they outnumber the rest.
    """

    def __init__(self) -> None:
        self._due_us: dict[K, int] = {}
        self._heap: list[tuple[int, K]] = []

    def __len__(self) -> int:
        return len(self._due_us)

    def set(self, key: K, due_us: int) -> None:
        """Set when an id is due, microseconds since the epoch."""
        if self._due_us.get(key) == due_us:
            return
        self._due_us[key] = due_us
        heapq.heappush(self._heap, (due_us, key))
        if len(self._heap) > 2 * len(self._due_us) + 64:
            self._order()

    def add(self, due_us: Mapping[K, int]) -> None:
        """
        Set when many ids are due, of which none is here yet.

        Takes linear time where they are more than what is here, a few steps for each
        where they are not.
        """
        is_most = len(due_us) > len(self._heap)
        self._due_us.update(due_us)
        if is_most:
            self._order()
            return
        for entry in zip(due_us.values(), due_us, strict=True):
            heapq.heappush(self._heap, entry)

    def _order(self) -> None:
        self._heap = [(due, each) for each, due in self._due_us.items()]
        heapq.heapify(self._heap)

    def drop(self, key: K) -> None:
        """Forget an id; nothing happens if it is not there."""
        self._due_us.pop(key, None)

    def next_us(self) -> int | None:
        """Return the earliest due time, ``None`` if nothing is due ever."""
        while self._heap:
            due_us, key = self._heap[0]
            if self._due_us.get(key) == due_us:
                return due_us
            heapq.heappop(self._heap)
        return None

    def take_due(self, now_us: int) -> list[K]:
        """Take out all ids that are due at ``now_us`` or before, earliest first."""
        due: list[K] = []
        while (next_us := self.next_us()) is not None and next_us <= now_us:
            _, key = heapq.heappop(self._heap)
            del self._due_us[key]
            due.append(key)
        return due
