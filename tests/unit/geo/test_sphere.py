"""Distances: right, symmetric, whole metres, and the same however they are asked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from matcher.domain.errors import InvalidProblemError, InvalidValueError
from matcher.geo import (
    EARTH_RADIUS_M,
    chord_bound,
    distance_m,
    distance_table_m,
    unit_vectors,
)
from matcher.geo.sphere_kernel import metres_of_chord
from tests.oracle.naive_neighbours import great_circle_m, moved

PINNED_M = [5_837_247, 13_357_221, 16_960_516]
HALF_WAY_M = math.pi * EARTH_RADIUS_M


def test_distances_of_cities_stay_what_they_are() -> None:
    """Pinned metres, compiled or not: stored plans hold them and are replayed."""
    paris, new_york = (48.8566, 2.3522), (40.7128, -74.0060)
    sydney, sao_paulo = (-33.8688, 151.2093), (-23.5505, -46.6333)
    found = [
        int(distance_m(*a, *b))
        for a, b in ((paris, new_york), (sydney, sao_paulo), (paris, sydney))
    ]
    assert found == PINNED_M


def test_distance_agrees_with_angles() -> None:
    """A metre at most off a formula of angles; half is rounding, seed 1."""
    rng = np.random.default_rng(1)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, (2, 2000))))
    lng = rng.uniform(-180, 180, (2, 2000))
    found = distance_m(lat[0], lng[0], lat[1], lng[1])
    for i in range(2000):
        naive = great_circle_m((lat[0, i], lng[0, i]), (lat[1, i], lng[1, i]))
        assert abs(found[i] - naive) <= 0.51


@pytest.mark.parametrize("arc_m", [0.0, 0.3, 7.0, 99.7, 5e3, 5e5, 1e7, 1.99e7])
@pytest.mark.parametrize("start", [(0.0, 0.0), (52.0, 179.9999), (-89.9999, 10.0)])
def test_distance_of_a_walk_is_its_length(
    start: tuple[float, float], arc_m: float
) -> None:
    """From anywhere, over the antimeridian and a pole, what was walked is measured."""
    for bearing in (0.0, 45.0, 90.0, 180.0, 271.0):
        end = moved(start, bearing, arc_m)
        assert abs(int(distance_m(*start, *end)) - arc_m) <= 0.51


def test_half_metres_round_up() -> None:
    """Arcs a centimetre around 100.5 m and 0.5 m fall to either side of the half."""

    def metres(arc_m: float) -> int:
        return metres_of_chord((2.0 * math.sin(0.5 * arc_m / EARTH_RADIUS_M)) ** 2)

    assert [metres(100.49), metres(100.51)] == [100, 101]
    assert [metres(0.49), metres(0.51), metres(0.0)] == [0, 1, 0]


def test_antipodes_are_half_way_round() -> None:
    """The farthest of all pairs gives half the circumference, not NaN; within 1 m."""
    lat = np.array([0.0, 90.0, 37.123456, -12.3, 1e-9])
    lng = np.array([0.0, 0.0, -122.654321, 45.6, 179.9999999])
    opposite = np.where(lng > 0, lng - 180.0, lng + 180.0)
    found = distance_m(lat, lng, -lat, opposite)
    assert (np.abs(found - HALF_WAY_M) <= 1.0).all()


def test_a_chord_longer_than_the_diameter_is_the_diameter() -> None:
    """Unit vectors may be a bit too long; past a chord of 2 the arc would be NaN."""
    assert metres_of_chord(4.0 + 1e-14) == metres_of_chord(4.0) == 20_015_109


def test_one_place_under_two_names_is_one_place() -> None:
    """Meridian -180 is 180, a pole has every longitude, and -0.0 is 0.0."""
    lng = np.linspace(-180.0, 180.0, 73)
    assert not distance_m(90.0, 12.0, 90.0, lng).any()
    assert not distance_m(-90.0, lng, -90.0, 0.0).any()
    lat = np.linspace(-90.0, 90.0, 73)
    assert not distance_m(lat, -180.0, lat, 180.0).any()
    assert distance_m(-0.0, -0.0, 0.0, 0.0) == 0


def test_antimeridian_is_no_edge() -> None:
    """Two hundredths of a degree on the equator are 2,224 m across 180 as well."""
    across = distance_m(0.0, 179.99, 0.0, -179.99)
    assert across == distance_m(0.0, -0.01, 0.0, 0.01) == 2224


def test_distance_is_symmetric_and_its_tables_agree() -> None:
    """Bit for bit both ways, by pair, by broadcast and by table, seed 2."""
    rng = np.random.default_rng(2)
    lat, lng = rng.uniform(-90, 90, 40), rng.uniform(-180, 180, 40)
    table = distance_table_m(lat, lng, lat[:7], lng[:7])
    assert table.shape == (40, 7)
    assert table.dtype == np.int64
    back = distance_table_m(lat[:7], lng[:7], lat, lng)
    assert (table == back.T).all()
    broadcast = distance_m(lat[:, None], lng[:, None], lat[:7], lng[:7])
    assert broadcast.dtype == np.int64
    assert (broadcast == table).all()
    assert (np.diag(distance_table_m(lat, lng, lat, lng)) == 0).all()


def test_shapes_are_kept() -> None:
    """Scalars give a scalar, nothing gives nothing."""
    assert distance_m(1.0, 2.0, 3.0, 4.0).shape == ()
    assert distance_m([], [], [], []).shape == (0,)
    assert distance_m([], [], 1.0, 2.0).shape == (0,)
    assert distance_table_m([], [], [1.0], [2.0]).shape == (0, 1)


def test_unit_vectors_point_where_they_say() -> None:
    """The axes are (0, 0), (0, 90) and the pole; all vectors have length 1."""
    axes = unit_vectors([0.0, 0.0, 90.0], [0.0, 90.0, 33.0])
    assert np.allclose(axes, np.eye(3), atol=1e-15)
    rng = np.random.default_rng(3)
    vectors = unit_vectors(rng.uniform(-90, 90, 100), rng.uniform(-180, 180, 100))
    assert np.allclose((vectors**2).sum(axis=1), 1.0, atol=1e-15)


@pytest.mark.parametrize(
    ("lat", "lng", "field"),
    [
        (91.0, 0.0, "latitude[1]"),
        (-90.0000001, 0.0, "latitude[1]"),
        (0.0, 540.0, "longitude[1]"),
        (0.0, -180.0000001, "longitude[1]"),
        (math.nan, 0.0, "latitude[1]"),
        (0.0, math.inf, "longitude[1]"),
    ],
)
def test_impossible_places_are_refused(lat: float, lng: float, field: str) -> None:
    """H3 would take most of these; the error names field, value and range."""
    for measure in (
        lambda: unit_vectors([0.0, lat], [0.0, lng]),
        lambda: distance_m([0.0, lat], [0.0, lng], 0.0, 0.0),
        lambda: distance_table_m([0.0], [0.0], [0.0, lat], [0.0, lng]),
    ):
        with pytest.raises(InvalidValueError) as caught:
            measure()
        violation = caught.value.violations[0]
        assert violation.field == field
        assert "90" in violation.accepted or "180" in violation.accepted


def test_lengths_that_differ_are_refused() -> None:
    """A latitude without a longitude is no place; shapes must broadcast."""
    with pytest.raises(InvalidProblemError, match="lng"):
        unit_vectors([1.0, 2.0], [1.0])
    with pytest.raises(InvalidProblemError, match="lng"):
        unit_vectors([[1.0]], [[1.0]])
    with pytest.raises(InvalidProblemError, match="broadcast"):
        distance_m([1.0, 2.0], [1.0, 2.0], [1.0, 2.0, 3.0], 1.0)


@pytest.mark.parametrize("radius_m", [0, 1, 25_000, 500_000, 14_999_999, 20_000_000])
def test_chord_bound_is_safe_and_sharp(radius_m: int) -> None:
    """
    Around both bounds the formula agrees, and they are an arc of 2 slacks apart.

    A slack is a millimetre, beyond 15,000 km a metre; a bound that was off by
    another slack would fail.
    """
    inside, outside = (float(each) for each in chord_bound(radius_m))
    for step in np.linspace(0.0, 1e-12, 50):
        assert metres_of_chord(inside * (1.0 - step)) <= radius_m
        assert metres_of_chord(outside * (1.0 + step) + 1e-300) > radius_m
    slack = 1e-3 if radius_m < 15e6 else 1.0
    arcs = 2.0 * EARTH_RADIUS_M * np.arcsin(np.sqrt([inside, outside]) / 2.0)
    assert arcs == pytest.approx(
        [radius_m + 0.5 - slack, radius_m + 0.5 + slack], abs=0.1 * slack
    )


def test_chord_bound_of_the_whole_sphere_leaves_nothing_out() -> None:
    """From half the circumference on, no chord is outside, however it was rounded."""
    outside = chord_bound([math.ceil(HALF_WAY_M), 40_000_000])[1]
    assert (outside > 4.0 + 1e-9).all()
