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
    up, and all at once when they outnumber the rest. What is set together is put in
    order when the first of it is due.
    """

    def __init__(self) -> None:
        self._due_us: dict[K, int] = {}
        self._heap: list[tuple[int, K]] = []
        # What was set together: a heap by the first of each, with a number that no
        # two have, for the rest is not to be compared.
        self._loads: list[tuple[int, K, int, Mapping[K, int]]] = []
        self._load_count = 0

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
        Set when many ids are due, of which none is here yet; not modified later.

        Takes linear time: most of what it takes to find an order is left for later.
        """
        self._due_us.update(due_us)
        if len(due_us) > len(self._heap):
            self._order()
        elif due_us:
            first_us = min(due_us.values())
            first = min(key for key, due in due_us.items() if due == first_us)
            self._load_count += 1
            heapq.heappush(self._loads, (first_us, first, self._load_count, due_us))

    def _order(self) -> None:
        self._loads.clear()
        self._heap = [(due, each) for each, due in self._due_us.items()]
        heapq.heapify(self._heap)

    def _unload(self) -> None:
        *_, due_us = heapq.heappop(self._loads)
        for key, due in due_us.items():
            if self._due_us.get(key) == due:
                heapq.heappush(self._heap, (due, key))

    def drop(self, key: K) -> None:
        """Forget an id; nothing happens if it is not there."""
        self._due_us.pop(key, None)

    def next_us(self) -> int | None:
        """Return the earliest due time, ``None`` if nothing is due ever."""
        while self._heap and not self._is_set(self._heap[0]):
            heapq.heappop(self._heap)
        while self._loads:
            first = self._loads[0][:2]
            if self._heap and self._heap[0] <= first:
                break
            if self._is_set(first):
                return first[0]
            self._unload()
        return self._heap[0][0] if self._heap else None

    def _is_set(self, entry: tuple[int, K]) -> bool:
        due_us, key = entry
        return self._due_us.get(key) == due_us

    def take_due(self, now_us: int) -> list[K]:
        """Take out all ids that are due at ``now_us`` or before, earliest first."""
        while self._loads and self._loads[0][0] <= now_us:
            self._unload()
        due: list[K] = []
        while (next_us := self.next_us()) is not None and next_us <= now_us:
            _, key = heapq.heappop(self._heap)
            del self._due_us[key]
            due.append(key)
        return due
