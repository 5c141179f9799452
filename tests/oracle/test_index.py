"""The index against a search from end to end, through all it may live through."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import h3.api.basic_int as h3
import numpy as np
import pytest
from numpy.typing import NDArray

from matcher.index import DemandIndex, cell_buckets, cover_plan, demand_index
from tests.oracle.naive_neighbours import NaiveIndex, Place, moved

World = Callable[[np.random.Generator], Place]

RADII_M = (0, 1, 999, 6_000, 6_001, 45_000, 45_001, 250_000, 500_000)
KEY_COUNT = 4

# How look-ups find their demands; answers must not depend on it.
_NO_TABLE = (demand_index, "_QUERIES_PER_TABLE", 0)
WAYS = {
    "scan": [_NO_TABLE, (cover_plan, "_SCANS_PER_COVER", 10**12)],
    "walk": [
        _NO_TABLE,
        (cell_buckets, "_NARROW_FIRST", 0),
        (cover_plan, "_SCANS_PER_COVER", 0),
        (cover_plan, "_SCANS_PER_CELL", 0),
    ],
    "table": [(demand_index, "_QUERIES_PER_TABLE", 10**12)],
    "choose": [],
}


def around(rng: np.random.Generator, centre: Place, spread_m: float) -> Place:
    """Draw a place near a centre."""
    return moved(centre, rng.uniform(0.0, 360.0), spread_m * rng.random())


def globe(rng: np.random.Generator) -> Place:
    """Draw a place anywhere, evenly by area."""
    return float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), rng.uniform(-180, 180)


def cities(rng: np.random.Generator) -> Place:
    """Draw a place in one of three dense clusters, two of them 30 km apart."""
    centre = [(48.85, 2.35), (48.85, 2.76), (43.3, 5.4)][rng.integers(3)]
    return around(rng, centre, 20_000.0)


def centroids(rng: np.random.Generator) -> Place:
    """Draw one of five postal centroids: nearly all places coincide."""
    return -23.5 + 0.1 * int(rng.integers(5)), -46.6


def poles(rng: np.random.Generator) -> Place:
    """Draw a place near a pole, or the pole itself by any longitude."""
    pole = float(rng.choice([-90.0, 90.0]))
    if rng.random() < 0.1:
        return pole, rng.uniform(-180, 180)
    return around(rng, (pole, 0.0), 300_000.0)


def antimeridian(rng: np.random.Generator) -> Place:
    """Draw a place on either side of 180 degrees, or on it, by either name."""
    if rng.random() < 0.2:
        return rng.uniform(-1, 1), float(rng.choice([-180.0, 180.0]))
    return around(rng, (0.0, 180.0), 100_000.0)


def pentagons(rng: np.random.Generator) -> Place:
    """Draw a place around the centre of a pentagon, of a resolution in use."""
    resolution = int(rng.choice(cover_plan.RESOLUTIONS))
    cell = sorted(h3.get_pentagons(resolution))[rng.integers(12)]
    spread_m = float(rng.choice([0.0, 4e3, 4e4, 3e5]))
    return around(rng, h3.cell_to_latlng(cell), spread_m)


WORLDS = (globe, cities, centroids, poles, antimeridian, pentagons)


def columns(places: list[Place]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return latitudes and longitudes."""
    lat, lng = np.array(places, np.float64).reshape(-1, 2).T
    return lat, lng


def check_all(
    index: DemandIndex, naive: NaiveIndex, queries: list[tuple[int, Place, int]]
) -> int:
    """Compare every answer with the naive one; return how many pairs there were."""
    keys, places, radii = zip(*queries, strict=True)
    found = index.within(keys, *columns(list(places)), radii)
    nearest = index.nearest(keys, *columns(list(places)))
    best = {
        count: index.best(keys, *columns(list(places)), radii, count)
        for count in (1, 4, 10)
    }
    for row, (key, place, radius_m) in enumerate(queries):
        part = slice(found.row_offsets[row], found.row_offsets[row + 1])
        columns_of_row = found.slots[part].tolist(), found.distance_m[part].tolist()
        pairs = sorted(zip(*columns_of_row, strict=True))
        assert pairs == naive.within(key, place, radius_m), queries[row]
        by_distance = sorted((metres, slot) for slot, metres in pairs)
        for count, (slots, metres) in best.items():
            first = by_distance[:count] + [(-1, -1)] * max(0, count - len(pairs))
            got = zip(metres[row].tolist(), slots[row].tolist(), strict=True)
            assert list(got) == first, queries[row]
        assert found.key_count[row] == naive.count(key)
        answer = (int(nearest[0][row]), int(nearest[1][row]))
        assert answer == naive.nearest(key, place), queries[row]
    return len(found.slots)


