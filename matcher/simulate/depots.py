"""The warehouses of a scenario."""

from __future__ import annotations

import numpy as np

from matcher.domain.ids import WarehouseId
from matcher.domain.latlng import LatLng
from matcher.domain.warehouse import Warehouse
from matcher.geo import distance_table_m
from matcher.simulate.draws import Draws
from matcher.simulate.params import ScenarioParams
from matcher.simulate.terrain import Terrain

# US dollars in micros: the size of what small parcels cost, for illustration. They
# are no carrier's prices.
INBOUND_BASE_MICROS = 4_500_000
INBOUND_PER_KM_MICROS = 2_000
PROCESSING_MICROS = 3_200_000
OUTBOUND_BASE_MICROS = 4_800_000
OUTBOUND_PER_KM_MICROS = 2_000
#: Every price of a warehouse lies within so many percent of the above.
PRICE_SPREAD_PERCENT = 10
#: Kilometres from the edge of its city.
EDGE_KM = 8.0
#: Every so many-th warehouse takes the busier half of the categories only.
SPECIALIST_EVERY = 3


def make_warehouses(
    params: ScenarioParams, terrain: Terrain, draws: Draws, return_count: int
) -> tuple[Warehouse, ...]:
    """
    Place warehouses where people are, and draw their prices and capacities.

    Cities are chosen one after the other, each so that the distance from people to
    their nearest warehouse falls most; the warehouse lies 8 km outside. Capacity
    is ``capacity_share`` per return item in all, split unevenly: the largest has
    twice the smallest on average.
    """
    city = np.array(_chosen_cities(terrain, params.warehouse_count), np.int64)
    count = len(city)
    points = terrain.around(draws, city, EDGE_KM)
    size = 2.0 / 3.0 + draws.uniform(count) * (2.0 / 3.0)
    total = params.capacity_share * return_count
    capacity = np.ceil(total * size / max(1.0, float(size.sum()))).astype(np.int64)
    spread = PRICE_SPREAD_PERCENT
    percent = [draws.whole(100 - spread, 100 + spread, count) for _ in range(3)]
    width = max(2, len(str(count)))
    busier = params.categories[: (len(params.categories) + 1) // 2]
    return tuple(
        Warehouse(
            warehouse_id=WarehouseId(f"W{at + 1:0{width}d}"),
            location=LatLng(float(points.lat[at]), float(points.lng[at])),
            daily_capacity=int(capacity[at]),
            categories=busier if at % SPECIALIST_EVERY == SPECIALIST_EVERY - 1 else (),
            inbound_base_micros=INBOUND_BASE_MICROS * int(percent[0][at]) // 100,
            inbound_per_km_micros=INBOUND_PER_KM_MICROS,
            processing_micros=PROCESSING_MICROS * int(percent[1][at]) // 100,
            outbound_base_micros=OUTBOUND_BASE_MICROS * int(percent[2][at]) // 100,
            outbound_per_km_micros=OUTBOUND_PER_KM_MICROS,
        )
        for at in range(count)
    )


# The greedy heuristic of the p-median problem; ties go to the more populous city.
def _chosen_cities(terrain: Terrain, count: int) -> list[int]:
    lat = [city.lat for city in terrain.cities]
    lng = [city.lng for city in terrain.cities]
    table = distance_table_m(lat, lng, lat, lng)
    # Far enough that any first warehouse is nearer than none.
    nearest = np.full(len(lat), table.max() + 1, np.int64)
    chosen: list[int] = []
    for _ in range(min(count, len(lat))):
        burden = np.minimum(table, nearest[:, None]) * terrain.population[:, None]
        total = burden.sum(axis=0)
        # Two cities may share one centre: an equal total is no reason to go twice.
        total[chosen] = np.iinfo(np.int64).max
        best = int(total.argmin())
        chosen.append(best)
        nearest = np.minimum(nearest, table[:, best])
    return chosen
