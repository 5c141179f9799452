"""The dynamic index: slots, counts, limits, ties, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from matcher.domain.errors import (
    InvalidProblemError,
    InvalidValueError,
    LimitExceededError,
)
from matcher.geo import distance_m
from matcher.index import DemandIndex, Neighbours, warm_up
from matcher.index.demand_index import KEY_COUNT_MAX


def rows_of(found: Neighbours) -> list[list[tuple[int, int]]]:
    """Return slot and metres by query, in the order of the slots."""
    pairs = list(zip(found.slots.tolist(), found.distance_m.tolist(), strict=True))
    ends = found.row_offsets.tolist()
    return [sorted(pairs[a:b]) for a, b in pairwise(ends)]


def test_an_empty_index_finds_nothing() -> None:
    """No demands: empty rows, no counts, no nearest; and empty calls are fine."""
    index = DemandIndex()
    assert len(index) == 0
    found = index.within([0, -1], [1.0, 2.0], [3.0, 4.0], [1, 500_000])
    assert found.row_offsets.tolist() == [0, 0, 0]
    assert found.key_count.tolist() == [0, 0]
    assert [each.tolist() for each in index.nearest([3], [1.0], [1.0])] == [[-1], [-1]]
    assert [each.tolist() for each in index.best([3], [1], [1], [9], 2)] == [
        [[-1, -1]],
        [[-1, -1]],
    ]
    assert index.insert([], [], []).shape == (0,)
    index.remove([])
    none = index.within([], [], [], [])
    assert none.row_offsets.tolist() == [0]
    assert [len(each) for each in index.nearest([], [], [])] == [0, 0]


def test_only_the_key_asked_for_is_found() -> None:
    """Two keys at one place: each query sees its own, and how many there are."""
    index = DemandIndex()
    index.insert([4, 9, 9], [10.0, 10.0, 50.0], [20.0, 20.0, 60.0])
    found = index.within([9, 4, 5, -1], [10.0] * 4, [20.0] * 4, [1000] * 4)
    assert rows_of(found) == [[(1, 0)], [(0, 0)], [], []]
    assert found.key_count.tolist() == [2, 1, 0, 0]
    assert found.row_offsets.dtype == found.key_count.dtype == np.int64
    assert found.slots.dtype == found.distance_m.dtype == np.int32


def test_the_radius_is_met_exactly_and_missed_by_one() -> None:
    """A demand 1,112 m away is inside 1,112 m and outside 1,111 m."""
    index = DemandIndex()
    index.insert([0], [0.0], [0.0])
    metres = int(distance_m(0.0, 0.0, 0.01, 0.0))
    assert metres == 1112
    found = index.within([0, 0], [0.01] * 2, [0.0] * 2, [metres, metres - 1])
    assert rows_of(found) == [[(0, metres)], []]


def test_rows_come_back_in_the_order_asked() -> None:
    """
    Keys and radii in mixed order, repeats and empty rows among them.

    Inside, queries are sorted by key, so that those of one key share a walk; rows of
    0 to 3 demands make a row in the wrong place visible.
    """
    index = DemandIndex()
    index.insert([2, 0, 2, 1, 2], [0.0, 0.0, 0.001, 0.0, 0.002], [0.0] * 5)
    asked = [(2, 500), (0, 1), (3, 9), (2, 150), (1, 1), (2, 1), (0, 1), (2, 500)]
    keys, radii = zip(*asked, strict=True)
    found = index.within(keys, [0.0] * 8, [0.0] * 8, radii)
    slots = [[slot for slot, _ in row] for row in rows_of(found)]
    assert slots == [[0, 2, 4], [1], [], [0, 2], [3], [0], [1], [0, 2, 4]]
    assert found.key_count.tolist() == [3, 1, 0, 3, 1, 3, 1, 3]


def test_slots_are_reused_last_in_first_out() -> None:
    """Freed slots come back in reverse, then new ones follow; nothing leaks."""
    index = DemandIndex()
    assert index.insert([0] * 4, [1.0] * 4, [1.0] * 4).tolist() == [0, 1, 2, 3]
    index.remove([1, 3])
    assert len(index) == 2
    assert index.insert([7] * 3, [2.0] * 3, [2.0] * 3).tolist() == [3, 1, 4]
    assert len(index) == 5
    found = index.within([0, 7], [1.0, 2.0], [1.0, 2.0], [1, 1])
    assert [[slot for slot, _ in row] for row in rows_of(found)] == [[0, 2], [1, 3, 4]]


def test_growth_keeps_everything() -> None:
    """3,000 demands, past two doublings of every array, are all found again."""
    index = DemandIndex()
    lat = np.linspace(-89.0, 89.0, 3000)
    for start in range(0, 3000, 100):
        part = slice(start, start + 100)
        index.insert(np.arange(3000)[part], lat[part], lat[part])
    found = index.within(np.arange(3000), lat, lat, np.ones(3000, np.int64))
    assert found.slots.tolist() == list(range(3000))
    assert not found.distance_m.any()


def test_answers_are_copies() -> None:
    """What was found stays as it was while the index moves on."""
    index = DemandIndex()
    slots = index.insert([0, 0], [1.0, 1.0], [1.0, 1.0])
    found = index.within([0], [1.0], [1.0], [5])
    before = [array.copy() for array in (found.slots, found.distance_m)]
    counted = found.key_count.copy()
    index.remove(slots)
    index.insert([0] * 3, [2.0] * 3, [2.0] * 3)
    assert found.slots.tolist() == before[0].tolist() == [0, 1]
    assert found.distance_m.tolist() == before[1].tolist()
    assert found.key_count.tolist() == counted.tolist() == [2]


def test_memory_returns_to_its_baseline() -> None:
    """40 rounds of 500 demands in and out, at ever new places, need no more room."""
    index = DemandIndex()
    rng = np.random.default_rng(7)
    sizes = []
    for _ in range(40):
        lat, lng = rng.uniform(-80, 80, 500), rng.uniform(-180, 180, 500)
        slots = index.insert(rng.integers(0, 50, 500), lat, lng)
        sizes.append(index.memory_bytes)
        index.remove(slots)
    assert len(index) == 0
    assert max(sizes) == sizes[0]


def test_pairs_are_limited() -> None:
    """6 pairs are within the limit of 6 and over the limit of 5, by name."""
    index = DemandIndex()
    index.insert([0] * 3, [1.0] * 3, [1.0] * 3)
    query = ([0, 0], [1.0, 1.0], [1.0, 1.0], [10, 10])
    assert len(index.within(*query, max_pairs=6).slots) == 6
    with pytest.raises(LimitExceededError) as caught:
        index.within(*query, max_pairs=5)
    assert (caught.value.limit, caught.value.maximum) == ("candidates", 5)


def test_nearest_takes_the_lowest_slot_of_a_tie_in_metres() -> None:
    """
    Demands 100.2 m and 99.8 m away are both at 100 m: slot 0 wins, asked once or often.

    600 demands and 9 queries are searched by tree, one query by scan; the farther
    of the two has the lower slot, so that chords alone decide wrongly.
    """
    index = DemandIndex()
    lng = np.linspace(50.0, 60.0, 600)
    lng[:2] = np.degrees(np.array([100.2, 99.8]) / 6371007.180918475)
    index.insert(np.zeros(600, np.int64), np.zeros(600), lng)
    assert [int(each[0]) for each in index.nearest([0], [0.0], [0.0])] == [0, 100]
    slots, metres = index.nearest([0] * 9, [0.0] * 9, [0.0] * 9)
    assert slots.tolist() == [0] * 9
    assert metres.tolist() == [100] * 9


def test_best_are_the_first_by_metres_then_slot() -> None:
    """Six demands, three of them equally far: as many as asked for, ties by slot."""
    index = DemandIndex()
    index.insert([0] * 6, [0.02, 0.01, 0.0, -0.01, 0.01, 0.5], [0.0] * 6)
    for count in (1, 2, 4, 6):
        slots, metres = index.best([0, 9], [0.0] * 2, [0.0] * 2, [3_000] * 2, count)
        assert slots[0].tolist() == [2, 1, 3, 4, 0, -1][:count]
        assert metres[0].tolist() == [0, 1112, 1112, 1112, 2224, -1][:count]
        assert slots[1].tolist() == metres[1].tolist() == [-1] * count
        assert slots.dtype == metres.dtype == np.int32


@pytest.mark.parametrize("count", [-1, 0, 1_001])
def test_best_takes_a_count_in_range(count: int) -> None:
    """1 to 1,000 each; the error names the field, the value and the range."""
    with pytest.raises(InvalidValueError, match=rf"count: got {count}; .*1 to 1,?000"):
        DemandIndex().best([0], [0.0], [0.0], [1], count)


def test_nearest_reaches_round_the_globe() -> None:
    """The only demand of a key is its nearest at the antipode as well, 20,015 km."""
    index = DemandIndex()
    index.insert([3, 8], [0.0, 0.0], [0.0, 180.0])
    slots, metres = index.nearest([3, 3], [0.0, 0.0], [180.0, -180.0])
    assert slots.tolist() == [0, 0]
    assert metres.tolist() == [20_015_109] * 2


def one_demand() -> DemandIndex:
    """Return an index with one demand, in slot 0 under key 0."""
    index = DemandIndex()
    index.insert([0], [1.0], [1.0])
    return index


@pytest.mark.parametrize(
    "call",
    [
        lambda i: i.remove([1]),
        lambda i: i.remove([-1]),
        lambda i: i.remove([10**9]),
        lambda i: i.remove([0, 0]),
        lambda i: i.remove([0, 5]),
        lambda i: i.insert([-1], [1.0], [1.0]),
        lambda i: i.insert([0, KEY_COUNT_MAX], [1.0, 1.0], [1.0, 1.0]),
        lambda i: i.insert([0, 1], [1.0], [1.0]),
        lambda i: i.insert([0], [1.0], [1.0, 2.0]),
        lambda i: i.within([0, 0], [1.0], [1.0], [5]),
        lambda i: i.within([0], [1.0], [1.0], [5, 5]),
        lambda i: i.within([0], [1.0], [1.0], [-1]),
        lambda i: i.within([0], [1.0], [1.0], [500_001]),
        lambda i: i.nearest([0, 0], [1.0], [1.0]),
    ],
)
def test_malformed_calls_change_nothing(call: Callable[[DemandIndex], object]) -> None:
    """Unknown or doubled slots, keys and radii one past their ends, odd lengths."""
    index = one_demand()
    with pytest.raises(InvalidProblemError):
        call(index)
    assert len(index) == 1
    assert rows_of(index.within([0], [1.0], [1.0], [500_000])) == [[(0, 0)]]


@pytest.mark.parametrize(
    ("lat", "lng"), [(91.0, 0.0), (0.0, 540.0), (math.nan, 0.0), (0.0, math.inf)]
)
def test_impossible_places_change_nothing(lat: float, lng: float) -> None:
    """A good place beside a bad one is not added either."""
    index = one_demand()
    for call in (
        lambda: index.insert([0, 0], [1.0, lat], [1.0, lng]),
        lambda: index.within([0], [lat], [lng], [5]),
        lambda: index.nearest([0], [lat], [lng]),
    ):
        with pytest.raises(InvalidValueError):
            call()
    assert len(index) == 1
    assert index.insert([0], [1.0], [1.0]).tolist() == [1]


def test_a_removed_slot_is_not_removed_again() -> None:
    """Removing twice is an error of the caller's, not a corrupt free list."""
    index = one_demand()
    index.remove([0])
    with pytest.raises(InvalidProblemError, match="slots in use"):
        index.remove([0])
    assert index.insert([1, 1], [1.0, 1.0], [1.0, 1.0]).tolist() == [0, 1]


def test_warm_up_runs() -> None:
    """It compiles what there is and leaves nothing behind to see."""
    warm_up()
