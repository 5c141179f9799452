"""Warehouses of a scenario."""

from __future__ import annotations

import numpy as np

from matcher.domain.warehouse import Warehouse
from matcher.geo import distance_m
from matcher.simulate import City, Region, ScenarioParams, generate

NOW_US = 1_772_366_400_000_000


def _generate(
    **changes: object,
) -> tuple[tuple[Warehouse, ...], tuple[City, ...]]:
    params = ScenarioParams(demand_count=0, **changes)  # type: ignore[arg-type]
    scenario = generate(params, np.random.default_rng(51), NOW_US)
    return scenario.warehouses, scenario.cities


def _nearest_city(warehouse: Warehouse, cities: tuple[City, ...]) -> str:
    count = len(cities)
    metres = distance_m(
        np.full(count, warehouse.location.lat),
        np.full(count, warehouse.location.lng),
        [city.lat for city in cities],
        [city.lng for city in cities],
    )
    return cities[int(metres.argmin())].name


def test_two_coasts_get_a_warehouse_each() -> None:
    """Of New York, Los Angeles and Philadelphia, two warehouses serve both coasts."""
    region = Region(33, -119, 41, -70)
    warehouses, cities = _generate(region=region, city_count=40, warehouse_count=2)
    east = [warehouse.location.lng > -95 for warehouse in warehouses]
    assert sorted(east) == [False, True]
    assert len(cities) == 40


def test_one_warehouse_per_city_at_most() -> None:
    """Nine are asked for and three cities are there: each gets one."""
    warehouses, cities = _generate(city_count=3, warehouse_count=9, return_count=10)
    assert len(warehouses) == 3
    assert {_nearest_city(each, cities) for each in warehouses} == {
        city.name for city in cities
    }


def test_capacities_add_up() -> None:
    """Six take 1.2 * 5,000 units, up to six more for ceilings; none twice another."""
    capacities = [each.daily_capacity for each in _generate()[0]]
    assert 6_000 <= sum(capacities) < 6_006
    assert max(capacities) <= 2 * min(capacities) + 1


def test_every_category_has_a_taker() -> None:
    """Each third warehouse is a specialist; the others take everything."""
    warehouses = _generate()[0]
    assert [bool(each.categories) for each in warehouses] == [False, False, True] * 2
    assert warehouses[2].categories == ("apparel", "accessories", "footwear")


def test_no_warehouse_is_possible() -> None:
    """Nought is a scenario too: then the brand's standard route is the fallback."""
    assert _generate(warehouse_count=0)[0] == ()
