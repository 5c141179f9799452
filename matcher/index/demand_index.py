"""A dynamic index of open demands by match key and place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from matcher.domain.errors import InvalidProblemError, LimitExceededError
from matcher.domain.policy import RADIUS_M_MAX
from matcher.geo import chord_bound, cover, latlng_to_cells, unit_vectors
from matcher.geo.sphere_kernel import distance_kernel
from matcher.index.demand_index_kernel import (
    NONE,
    UNUSED,
    insert_kernel,
    key_slots_kernel,
    nearest_kernel,
    remove_kernel,
    within_kernel,
)

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

#: Pairs that one call may give; 16 bytes each.
PAIR_COUNT_MAX = 200_000_000

# Level 0 is the whole key. A radius is walked at the first of these resolutions
# whose cells are not much smaller than it: 15 to 120 cells cover it.
_RESOLUTIONS = (7, 5, 3)
_RADII_M = (6_000, 45_000, RADIUS_M_MAX)
_LEVELS = 1 + len(_RESOLUTIONS)

# Making a cover costs about as much as scanning this many demands. One that is not
# at hand is made only if the queries that share it would scan more without it.
_SCANS_PER_COVER = 30_000

# A look-up in the table costs about as much as scanning this many demands.
_SCANS_PER_CELL = 4

# From this many demands of a key on, a tree finds the nearest faster than a scan.
_TREE_FROM = 512

#: Match keys are below this: their counts are an array, 8 bytes a key.
KEY_COUNT_MAX = 1 << 27

_FIRST_SLOTS = 1024
_FIRST_TABLE = 8192
_COVERS_KEPT = 100_000


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
        self._covers: dict[tuple[int, int], NDArray[np.uint64]] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def memory_bytes(self) -> int:
        """
        Bytes of all arrays.

        Per slot that was ever in use at once 104 to 208, as arrays double, and 40 to
        160 for each of its buckets, at most 4, that it shares with no other.
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
        About 3 us a new place, nearly all of it in H3; equal places of one call, as
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
        the answer is the same.
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
        level, cover_of, covers = self._plan(key_count, radius, lat, lng)
        queries = (key, vectors, radius, chord_bound(radius)[1], level, cover_of)
        offsets, slots, metres = within_kernel(
            queries, self._vector, self._table, self._after, 1024, covers, max_pairs
        )
        if len(slots) > max_pairs:
            raise LimitExceededError("candidates", len(slots), max_pairs)
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
        A few queries of a key scan it, 1 ns a demand; more of them share a tree that
        is built for the call, 1 us a demand.
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
            found = (np.empty(len(rows), np.int64), np.empty(len(rows), np.int64))
            if total < _TREE_FROM or len(rows) < 8:
                nearest_kernel(self._vector, slots, points[rows], *found)
            else:
                self._nearest_by_tree(slots, points[rows], found)
            slot[rows], metres[rows] = found
        return slot, metres

    def _nearest_by_tree(
        self, slots: IntArray, points: FloatArray, found: tuple[IntArray, IntArray]
    ) -> None:
        # The tree's distances may differ in the last bit, and the nearest by whole
        # metres may be a few: the tree says where to look, the kernel decides. Of
        # equal places the lowest slot stands for all.
        slots = _lowest_of_place(self._vector, slots)
        tree = KDTree(self._vector[slots])
        _, position = tree.query(points)
        metres = np.empty(len(points), np.int64)
        distance_kernel(points, self._vector[slots[position]], metres)
        near = tree.query_ball_point(points, np.sqrt(chord_bound(metres)[1]))
        for row, positions in enumerate(near):
            nearest_kernel(
                self._vector,
                slots[np.array(positions, np.int64)],
                points[row : row + 1],
                found[0][row : row + 1],
                found[1][row : row + 1],
            )

    def _count_of(self, key: IntArray) -> IntArray:
        known = (key >= 0) & (key < len(self._key_count))
        return np.where(known, self._key_count[np.where(known, key, 0)], 0)

    def _plan(
        self, key_count: IntArray, radius: IntArray, lat: ArrayLike, lng: ArrayLike
    ) -> tuple[IntArray, IntArray, tuple[NDArray[np.uint64], IntArray]]:
        # Level and cover of each query; cover 0 is none. A query that no cover
        # pays for is tried at coarser cells, which more queries share; what is left
        # in the end scans the whole key.
        plan = _CoverPlan(key_count)
        lats, lngs = np.asarray(lat, np.float64), np.asarray(lng, np.float64)
        open_rows = np.nonzero(key_count >= 16 * _SCANS_PER_CELL)[0]
        for level, resolution in enumerate(_RESOLUTIONS, start=1):
            fits = radius[open_rows] <= _RADII_M[level - 1]
            rows = open_rows[fits]
            centres = latlng_to_cells(lats[rows], lngs[rows], resolution).tolist()
            groups: dict[tuple[int, int], list[int]] = {}
            for row, centre in zip(rows.tolist(), centres, strict=True):
                groups.setdefault((centre, int(radius[row])), []).append(row)
            left = [open_rows[~fits]]
            for (centre, radius_m), members in groups.items():
                group = np.array(members, np.int64)
                cells = self._cover(centre, radius_m, int(key_count[group].sum()))
                if cells is None:
                    left.append(group)
                else:
                    plan.add(level, group, cells)
            open_rows = np.sort(np.concatenate(left))
        return plan.level, plan.cover_of, plan.covers()

    def _cover(
        self, centre: int, radius_m: int, scans: int
    ) -> NDArray[np.uint64] | None:
        kept = self._covers.get((centre, radius_m))
        if kept is None and scans >= _SCANS_PER_COVER:
            if len(self._covers) >= _COVERS_KEPT:
                self._covers.clear()
            kept = self._covers[centre, radius_m] = cover(centre, radius_m)
        return kept

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


