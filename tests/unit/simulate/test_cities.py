"""The package's cities: what the file holds and how some are chosen."""

from __future__ import annotations

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.simulate.cities import Region, all_cities, largest_cities


def test_file_is_whole_and_sorted() -> None:
    """All 21,187 rows of the README are read, most populous first, in range."""
    cities = all_cities()
    assert len(cities) == 21_187
    populations = [city.population for city in cities]
    assert populations == sorted(populations, reverse=True)
    assert populations[-1] >= 15_000
    assert all(-90 <= each.lat <= 90 and -180 <= each.lng <= 180 for each in cities)


def test_boroughs_are_not_counted_beside_their_city() -> None:
    """Within 20 km of New York's centre the file has nothing else, Brooklyn least."""
    cities = largest_cities("US", Region(40.6, -74.1, 40.85, -73.8), 99)
    assert [city.name for city in cities] == ["New York City"]


def test_largest_of_a_country() -> None:
    """Brazil's two largest cities are Sao Paulo and Rio, in that order."""
    names = [city.name for city in largest_cities("BR", None, 2)]
    assert names == ["Sao Paulo", "Rio de Janeiro"]


def test_region_narrows_and_may_run_out() -> None:
    """A box around Hawaii holds Honolulu first, and fewer cities than asked."""
    cities = largest_cities("US", Region(18, -161, 23, -154), 1_000)
    assert cities[0].name == "Honolulu"
    assert 1 < len(cities) < 50


def test_region_may_cross_the_antimeridian() -> None:
    """A box from 170 E to 170 W holds Suva (178 E) and not Honolulu (158 W)."""
    names = {city.name for city in largest_cities("", Region(-30, 170, 30, -170), 99)}
    assert "Suva" in names
    assert "Honolulu" not in names


@pytest.mark.parametrize(
    ("country", "region"), [("QQ", None), ("US", Region(-10, -10, 0, 0))]
)
def test_no_city_is_an_error(country: str, region: Region | None) -> None:
    """An unknown country, or open ocean, is refused rather than left empty."""
    with pytest.raises(InvalidValueError, match="country and region"):
        largest_cities(country, region, 5)


def test_region_is_checked() -> None:
    """South above north, latitude 91 and NaN are refused with the field's name."""
    with pytest.raises(InvalidValueError, match=r"region\.south"):
        Region(1, 0, 0, 1)
    with pytest.raises(InvalidValueError, match="latitude"):
        Region(0, 0, 91, 1)
    with pytest.raises(InvalidValueError, match="longitude"):
        Region(0, float("nan"), 1, 1)
