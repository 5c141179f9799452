"""Slots in linked lists by match key and H3 cell, for a few look-ups at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import LimitExceededError
from matcher.geo import chord_bound, latlng_to_cells, reach_m, unit_vectors
from matcher.index.cover_plan import FINEST_RADIUS_M, RESOLUTIONS, CoverPlanner
from matcher.index.demand_index_kernel import (
    NONE,
    UNUSED,
    best_kernel,
    insert_kernel,
    key_slots_kernel,
    remove_kernel,
    restore_kernel,
    within_kernel,
)
from matcher.index.growing import grown

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]
FloatArray = NDArray[np.float64]

_LEVELS = 1 + len(RESOLUTIONS)

# Calls of add whose slots are noted one by one.
_NOTES_MAX = 1000

# No place of a cell is farther from its centre, by level; a key has no centre.
_REACH_M = np.array([0.0, *(reach_m(each) for each in RESOLUTIONS)])

# Demands of a key from which on its nearest few are looked for in finest cells first.
_NARROW_FIRST = 50_000

_FIRST_PAIRS = 1024
_FIRST_TABLE = 8192


class CellBuckets:
    """
    A bucket for each key and for each of its cells at resolutions 7, 5 and 3.

    Slots are linked when a look-up first asks for them: who only ever looks up many
    at once, through a sorted copy, does without H3.
    """

    def __init__(self) -> None:
        self._cell: NDArray[np.uint64] = np.zeros((0, _LEVELS), np.uint64)
        self._after: Int32Array = np.full((0, _LEVELS), NONE, np.int32)
        self._before: Int32Array = np.full((0, _LEVELS), NONE, np.int32)
        self._is_linked: NDArray[np.bool_] = np.zeros(0, np.bool_)
        # None: any slot may be waiting, there were too many to note.
        self._waiting: list[IntArray] | None = []
        self._table = _empty_table(_FIRST_TABLE)
        self._bucket_count = 0
        self._planner = CoverPlanner()

    @property
    def memory_bytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self._cell, self._after, self._before, self._is_linked, *self._table)
        return sum(array.nbytes for array in arrays)

    def add(self, slots: IntArray) -> None:
        """Note slots that are new; they are linked when somebody asks."""
        if self._waiting is not None:
            self._waiting.append(slots)
            if len(self._waiting) > _NOTES_MAX:
                self._waiting = None

    def remove(self, slots: IntArray, slot_key: IntArray) -> None:
        """Take slots out of their buckets; ``slot_key`` still has their keys."""
        known = slots[slots < len(self._is_linked)]
        linked = known[self._is_linked[known]]
        remove_kernel(
            linked, slot_key, self._cell, self._table, self._after, self._before
        )
        self._is_linked[linked] = False

    def link(self, slot_key: IntArray, place: FloatArray) -> None:
        """
        Link what waits for it.

        Parameters
        ----------
        slot_key
            Keys by slot, ``int64 (s,)``; ``UNUSED`` where a slot is free again.
        place
            Latitude and longitude by slot, ``float64 (s, 2)``.
        """
        if self._waiting == []:
            return
        if self._waiting is None:
            slots = np.arange(len(slot_key))
        else:
            slots = np.unique(np.concatenate(self._waiting))
        self._waiting = []
        self._grow(len(slot_key))
        slots = slots[(slot_key[slots] != UNUSED) & ~self._is_linked[slots]]
        self._make_room(len(slots) * _LEVELS, slot_key)
        self._cell[slots, 1:] = _cells(place[slots])
        self._is_linked[slots] = True
        self._insert(slots, slot_key)

    def slots_of(self, key: int, count: int) -> IntArray:
        """Return the ``count`` linked slots of a key, in no order."""
        slots: IntArray = key_slots_kernel(key, count, self._table, self._after)
        return slots

    def within(
        self,
        key: IntArray,
        place: FloatArray,
        radius_m: IntArray,
        key_count: IntArray,
        slot_vector: FloatArray,
        max_pairs: int,
    ) -> tuple[IntArray, Int32Array, Int32Array]:
        """
        Find all linked slots of a key within a radius, for some queries.

        Parameters
        ----------
        key, place, radius_m
            Queries: ``int64 (q,)``, degrees ``float64 (q, 2)``, ``int64 (q,)``.
        key_count
            Slots of each query's key, ``int64 (q,)``.
        slot_vector
            Unit vectors by slot, ``float64 (s, 3)``.
        max_pairs
            Pairs at most.

        Returns
        -------
        tuple of numpy.ndarray
            Offsets by query, slots and metres; within a query in no order.

        Raises
        ------
        LimitExceededError
            If there are more than ``max_pairs`` pairs.

        Notes
        -----
        A key that is scanned sooner than its cells are looked up is scanned whole.
        Queries of one key share the gathering of its slots.
        """
        queries, covers = self._queries(key, place, radius_m, key_count)
        # Side by side, queries that walk the same buckets share the walk.
        order = np.lexsort((queries[-1], key))
        rows = within_kernel(
            tuple(column[order] for column in queries),
            slot_vector,
            self._table,
            self._after,
            _FIRST_PAIRS,
            covers[:2],
            max_pairs,
        )
        if len(rows[1]) > max_pairs:
            raise LimitExceededError("candidates", len(rows[1]), max_pairs)
        found: tuple[IntArray, Int32Array, Int32Array] = restore_kernel(order, *rows)
        return found

    def best(
        self,
        key: IntArray,
        place: FloatArray,
        radius_m: IntArray,
        key_count: IntArray,
        slot_vector: FloatArray,
        count: int,
    ) -> tuple[Int32Array, Int32Array]:
        """
        Find the nearest ``count`` linked slots of a key within a radius.

        Parameters are those of :meth:`within`.

        Returns
        -------
        tuple of numpy.ndarray
            Slots and metres, ``int32 (q, count)`` each, by metres, then slot; -1 past
            the last.
        """
        slots = np.full((len(key), count), -1, np.int32)
        metres = slots.copy()
        # Large keys mostly have enough in the finest cells: what is found there within
        # a smaller radius is nearer than all else.
        narrow = (radius_m > FINEST_RADIUS_M) & (key_count >= _NARROW_FIRST)
        tries = (
            (np.nonzero(narrow)[0], np.minimum(radius_m, FINEST_RADIUS_M)),
            (np.arange(len(key)), radius_m),
        )
        for rows, radius in tries:
            open_rows = rows[slots[rows, -1] < 0]
            if len(open_rows):
                columns = (each[open_rows] for each in (key, place, radius, key_count))
                queries, covers = self._queries(*columns)
                slots[open_rows], metres[open_rows] = best_kernel(
                    queries,
                    slot_vector,
                    self._table,
                    self._after,
                    covers,
                    _REACH_M,
                    count,
                )
        return slots, metres

    def _queries(
        self,
        key: IntArray,
        place: FloatArray,
        radius_m: IntArray,
        key_count: IntArray,
    ) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
        # What the kernels know of queries, and of the covers that they walk.
        lat, lng = place.T
        plan = self._planner.plan(key_count, radius_m, lat, lng)
        bound = chord_bound(radius_m)[1]
        columns = (key, unit_vectors(lat, lng), radius_m, bound)
        return (*columns, plan.level, plan.cover_of), plan.covers()

    def _grow(self, size: int) -> None:
        self._cell = grown(self._cell, size, 0)
        self._after = grown(self._after, size, NONE)
        self._before = grown(self._before, size, NONE)
        self._is_linked = grown(self._is_linked, size, False)

    def _insert(self, slots: IntArray, slot_key: IntArray) -> None:
        self._bucket_count += insert_kernel(
            slots, slot_key, self._cell, self._table, self._after, self._before
        )

    def _make_room(self, fresh: int, slot_key: IntArray) -> None:
        # Less than half full keeps probes short; a third full after building anew
        # makes that rare. Buckets that were emptied are left behind then.
        if 2 * (self._bucket_count + fresh) <= len(self._table[0]):
            return
        live = int(np.count_nonzero(self._table[2] != NONE))
        size = _FIRST_TABLE
        while size < 3 * (live + fresh):
            size *= 2
        self._table = _empty_table(size)
        self._bucket_count = 0
        self._insert(np.nonzero(self._is_linked)[0], slot_key)


def _cells(place: FloatArray) -> NDArray[np.uint64]:
    # The cell of each place at each level; equal places are looked up once.
    joined = place[:, 0] + 1j * place[:, 1]
    distinct, inverse = np.unique(joined, return_inverse=True)
    cells = [
        latlng_to_cells(distinct.real, distinct.imag, each) for each in RESOLUTIONS
    ]
    return np.stack(cells, axis=1)[inverse]


def _empty_table(
    size: int,
) -> tuple[IntArray, NDArray[np.uint64], NDArray[np.int32]]:
    assert math.log2(size).is_integer()
    return (
        np.full(size, UNUSED, np.int64),
        np.zeros(size, np.uint64),
        np.full(size, NONE, np.int32),
    )