class _CoverPlan:
    """Which cells each query walks."""

    def __init__(self, key_count: IntArray) -> None:
        self._key_count = key_count
        self._cells: list[NDArray[np.uint64]] = [np.zeros(1, np.uint64)]
        self.level = np.zeros(len(key_count), np.int64)
        self.cover_of = np.zeros(len(key_count), np.int64)

    def add(self, level: int, rows: IntArray, cells: NDArray[np.uint64]) -> None:
        """Let rows walk a cover, those aside whose whole key is sooner scanned."""
        large = rows[self._key_count[rows] >= _SCANS_PER_CELL * len(cells)]
        self.level[large] = level
        self.cover_of[large] = len(self._cells)
        self._cells.append(cells)

    def covers(self) -> tuple[NDArray[np.uint64], IntArray]:
        """Return all cells end to end, and where each cover starts."""
        lengths = [len(cells) for cells in self._cells]
        return np.concatenate(self._cells), np.cumsum([0, *lengths], dtype=np.int64)


def warm_up() -> None:
    """Compile the kernels on one demand."""
    index = DemandIndex()
    slots = index.insert([0], [0.0], [0.0])
    index.within([0], [0.0], [0.0], [1])
    index.nearest([0], [0.0], [0.0])
    index.remove(slots)


def _cells(lat: ArrayLike, lng: ArrayLike) -> NDArray[np.uint64]:
    # The cell of each place at each level; equal places are looked up once.
    places = np.asarray(lat, np.float64) + 1j * np.asarray(lng, np.float64)
    distinct, inverse = np.unique(places, return_inverse=True)
    cells = [
        latlng_to_cells(distinct.real, distinct.imag, each) for each in _RESOLUTIONS
    ]
    return np.stack(cells, axis=1)[inverse]


def _lowest_of_place(vectors: FloatArray, slots: IntArray) -> IntArray:
    x, y, z = vectors[slots].T
    order = np.lexsort((slots, z, y, x))
    sorted_places = vectors[slots[order]]
    first = np.ones(len(order), np.bool_)
    first[1:] = (sorted_places[1:] != sorted_places[:-1]).any(axis=1)
    return slots[order[first]]


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
