"""A dynamic index of open demands by match key and place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidProblemError, LimitExceededError
from matcher.domain.policy import RADIUS_M_MAX
from matcher.geo import (
    chord_bound,
    distance_m,
    distance_table_m,
    latlng_to_cells,
    unit_vectors,
)
from matcher.index.cover_plan import RESOLUTIONS, CoverPlanner
from matcher.index.demand_index_kernel import (
    NONE,
    UNUSED,
    insert_kernel,
    key_slots_kernel,
    remove_kernel,
    restore_kernel,
    within_kernel,
)
from matcher.index.nearest import nearest_of

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

#: Pairs that one call may give; 16 bytes each.
PAIR_COUNT_MAX = 200_000_000

_LEVELS = 1 + len(RESOLUTIONS)

#: Match keys are below this: their counts are an array, 8 bytes a key.
KEY_COUNT_MAX = 1 << 27

_FIRST_SLOTS = 1024
_FIRST_PAIRS = 1024
_FIRST_TABLE = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """
    Demands within the radius of each query.

    Parameters
    ----------
    row_offsets
        ``int64 (q + 1,)``.
    slots, distance_m
        ``int64 (e,)``: by query, then by slot.
    key_count
        ``int64 (q,)``: demands of the query's key anywhere.
    """

    row_offsets: IntArray
    slots: IntArray
    distance_m: IntArray
    key_count: IntArray


class DemandIndex:
    """
    Places under integer match keys, with exact look-ups by radius.

    A structure of arrays with a free list: a demand is a slot, slots are reused.
    Every slot is linked into four buckets, the whole key and its H3 cells at
    resolutions 7, 5 and 3; look-ups walk the cells of a proven cover, or the whole
    key if that is less. What they answer depends on the slots alone, never on the
    order in which they came. Not thread-safe; look-ups release the GIL.
    """

    def __init__(self) -> None:
        self._count = 0
        self._free: list[int] = []
        self._next = 0
        self._key: IntArray = np.full(_FIRST_SLOTS, UNUSED, np.int64)
        self._cell: NDArray[np.uint64] = np.zeros((_FIRST_SLOTS, _LEVELS), np.uint64)
        self._vector: FloatArray = np.zeros((_FIRST_SLOTS, 3), np.float64)
        self._after: NDArray[np.int32] = np.full(
            (_FIRST_SLOTS, _LEVELS), NONE, np.int32
        )
        self._before: NDArray[np.int32] = np.full(
            (_FIRST_SLOTS, _LEVELS), NONE, np.int32
        )
        self._key_count: IntArray = np.zeros(_FIRST_SLOTS, np.int64)
        self._table = _empty_table(_FIRST_TABLE)
        self._buckets = 0
        self._planner = CoverPlanner()

    def __len__(self) -> int:
        return self._count

    @property
    def memory_bytes(self) -> int:
        """
        Bytes of all arrays.

        Per slot that was ever in use at once 96 to 192, as arrays double, and from 40
        for each bucket, of which a slot is in 4, most of them shared.
        """
        arrays = (
            self._key,
            self._cell,
            self._vector,
            self._after,
            self._before,
            self._key_count,
            *self._table,
        )
        return sum(array.nbytes for array in arrays)

    def insert(self, keys: ArrayLike, lat: ArrayLike, lng: ArrayLike) -> IntArray:
        """
        Add places under their keys.

        Parameters
        ----------
        keys
            ``int64 (n,)``, 0 to ``2**27 - 1``; best without large gaps.
        lat, lng
            Degrees, ``(n,)`` each.

        Returns
        -------
        numpy.ndarray
            The slot of each, ``int64 (n,)``: the freed ones last in first out, then
            new ones.

        Raises
        ------
        InvalidValueError
            If a coordinate is out of range; nothing is added then.
        InvalidProblemError
            If a key is out of range, or the lengths differ; nothing is added then.

        Notes
        -----
        About 5 us a new place, most of it in H3; equal places of one call, as
        postal centroids are, are looked up once.
        """
        key = _checked_keys(keys, lat)
        vectors = unit_vectors(lat, lng)
        if not len(key):
            return np.empty(0, np.int64)
        cells = _cells(lat, lng)
        self._make_room(len(key) * _LEVELS)
        slots = self._take_slots(len(key))
        self._key[slots] = key
        self._vector[slots] = vectors
        self._cell[slots, 1:] = cells
        self._buckets += insert_kernel(
            slots, self._key, self._cell, self._table, self._after, self._before
        )
        self._key_count = _grown(self._key_count, int(key.max()) + 1, 0)
        np.add.at(self._key_count, key, 1)
        self._count += len(key)
        return slots

    def remove(self, slots: ArrayLike) -> None:
        """
        Take slots out; they are given out again later.

        Raises
        ------
        InvalidProblemError
            If a slot is not in use, or comes twice; nothing is removed then.
        """
        taken = np.ascontiguousarray(slots, np.int64)
        inside = (taken >= 0) & (taken < self._next)
        in_use = inside & (self._key[np.where(inside, taken, 0)] != UNUSED)
        if not in_use.all():
            bad = int(taken[~in_use][0])
            raise InvalidProblemError(f"slots: got {bad}; accepted: slots in use")
        if len(np.unique(taken)) != len(taken):
            raise InvalidProblemError("slots: got one twice; accepted: each once")
        np.subtract.at(self._key_count, self._key[taken], 1)
        remove_kernel(
            taken, self._key, self._cell, self._table, self._after, self._before
        )
        self._free.extend(taken.tolist())
        self._count -= len(taken)

    def within(
        self,
        keys: ArrayLike,
        lat: ArrayLike,
        lng: ArrayLike,
        radius_m: ArrayLike,
        *,
        max_pairs: int = PAIR_COUNT_MAX,
    ) -> Neighbours:
        """
        Find all demands of a key within a radius, for many queries.

        Parameters
        ----------
        keys
            ``int64 (q,)``; one that no demand has, such as -1, finds nothing.
        lat, lng
            Degrees, ``(q,)`` each.
        radius_m
            ``int64 (q,)``, 0 to 500,000 metres; the radius itself is inside.
        max_pairs
            Pairs at most, all queries together.

        Returns
        -------
        Neighbours
            Exactly the demands whose :func:`matcher.geo.distance_m` is at most the
            radius. Copies.

        Raises
        ------
        InvalidValueError
            If a coordinate is out of range.
        InvalidProblemError
            If a radius is out of range, or the lengths differ.
        LimitExceededError
            If there are more than ``max_pairs`` pairs.

        Notes
        -----
        A key that is scanned sooner than its cells are looked up is scanned whole;
        the answer is the same. Queries of one key share the gathering of its
        demands, so they cost less in one call than in many.
        """
        vectors = unit_vectors(lat, lng)
        key = _per_query("keys", keys, len(vectors))
        radius = _per_query("radius_m", radius_m, len(vectors))
        if len(radius) and not 0 <= radius.min() <= radius.max() <= RADIUS_M_MAX:
            raise InvalidProblemError(
                f"radius_m: got {radius.min()} to {radius.max()}; "
                f"accepted: 0 to {RADIUS_M_MAX}"
            )
        key_count = self._count_of(key)
        plan = self._planner.plan(key_count, radius, lat, lng)
        # Side by side, queries that walk the same buckets share the walk.
        order = np.lexsort((plan.cover_of, key))
        columns = (key, vectors, radius, chord_bound(radius)[1])
        queries = tuple(c[order] for c in (*columns, plan.level, plan.cover_of))
        rows = within_kernel(
            queries,
            self._vector,
            self._table,
            self._after,
            _FIRST_PAIRS,
            plan.covers(),
            max_pairs,
        )
        if len(rows[1]) > max_pairs:
            raise LimitExceededError("candidates", len(rows[1]), max_pairs)
        offsets, slots, metres = restore_kernel(order, *rows)
        return Neighbours(offsets, slots, metres, key_count)

    def nearest(
        self, keys: ArrayLike, lat: ArrayLike, lng: ArrayLike
    ) -> tuple[IntArray, IntArray]:
        """
        Find the nearest demand of a key, however far, for many queries.

        Parameters
        ----------
        keys
            ``int64 (q,)``; one that no demand has, such as -1, finds nothing.
        lat, lng
            Degrees, ``(q,)`` each.

        Returns
        -------
        tuple of numpy.ndarray
            Slot and distance in metres, ``int64 (q,)`` each; -1 where the key has no
            demand. Ties, in whole metres, go to the lowest slot.

        Raises
        ------
        InvalidValueError
            If a coordinate is out of range.
        InvalidProblemError
            If the lengths differ.

        Notes
        -----
        A key's demands are gathered for the call, 0.2 us each. A few queries scan
        them; more share a tree that is built for the call, 1 us a demand.
        """
        points = unit_vectors(lat, lng)
        key = _per_query("keys", keys, len(points))
        slot = np.full(len(key), -1, np.int64)
        metres = np.full(len(key), -1, np.int64)
        count = self._count_of(key)
        for each in np.unique(key[count > 0]).tolist():
            rows = np.nonzero(key == each)[0]
            total = int(self._key_count[each])
            slots = key_slots_kernel(each, total, self._table, self._after)
            slot[rows], metres[rows] = nearest_of(self._vector, slots, points[rows])
        return slot, metres

    def _count_of(self, key: IntArray) -> IntArray:
        known = (key >= 0) & (key < len(self._key_count))
        return np.where(known, self._key_count[np.where(known, key, 0)], 0)

    def _take_slots(self, count: int) -> IntArray:
        reused = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = count - len(reused)
        slots = np.array(reused + list(range(self._next, self._next + fresh)), np.int64)
        self._next += fresh
        self._key = _grown(self._key, self._next, UNUSED)
        self._vector = _grown(self._vector, self._next, 0.0)
        self._cell = _grown(self._cell, self._next, 0)
        self._after = _grown(self._after, self._next, NONE)
        self._before = _grown(self._before, self._next, NONE)
        return slots

    def _make_room(self, fresh: int) -> None:
        # Less than half full keeps probes short; a third full after building anew
        # makes that rare. Buckets that were emptied are left behind then.
        if 2 * (self._buckets + fresh) <= len(self._table[0]):
            return
        slots = np.nonzero(self._key[: self._next] != UNUSED)[0]
        live = int(np.count_nonzero(self._table[2] != NONE))
        size = _FIRST_TABLE
        while size < 3 * (live + fresh):
            size *= 2
        self._table = _empty_table(size)
        self._buckets = insert_kernel(
            slots, self._key, self._cell, self._table, self._after, self._before
        )


def warm_up() -> None:
    """Compile the kernels of this room, and of geo, on one demand."""
    index = DemandIndex()
    slots = index.insert([0], [0.0], [0.0])
    index.within([0], [0.0], [0.0], [1])
    index.nearest([0], [0.0], [0.0])
    distance_m(0.0, 0.0, 0.0, 0.0)
    distance_table_m([0.0], [0.0], [0.0], [0.0])
    index.remove(slots)


def _cells(lat: ArrayLike, lng: ArrayLike) -> NDArray[np.uint64]:
    # The cell of each place at each level; equal places are looked up once.
    places = np.asarray(lat, np.float64) + 1j * np.asarray(lng, np.float64)
    distinct, inverse = np.unique(places, return_inverse=True)
    cells = [
        latlng_to_cells(distinct.real, distinct.imag, each) for each in RESOLUTIONS
    ]
    return np.stack(cells, axis=1)[inverse]


def _per_query(name: str, values: ArrayLike, count: int) -> IntArray:
    array = np.ascontiguousarray(values, np.int64)
    if array.shape != (count,):
        raise InvalidProblemError(f"{name}: got {array.shape}; accepted: ({count},)")
    return array


def _checked_keys(keys: ArrayLike, lat: ArrayLike) -> IntArray:
    key = np.ascontiguousarray(keys, np.int64)
    if key.shape != np.shape(lat):
        raise InvalidProblemError(
            f"keys: got {key.shape}; accepted: as many as places, {np.shape(lat)}"
        )
    if len(key) and not 0 <= key.min() <= key.max() < KEY_COUNT_MAX:
        raise InvalidProblemError(
            f"keys: got {key.min()} to {key.max()}; accepted: 0 to {KEY_COUNT_MAX - 1}"
        )
    return key


def _empty_table(
    size: int,
) -> tuple[IntArray, NDArray[np.uint64], NDArray[np.int32]]:
    assert math.log2(size).is_integer()
    return (
        np.full(size, UNUSED, np.int64),
        np.zeros(size, np.uint64),
        np.full(size, NONE, np.int32),
    )


def _grown(array: NDArray[T], size: int, fill: float) -> NDArray[T]:
    if size <= len(array):
        return array
    shape = (max(size, 2 * len(array)), *array.shape[1:])
    grown = np.full(shape, fill, array.dtype)
    grown[: len(array)] = array
    return grown
