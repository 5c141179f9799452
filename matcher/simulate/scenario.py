"""One generated scenario, whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.domain.demand import Demand
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import Warehouse
from matcher.simulate.buyers import make_demands
from matcher.simulate.catalogue import Catalogue
from matcher.simulate.cities import City, largest_cities
from matcher.simulate.depots import make_warehouses
from matcher.simulate.draws import Draws
from matcher.simulate.params import ScenarioParams
from matcher.simulate.returners import make_returns
from matcher.simulate.terrain import Terrain


@dataclass(frozen=True, slots=True)
class Scenario:
    """Demands, return items and warehouses by id, and the cities they lie in."""

    demands: tuple[Demand, ...]
    return_items: tuple[ReturnItem, ...]
    warehouses: tuple[Warehouse, ...]
    cities: tuple[City, ...]


def generate(params: ScenarioParams, rng: np.random.Generator, now_us: int) -> Scenario:
    """
    Draw a scenario.

    Parameters
    ----------
    params
        Size, place and make-up.
    rng
        Source of every draw. The same generator state gives the same scenario, on
        every run and platform.
    now_us
        Instant of the scenario, microseconds since the epoch: inspections lie
        before it, ship-by and decide-by times after it.

    Returns
    -------
    Scenario
        Ids number the rows from 1: ``D000001``, ``R000001``, ``W01``.

    Raises
    ------
    InvalidValueError
        If no city lies in the country and region, or density or balance ask for
        too many rows.

    Notes
    -----
    Warehouses are drawn first, then demands, then returns, so a scenario with other
    returns keeps its demands. Linear in the rows, but for the cities: quadratic in
    ``city_count``.
    """
    draws = Draws(rng)
    cities = largest_cities(params.country, params.region, params.city_count)
    terrain = Terrain(cities, draws)
    catalogue = Catalogue(params, draws)
    demand_count = params.demands_on(terrain.area_km2)
    return_count = params.returns_against(demand_count)
    return Scenario(
        warehouses=make_warehouses(params, terrain, draws, return_count),
        demands=make_demands(params, terrain, catalogue, draws, demand_count, now_us),
        return_items=make_returns(
            params, terrain, catalogue, draws, return_count, now_us
        ),
        cities=cities,
    )