def drawn_queries(
    rng: np.random.Generator, world: World, naive: NaiveIndex
) -> list[tuple[int, Place, int]]:
    """Draw queries of all radii, some from a demand's place, some just out of reach."""
    queries = []
    for radius_m in RADII_M:
        key = int(rng.integers(-1, KEY_COUNT + 1))
        queries.append((key, world(rng), radius_m))
    for _, (key, lat, lng) in sorted(naive.places.items())[:3]:
        queries.append((key, (lat, lng), 1))
        from_it = moved((lat, lng), rng.uniform(0, 360), rng.uniform(2, 400_000))
        queries.append((key, from_it, 400_000))
        far = naive.nearest(key, from_it)[1]
        queries += [(key, from_it, far), (key, from_it, max(far - 1, 0))]
    return queries


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_answers_are_those_of_a_search(
    world: World,
    way: list[tuple[ModuleType, str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Sets, distances, counts and nearest equal brute force, after each of 12 changes.

    Demands come and go in batches, 30 to 150 at a time, under 4 keys, so that tables
    grow and slots are reused; radii lie at the planner's borders, and are met and
    missed by one metre. Each world is searched by scan, by cells, through the sorted
    copy and as chosen.
    """
    for change in way:
        monkeypatch.setattr(*change)
    rng = np.random.default_rng(WORLDS.index(world))
    index, naive, pairs = DemandIndex(), NaiveIndex(), 0
    for _ in range(12):
        count = int(rng.integers(30, 150))
        places = [world(rng) for _ in range(count)]
        keys = rng.integers(0, KEY_COUNT, count)
        slots = index.insert(keys, *columns(places))
        naive.insert(slots.tolist(), keys.tolist(), places)
        live = np.array(sorted(naive.places))
        leaving = rng.permutation(live)[: int(rng.integers(0, count))]
        index.remove(leaving)
        naive.remove(leaving.tolist())
        assert len(index) == len(naive.places)
        pairs += check_all(index, naive, drawn_queries(rng, world, naive))
    assert pairs > 100


def test_a_heavy_bucket_is_searched_like_any_other() -> None:
    """2,400 demands at one centroid, 50 beside it: more than arrays start with."""
    rng = np.random.default_rng(11)
    places = [(-23.5, -46.6)] * 2_400 + [centroids(rng) for _ in range(50)]
    index, naive = DemandIndex(), NaiveIndex()
    slots = index.insert(np.zeros(2_450, np.int64), *columns(places))
    naive.insert(slots.tolist(), [0] * 2_450, places)
    index.remove(slots[100:400:3])
    naive.remove(slots[100:400:3].tolist())
    queries = [
        (0, place, radius) for place in places[2_398:2_402] for radius in RADII_M
    ]
    assert check_all(index, naive, queries) > 10_000


@pytest.mark.parametrize("way", ["walk", "table"])
@pytest.mark.parametrize("radius_m", [1, 7, 6_000, 45_000, 500_000])
@pytest.mark.parametrize("start", [(0.0, 0.0), (89.999, 0.0), (51.5, 179.9999)])
def test_the_radius_is_exact_in_every_direction(
    start: Place, radius_m: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demands 0.45 m below the half metre are in, those 5 cm beyond it are out."""
    for change in WAYS[way]:
        monkeypatch.setattr(*change)
    near = [moved(start, bearing, radius_m + 0.45) for bearing in range(0, 360, 10)]
    far = [moved(start, bearing, radius_m + 0.55) for bearing in range(0, 360, 10)]
    index = DemandIndex()
    index.insert([0] * 72, *columns(near + far))
    found = index.within([0], [start[0]], [start[1]], [radius_m])
    assert sorted(found.slots.tolist()) == list(range(36))
    assert set(found.distance_m.tolist()) == {radius_m}
