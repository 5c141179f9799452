"""What holds for every life of an index."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.index import DemandIndex, Neighbours, cover_plan, demand_index
from tests.oracle.naive_neighbours import NaiveIndex, Place

EXAMPLES = 60

# Few places, so that they coincide, touch and tie; all at awkward spots.
SPOTS: list[Place] = [
    (0.0, 0.0),
    (0.0, 0.000009),
    (0.0, -180.0),
    (0.0, 180.0),
    (0.01, 179.999),
    (90.0, 0.0),
    (90.0, 77.0),
    (89.999, -103.0),
    (-90.0, 5.0),
    (58.157705, 10.447345),
    (58.2, 10.5),
    (-0.0, 4.4),
]
places = st.sampled_from(SPOTS) | st.tuples(
    st.floats(-90.0, 90.0), st.floats(-180.0, 180.0)
)
keys = st.integers(0, 2)
demands = st.lists(st.tuples(keys, places), max_size=12)
radii = st.sampled_from([0, 1, 2, 112, 6_000, 45_000, 500_000])
queries = st.lists(st.tuples(keys, places, radii), min_size=1, max_size=6)


def arrays(rows: list[tuple[int, Place]]) -> tuple[list[int], list[float], list[float]]:
    """Return keys, latitudes and longitudes."""
    lat, lng = [place[0] for _, place in rows], [place[1] for _, place in rows]
    return [key for key, _ in rows], lat, lng


def ask(index: DemandIndex, asked: list[tuple[int, Place, int]]) -> Neighbours:
    """Look up queries."""
    return index.within(
        *arrays([(key, place) for key, place, _ in asked]),
        [radius_m for *_, radius_m in asked],
    )


def rows_of(found: Neighbours) -> list[list[tuple[int, int]]]:
    """Return slot and metres by query, in the order of the slots."""
    pairs = list(zip(found.slots.tolist(), found.distance_m.tolist(), strict=True))
    return [sorted(pairs[a:b]) for a, b in pairwise(found.row_offsets.tolist())]


@settings(max_examples=EXAMPLES)
@given(st.data(), st.sampled_from(["scan", "walk", "table"]))
def test_any_sequence_of_changes_is_followed(data: st.DataObject, way: str) -> None:
    """Insert and remove as you like: look-ups, whichever way, equal a search."""
    index, naive = DemandIndex(), NaiveIndex()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demand_index, "_QUERIES_PER_TABLE", 10**9 * (way == "table"))
        if way == "walk":
            patch.setattr(cover_plan, "_SCANS_PER_COVER", 0)
            patch.setattr(cover_plan, "_SCANS_PER_CELL", 0)
        for _ in range(data.draw(st.integers(1, 4))):
            rows = data.draw(demands)
            slots = index.insert(*arrays(rows)).tolist()
            naive.insert(slots, [key for key, _ in rows], [at for _, at in rows])
            live = sorted(naive.places)
            some = st.sampled_from(live) if live else st.nothing()
            leaving = data.draw(st.lists(some, unique=True))
            index.remove(leaving)
            naive.remove(leaving)
        asked = data.draw(queries)
        found = ask(index, asked)
    assert rows_of(found) == [naive.within(*query) for query in asked]


@settings(max_examples=EXAMPLES)
@given(demands, queries, st.randoms(use_true_random=False))
def test_history_leaves_no_trace(
    rows: list[tuple[int, Place]], asked: list[tuple[int, Place, int]], random: Random
) -> None:
    """Contents and slots alike, batches or removals in between change no pair (I5)."""
    plain, eventful = DemandIndex(), DemandIndex()
    plain.insert(*arrays(rows))
    # Others come first and leave in the order that frees the slots 0, 1, 2, ...
    others = eventful.insert(*arrays([(1, (1.0, 1.0))] * len(rows)))
    eventful.remove(others[::-1])
    cut = random.randint(0, len(rows))
    eventful.insert(*arrays(rows[:cut]))
    eventful.insert(*arrays(rows[cut:]))
    one, two = ask(plain, asked), ask(eventful, asked)
    assert rows_of(one) == rows_of(two)
    assert one.key_count.tolist() == two.key_count.tolist()


@settings(max_examples=EXAMPLES)
@given(demands, queries)
def test_a_larger_radius_loses_nothing(
    rows: list[tuple[int, Place]], asked: list[tuple[int, Place, int]]
) -> None:
    """Pairs within a radius are within one larger by a metre, at equal distances."""
    index = DemandIndex()
    index.insert(*arrays(rows))
    less = ask(index, asked)
    more = ask(index, [(key, at, min(r + 1, 500_000)) for key, at, r in asked])
    sets = [
        set(
            zip(
                np.repeat(np.arange(len(asked)), np.diff(each.row_offsets)).tolist(),
                each.slots.tolist(),
                each.distance_m.tolist(),
                strict=True,
            )
        )
        for each in (less, more)
    ]
    assert sets[0] <= sets[1]


@settings(max_examples=EXAMPLES)
@given(demands, queries)
def test_queries_do_not_see_each_other(
    rows: list[tuple[int, Place]], asked: list[tuple[int, Place, int]]
) -> None:
    """Asked alone or together, each query has the same row."""
    index = DemandIndex()
    index.insert(*arrays(rows))
    alone = [ask(index, [query]) for query in asked]
    assert rows_of(ask(index, asked)) == [rows_of(each)[0] for each in alone]
