"""Places: discs, postal points, clustering."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.geo import distance_m
from matcher.simulate.cities import City
from matcher.simulate.draws import Draws
from matcher.simulate.terrain import Points, Terrain

# 4,000,000 people make a disc of 1,000 km2, 17.84 km in radius, 100 postal points.
BIG = City("Big", "US", 40.0, -100.0, 4_000_000)
SMALL = City("Small", "US", 35.0, -90.0, 1_000_000)
RADIUS_M = 17_841


def _points(cities: tuple[City, ...], clustering: float, count: int = 4_000) -> Points:
    draws = Draws(np.random.default_rng(11))
    return Terrain(cities, draws).points(draws, count, clustering)


def _from_centre(points: Points, city: City) -> np.ndarray:
    count = len(points.lat)
    return distance_m(
        points.lat, points.lng, np.full(count, city.lat), np.full(count, city.lng)
    )


@pytest.mark.parametrize("clustering", [0.0, 0.5, 1.0])
def test_points_stay_in_the_disc(clustering: float) -> None:
    """No point is further out than the radius, but for 1 % of flat-map error."""
    assert _from_centre(_points((BIG,), clustering), BIG).max() < RADIUS_M * 1.01


def test_without_clustering_the_disc_is_filled_evenly() -> None:
    """Half the radius holds a quarter of the points: 1,000 of 4,000, five sigma."""
    inner = (_from_centre(_points((BIG,), 0.0), BIG) < RADIUS_M / 2).sum()
    assert abs(inner - 1_000) < 5 * 28


def test_full_clustering_uses_the_postal_points_only() -> None:
    """At 1 there are at most 100 places; at 0 nearly each is its own."""
    assert len(set(zip(*_places(1.0), strict=True))) == 100
    assert len(set(zip(*_places(0.0), strict=True))) > 3_990


def _places(clustering: float) -> tuple[list[float], list[float]]:
    points = _points((BIG,), clustering)
    return points.lat.tolist(), points.lng.tolist()


def test_half_clustering_is_half_and_half() -> None:
    """At 0.5 about 2,000 of 4,000 places lie on the 100 shared points."""
    points = _points((BIG,), 0.5)
    _, counts = np.unique(
        np.stack([points.lat, points.lng]), axis=1, return_counts=True
    )
    assert abs(counts[counts > 1].sum() - 2_000) < 5 * 32 + 60


def test_population_weighs_the_cities() -> None:
    """Four million and one million people draw 80 and 20 % of 4,000 places."""
    share = np.bincount(_points((BIG, SMALL), 0.5).city)
    assert abs(share[0] - 3_200) < 5 * 26


def test_antimeridian_wraps() -> None:
    """A city at 180 degrees has places on both sides, all in -180 to 180."""
    points = _points((City("Edge", "FJ", -17.0, 180.0, 4_000_000),), 0.0)
    assert points.lng.min() < -179.8
    assert points.lng.max() > 179.8
    assert np.abs(points.lng).max() <= 180.0


def test_coordinates_have_five_decimals() -> None:
    """Rounding hides the last bits in which platforms' sines differ."""
    points = _points((BIG,), 0.5, 500)
    for values in (points.lat, points.lng):
        assert (values == np.round(values, 5)).all()
