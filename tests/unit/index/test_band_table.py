"""The sorted copy by itself: threads, parts, room and limits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from matcher import parallel
from matcher.domain.errors import LimitExceededError
from matcher.geo import distance_table_m, unit_vectors
from matcher.index import band_table
from matcher.index.band_table import BandTable, Pairs

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def _table(key: IntArray, place: FloatArray, threads: int = 1) -> BandTable:
    vector = unit_vectors(place[:, 0], place[:, 1])
    return BandTable.of(np.arange(len(key)), key, place, vector, threads=threads)


def _within(
    table: BandTable, key: IntArray, place: FloatArray, radius_m: int, threads: int = 1
) -> Pairs:
    radii = np.full(len(key), radius_m)
    return table.within(key, place, radii, threads=threads, max_pairs=10_000_000)


def _city(count: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal((52.5, 13.4), 0.05, (count, 2))


def test_threads_and_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 7 queries on 3 threads, a whole on one: byte for byte the same."""
    key = np.arange(600) % 3
    table = _table(key, _city(600, 1))
    whole = _within(table, key[:200], _city(200, 2), 3_000)
    monkeypatch.setattr(band_table, "_ROWS_AT_ONCE", 7)
    parted = _within(table, key[:200], _city(200, 2), 3_000, threads=3)
    assert len(whole.slots) > 1_000
    for one, other in zip(whole, parted, strict=True):
        assert one.tobytes() == other.tobytes()


def _as_sets(found: Pairs) -> list[set[tuple[int, int]]]:
    pairs = list(zip(found.slots.tolist(), found.distance_m.tolist(), strict=True))
    ends = found.row_offsets.tolist()
    return [set(pairs[a:b]) for a, b in pairwise(ends)]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_sorted_by_key_or_at_once_it_finds_the_same(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of one to hundreds of demands, and of none; some asked for, some not."""
    rng = np.random.default_rng(9)
    key = np.minimum(rng.geometric(0.03, 4_000), 200)
    place, asked, places = _city(4_000, 4), rng.integers(0, 210, 500), _city(500, 5)
    monkeypatch.setattr(parallel, "_SMALL", 0)
    by_key = _within(_table(key, place, threads), asked, places, 4_000, threads)
    monkeypatch.setattr(band_table, "_LARGE_KEY", 0.0)
    at_once = _within(_table(key, place), asked, places, 4_000)
    assert len(by_key.slots) > 1_500
    assert _as_sets(by_key) == _as_sets(at_once)


def test_a_table_is_the_same_on_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, though threads sort keys of their own."""
    monkeypatch.setattr(parallel, "_SMALL", 0)
    key = np.random.default_rng(9).integers(0, 50, 4_000)
    tables = [_table(key, _city(4_000, 4), threads) for threads in (1, 4)]
    for name in ("code", "vector", "slot", "key_start", "bands_per_degree"):
        one, other = (getattr(table, name) for table in tables)
        assert one.tobytes() == other.tobytes()


def test_rows_find_room_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for 5 pairs at first: rows of 1 to 400 are written whole all the same."""
    monkeypatch.setattr(band_table, "_PAIRS_AT_ONCE", 5)
    place = _city(400, 3)
    key = np.zeros(400, np.int64)
    found = _within(_table(key, place), key, place, 6_000)
    metres = distance_table_m(*place.T, *place.T)
    for row in range(400):
        part = slice(*found.row_offsets[row : row + 2])
        expected = np.nonzero(metres[row] <= 6_000)[0]
        assert sorted(found.slots[part].tolist()) == expected.tolist()
    assert np.diff(found.row_offsets).max() > 100


def test_all_at_one_place_is_one_range() -> None:
    """3,000 demands at a centroid, 3 queries at it: every one of them, at 0 m."""
    place = np.full((3_000, 2), (-23.5, -46.6))
    key = np.zeros(3_000, np.int64)
    found = _within(_table(key, place), key[:3], place[:3], 0)
    assert np.diff(found.row_offsets).tolist() == [3_000] * 3
    assert not found.distance_m.any()


def test_unknown_keys_find_nothing() -> None:
    """Below, between and above the keys that are there."""
    place = np.zeros((2, 2))
    table = _table(np.array([0, 2]), place)
    asked = np.array([-1, 1, 3, 2**27 - 1, 2])
    found = _within(table, asked, np.zeros((5, 2)), 1)
    assert np.diff(found.row_offsets).tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("rows_at_once", [2, 1_000])
def test_pairs_are_limited(rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 queries of 100 pairs, in one part and in fifty: 9,999 are too few."""
    monkeypatch.setattr(band_table, "_ROWS_AT_ONCE", rows_at_once)
    place, key = np.zeros((100, 2)), np.zeros(100, np.int64)
    table, radii = _table(key, place), np.ones(100, np.int64)
    asked = (key, place, radii)
    assert len(table.within(*asked, threads=2, max_pairs=10_000).slots) == 10_000
    with pytest.raises(LimitExceededError) as caught:
        table.within(*asked, threads=2, max_pairs=9_999)
    assert caught.value.limit == "candidates"
