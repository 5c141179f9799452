"""A dynamic index of open demands by match key and place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidProblemError, InvalidValueError
from matcher.domain.policy import RADIUS_M_MAX
from matcher.geo import (
    checked_places,
    distance_m,
    distance_table_m,
    unit_vectors,
)
from matcher.index.band_table import BandTable
from matcher.index.cell_buckets import CellBuckets
from matcher.index.demand_index_kernel import UNUSED
from matcher.index.growing import grown
from matcher.index.nearest import nearest_of
from matcher.index.text_hash import text_hashes

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]
FloatArray = NDArray[np.float64]

#: Pairs that one call may give; 16 bytes each.
PAIR_COUNT_MAX = 200_000_000

#: Match keys are below this: their counts are an array, 8 bytes a key.
KEY_COUNT_MAX = 1 << 27

#: Nearest demands that a query may ask for.
BEST_COUNT_MAX = 1_000

# From one query for so many places on, sorting them pays.
_QUERIES_PER_TABLE = 100

_FIRST_SLOTS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """
    Demands within the radius of each query.

    Parameters
    ----------
    row_offsets
        ``int64 (q + 1,)``.
    slots, distance_m
        ``int32 (e,)``, by query; within a query in no order to rely on.
    key_count
        ``int64 (q,)``: demands of the query's key anywhere.
    """

    row_offsets: IntArray
    slots: Int32Array
    distance_m: Int32Array
    key_count: IntArray


class DemandIndex:
    """
    Places under integer match keys, with exact look-ups by radius.

    A structure of arrays with a free list: a demand is a slot, slots are reused. A few
    look-ups walk buckets by key and H3 cell
    (:class:`~matcher.index.cell_buckets.CellBuckets`); many at once go through a
    sorted copy (:class:`~matcher.index.band_table.BandTable`), which is kept until a
    place comes or goes. Each is made when first asked for. What they find depends on
    the slots alone, never on the way taken. Not thread-safe; look-ups release the GIL.
    """

    def __init__(self) -> None:
        self._count = 0
        self._free: list[int] = []
        self._next = 0
        self._key: IntArray = np.full(_FIRST_SLOTS, UNUSED, np.int64)
        self._place: FloatArray = np.zeros((_FIRST_SLOTS, 2), np.float64)
        self._vector: FloatArray = np.zeros((_FIRST_SLOTS, 3), np.float64)
        self._key_count: IntArray = np.zeros(_FIRST_SLOTS, np.int64)
        self._buckets = CellBuckets()
        self._bands: BandTable | None = None

    def __len__(self) -> int:
        return self._count

    def count(self, key: int) -> int:
        """Return how many demands have a match key."""
        return int(self._key_count[key]) if 0 <= key < len(self._key_count) else 0

    @property
    def memory_bytes(self) -> int:
        """
        Bytes of all arrays.

        A slot that was ever in use at once takes 48 to 96, as arrays double; once it
        was linked another 65 to 130, and from 40 for each bucket, of which it is in 4,
        most of them shared. The sorted copy has 44 for each place while there is one.
        """
        arrays = (self._key, self._place, self._vector, self._key_count)
        own = sum(array.nbytes for array in arrays)
        return own + self._buckets.memory_bytes + _bytes_of(self._bands)

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
        About 0.2 us a place; the first look-up that walks cells adds 5 us, most of it
        in H3, where equal places, as postal centroids are, are looked up once.
        """
        key = _checked_keys(keys, lat)
        lats, lngs = checked_places(lat, lng)
        if not len(key):
            return np.empty(0, np.int64)
        slots = self._take_slots(len(key))
        self._bands = None
        self._key[slots] = key
        self._place[slots, 0] = lats
        self._place[slots, 1] = lngs
        self._vector[slots] = unit_vectors(lats, lngs)
        self._buckets.add(slots)
        self._key_count = grown(self._key_count, int(key.max()) + 1, 0)
        np.add.at(self._key_count, key, 1)
        self._count += len(key)
        return slots

    def sort(self, *, threads: int = 1) -> None:
        """
        Make the sorted copy now, so that however few look-ups go through it.

        For places that do not change any more: 0.2 us each, against the 5 us of a
        place that is linked into its buckets. ``threads`` may work on it.
        """
        if self._count:
            self._sorted(threads)

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
        self._bands = None
        np.subtract.at(self._key_count, self._key[taken], 1)
        self._buckets.remove(taken, self._key)
        self._key[taken] = UNUSED
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
        threads: int = 1,
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
        threads
            How many may work on it; without influence on the answer.

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
        A hundredth as many queries as places, or a sorted copy that is still there,
        and they go through that; fewer walk buckets.
        """
        key, place, radius = _checked_queries(keys, lat, lng, radius_m)
        key_count = self._count_of(key)
        if self._bands is not None or _QUERIES_PER_TABLE * len(key) >= self._count > 0:
            pairs = self._sorted(threads).within(
                key, place, radius, threads=threads, max_pairs=max_pairs
            )
            return Neighbours(*pairs, key_count)
        self._buckets.link(self._key, self._place)
        found = self._buckets.within(
            key, place, radius, key_count, self._vector, max_pairs
        )
        return Neighbours(*found, key_count)

    def best(
        self,
        keys: ArrayLike,
        lat: ArrayLike,
        lng: ArrayLike,
        radius_m: ArrayLike,
        count: int = 10,
    ) -> tuple[Int32Array, Int32Array]:
        """
        Find the nearest few demands of a key within a radius, for many queries.

        Parameters
        ----------
        keys, lat, lng, radius_m
            Queries, as in :meth:`within`.
        count
            Demands at most for each query, 1 to 1,000.

        Returns
        -------
        tuple of numpy.ndarray
            Slots and metres, ``int32 (q, count)`` each: the first ``count`` of what
            :meth:`within` finds, by metres, then slot; -1 past the last.

        Raises
        ------
        InvalidValueError
            If a coordinate or the count is out of range.
        InvalidProblemError
            If a radius is out of range, or the lengths differ.

        Notes
        -----
        Cells are walked from the query outwards, and none that only has places farther
        than the last of ``count`` found.
        """
        if not 1 <= count <= BEST_COUNT_MAX:
            raise InvalidValueError("count", count, f"1 to {BEST_COUNT_MAX}")
        key, place, radius = _checked_queries(keys, lat, lng, radius_m)
        self._buckets.link(self._key, self._place)
        return self._buckets.best(
            key, place, radius, self._count_of(key), self._vector, count
        )

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
            slots = self._slots_of(each)
            slot[rows], metres[rows] = nearest_of(self._vector, slots, points[rows])
        return slot, metres

    def _sorted(self, threads: int) -> BandTable:
        if self._bands is None:
            used: slice | IntArray = slice(self._next)
            slots = np.arange(self._next)
            if self._count < self._next:
                used = slots = np.nonzero(self._key[: self._next] != UNUSED)[0]
            self._bands = BandTable.of(
                slots,
                self._key[used],
                self._place[used],
                self._vector[used],
                threads=threads,
            )
        return self._bands

    def _slots_of(self, key: int) -> IntArray:
        if self._bands is not None:
            return self._bands.slots_of(key)
        self._buckets.link(self._key, self._place)
        return self._buckets.slots_of(key, int(self._key_count[key]))

    def _count_of(self, key: IntArray) -> IntArray:
        known = (key >= 0) & (key < len(self._key_count))
        return np.where(known, self._key_count[np.where(known, key, 0)], 0)

    def _take_slots(self, count: int) -> IntArray:
        reused = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = np.arange(self._next, self._next + count - len(reused))
        slots = np.concatenate((np.array(reused, np.int64), fresh))
        self._next += len(fresh)
        self._key = grown(self._key, self._next, UNUSED)
        self._place = grown(self._place, self._next, 0.0)
        self._vector = grown(self._vector, self._next, 0.0)
        return slots


def warm_up() -> None:
    """Compile the kernels of this room, and of geo, on one demand."""
    index = DemandIndex()
    slots = index.insert(range(8), [0.0] * 8, [0.0] * 8)
    index.within([0], [0.0], [0.0], [1])
    index.insert([1] * 200, [1.0] * 200, [1.0] * 200)
    index.within([0], [0.0], [0.0], [1])
    index.best([0], [0.0], [0.0], [1])
    index.nearest([0], [0.0], [0.0])
    distance_m(0.0, 0.0, 0.0, 0.0)
    distance_table_m([0.0], [0.0], [0.0], [0.0])
    text_hashes(np.zeros(2, np.int32), np.zeros(0, np.uint8))
    index.remove(slots)


def _bytes_of(table: BandTable | None) -> int:
    return table.memory_bytes if table is not None else 0


def _checked_queries(
    keys: ArrayLike, lat: ArrayLike, lng: ArrayLike, radius_m: ArrayLike
) -> tuple[IntArray, FloatArray, IntArray]:
    # Keys, places and radii of look-ups.
    lats, lngs = checked_places(lat, lng)
    key = _per_query("keys", keys, len(lats))
    radius = _per_query("radius_m", radius_m, len(lats))
    if len(radius) and not 0 <= radius.min() <= radius.max() <= RADIUS_M_MAX:
        raise InvalidProblemError(
            f"radius_m: got {radius.min()} to {radius.max()}; "
            f"accepted: 0 to {RADIUS_M_MAX}"
        )
    return key, np.column_stack((lats, lngs)), radius


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
