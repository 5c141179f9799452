"""Demands sorted by key, latitude band and longitude, for many look-ups at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import LimitExceededError
from matcher.geo import EARTH_RADIUS_M, chord_bound
from matcher.index.band_table_kernel import (
    BAND_BITS,
    SCANNED_WHOLE,
    bands_within_kernel,
    codes_kernel,
    place_rows_kernel,
)
from matcher.index.order_kernel import (
    gather_places_kernel,
    gather_queries_kernel,
    group_kernel,
    sort_groups_kernel,
)
from matcher.parallel import by_ranges

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]
FloatArray = NDArray[np.float64]

# Demands that a square of a band's height should hold: fewer make for many bands to
# look up, more for many demands to look at. Times are flat from 2 to 80.
_PER_SQUARE = 20.0

# Density is judged by the neighbourhood, in degrees, of so many demands.
_SAMPLE = 4096
_SAMPLE_DEGREES = 0.1

_BANDS_PER_DEGREE_MAX = (1 << BAND_BITS) / 180.0

# Queries that one thread takes at a time at least, and pairs it makes room for.
_ROWS_AT_ONCE = 1 << 12
_PAIRS_AT_ONCE = 1 << 17

# Where one key has more than this share, all is sorted at once, by one thread.
_LARGE_KEY = 1 / 8

# More than rounding ever takes away, in metres and in degrees.
_ROOM_M = 1.0
_ROOM_DEGREES = 1e-9


class Pairs(NamedTuple):
    """Pairs by query: ``int64 (q + 1,)`` offsets, ``int32 (e,)`` slots and metres."""

    row_offsets: IntArray
    slots: Int32Array
    distance_m: Int32Array


@dataclass(frozen=True, slots=True, eq=False)
class BandTable:
    """
    An unchanging copy of some demands, in the order that look-ups want.

    A key's demands are cut into bands of latitude, as high as their density asks, and
    sorted by longitude in each: what a circle may hold is one range a band. A table is
    made at 0.2 us a demand and looked up at some tens of nanoseconds a pair.
    """

    code: NDArray[np.uint64]
    vector: FloatArray
    slot: Int32Array
    key_start: IntArray
    bands_per_degree: FloatArray
    largest: int

    @classmethod
    def of(
        cls,
        slots: IntArray,
        key: IntArray,
        place: FloatArray,
        vector: FloatArray,
        *,
        threads: int = 1,
    ) -> BandTable:
        """
        Sort demands into a table.

        Parameters
        ----------
        slots
            ``int64 (n,)``, below 2**31, rising.
        key
            Match keys, ``int64 (n,)``, 0 to ``2**27 - 1``.
        place
            Degrees, ``float64 (n, 2)``: latitude, longitude.
        vector
            Unit vectors, ``float64 (n, 3)``.
        threads
            How many work on it; without influence on the table.
        """
        n = len(key)
        key_count = np.bincount(key) if n else np.zeros(1, np.int64)
        bands_per_degree = _bands_per_degree(key_count, place)
        code = codes_kernel(key, place, bands_per_degree)
        order = _order(key, code, threads)
        columns = (np.empty_like(code), np.empty_like(vector), np.empty(n, np.int32))
        by_ranges(
            n,
            threads,
            lambda start, stop: gather_places_kernel(
                start, stop, order, (code, vector, slots), columns
            ),
        )
        key_start = np.concatenate(([0], np.cumsum(key_count)))
        return cls(*columns, key_start, bands_per_degree, int(key_count.max()))

    def within(
        self,
        key: IntArray,
        place: FloatArray,
        radius_m: IntArray,
        *,
        threads: int,
        max_pairs: int,
    ) -> Pairs:
        """
        Find all demands of a key within a radius, for many queries.

        Parameters
        ----------
        key
            ``int64 (q,)``; one that no demand has finds nothing.
        place
            Degrees, ``float64 (q, 2)``, in range.
        radius_m
            ``int64 (q,)``, 0 to 500,000.
        threads
            How many work on it; without influence on the answer.
        max_pairs
            Pairs at most, all queries together.

        Returns
        -------
        Pairs
            By query; within a query in no order to rely on.

        Raises
        ------
        LimitExceededError
            If there are more than ``max_pairs`` pairs.
        """
        radii, reach = np.unique(radius_m, return_inverse=True)
        # Keys without demands only have to come somewhere.
        known = np.clip(key, 0, len(self.bands_per_degree))
        code = codes_kernel(known, place, self.bands_per_degree)
        order = _order(known, code, threads)
        queries = np.empty((len(key), 4))
        by_ranges(
            len(key),
            threads,
            lambda start, stop: gather_queries_kernel(
                start, stop, order, (place, key, reach), queries
            ),
        )
        search = _Search(self, queries, _reaches(radii), max_pairs)
        # Several parts a thread, as some take longer than others.
        size = max(_ROWS_AT_ONCE, len(key) // (8 * threads))
        parts = [
            slice(start, min(start + size, len(key)))
            for start in range(0, len(key), size)
        ]
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(search.run, parts))
            offsets = np.zeros(len(key) + 1, np.int64)
            offsets[1:][order] = search.counts
            np.cumsum(offsets, out=offsets)
            if offsets[-1] > max_pairs:
                raise LimitExceededError("candidates", int(offsets[-1]), max_pairs)
            pairs = Pairs(offsets, *(np.empty(offsets[-1], np.int32) for _ in range(2)))
            place_part = partial(_place, order, search.counts, pairs)
            list(pool.map(place_part, parts, found))
        return pairs

    @property
    def memory_bytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self.code, self.vector, self.slot, self.key_start)
        return sum(array.nbytes for array in arrays) + self.bands_per_degree.nbytes

    def slots_of(self, key: int) -> IntArray:
        """Return the slots of a key that has some, ``int64``, in no order."""
        return self.slot[self.key_start[key] : self.key_start[key + 1]].astype(np.int64)


class _Search:
    # One look-up of many queries, in parts that threads may share.

    def __init__(
        self, table: BandTable, queries: FloatArray, reaches: FloatArray, limit: int
    ) -> None:
        self._queries = queries
        self._reaches = reaches
        self._limit = limit
        self._columns = (
            table.code,
            table.vector,
            table.slot,
            table.key_start,
            table.bands_per_degree,
        )
        self._largest = table.largest
        self.counts = np.zeros(len(queries), np.int64)

    def run(self, part: slice) -> list[IntArray]:
        # Ends early where there are too many pairs in this part alone.
        near = (np.empty(self._largest, np.int64), np.empty(self._largest, np.float64))
        found: list[IntArray] = []
        row, room, total = part.start, _PAIRS_AT_ONCE, 0
        while row < part.stop and total <= self._limit:
            pairs = np.empty(room, np.int64)
            row, count, needed = bands_within_kernel(
                (row, part.stop),
                self._queries,
                self._reaches,
                self._columns,
                near,
                self.counts,
                pairs,
            )
            found.append(pairs[:count])
            total += count
            room = max(_PAIRS_AT_ONCE, needed)
        return found


def _order(key: IntArray, code: NDArray[np.uint64], threads: int) -> IntArray:
    # By code, but keys of a few items in any order: most keys are small, and putting
    # the items of each side by side is linear. Where keys outnumber the items, as in
    # a look-up of one, counting them would cost more than sorting.
    n = len(key)
    if not n or int(key.max()) >= n:
        return np.argsort(code)
    bounds = np.concatenate(([0], np.cumsum(np.bincount(key))))
    if np.diff(bounds).max() > _LARGE_KEY * n:
        return np.argsort(code)
    order = np.empty(n, np.int64)
    group_kernel(key, bounds[:-1].copy(), order)

    def sort(start: int, stop: int) -> None:
        first, end = np.searchsorted(bounds, (start, stop)).tolist()
        sort_groups_kernel(first, end, bounds, SCANNED_WHOLE, code, order)

    by_ranges(n, threads, sort)
    return order


def _place(
    order: IntArray,
    counts: IntArray,
    pairs: Pairs,
    part: slice,
    found: list[IntArray],
) -> None:
    joined = found[0] if len(found) == 1 else np.concatenate(found)
    place_rows_kernel(
        order[part],
        counts[part],
        joined,
        pairs.row_offsets,
        pairs.slots,
        pairs.distance_m,
    )


def _reaches(radii: IntArray) -> FloatArray:
    angle = (radii + 0.5 + _ROOM_M) / EARTH_RADIUS_M
    return np.column_stack(
        (
            radii,
            chord_bound(radii)[1],
            np.degrees(angle) + _ROOM_DEGREES,
            np.sin(angle),
        )
    )


def _bands_per_degree(key_count: IntArray, place: FloatArray) -> FloatArray:
    # Every key is taken to be spread as all demands are: what most of them see of
    # others around them, times the key's share.
    if not len(place):
        return np.zeros(len(key_count))
    sample = place[:: max(1, len(place) // _SAMPLE)]
    square = np.floor(sample / _SAMPLE_DEGREES) @ (10_000.0, 1.0)
    _, at, count = np.unique(square, return_inverse=True, return_counts=True)
    width = np.cos(np.radians(np.median(np.abs(sample[:, 0]))))
    area = _SAMPLE_DEGREES**2 * max(float(width), _SAMPLE_DEGREES)
    density = float(np.median(count[at])) / len(sample) / area
    bands: FloatArray = np.sqrt(density * key_count / _PER_SQUARE)
    return np.minimum(bands, _BANDS_PER_DEGREE_MAX)
