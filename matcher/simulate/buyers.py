"""The demand side of a scenario."""

from __future__ import annotations

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng
from matcher.simulate.catalogue import Catalogue
from matcher.simulate.draws import Draws
from matcher.simulate.params import ScenarioParams
from matcher.simulate.terrain import Terrain

# Weights in hundredths. What a buyer of a discounted, returned item would accept.
QUANTITIES = ((1, 86), (2, 10), (3, 3), (5, 1))
FLOORS = ((Condition.GOOD, 55), (Condition.LIKE_NEW, 35), (Condition.NEW, 10))
SEGMENTS = (("standard", 70), ("member", 25), ("staff", 5))
PRIORITIES = ((0, 90), (1, 7), (3, 3))
#: Hours until ordinary fulfilment ships: some within hours, most in days.
SHIP_BY_HOURS = ((1, 4, 5), (12, 72, 55), (72, 240, 40))


def make_demands(
    params: ScenarioParams,
    terrain: Terrain,
    catalogue: Catalogue,
    draws: Draws,
    count: int,
    now_us: int,
) -> tuple[Demand, ...]:
    """
    Draw the open demands of a scenario.

    Quantity, condition floor, segment, priority and the time left until ship-by
    are drawn independently from the tables of this module; place and SKU by
    population and popularity.
    """
    points = terrain.points(draws, count, params.clustering)
    sku = catalogue.draw(draws, count).tolist()
    quantity, quantities = draws.pick(QUANTITIES, count)
    floor, floors = draws.pick(FLOORS, count)
    segment, segments = draws.pick(SEGMENTS, count)
    priority, priorities = draws.pick(PRIORITIES, count)
    consents = draws.chance(params.share_consenting, count)
    ship_by_us = now_us + draws.spell_us(SHIP_BY_HOURS, count)
    width = max(6, len(str(count)))
    rows = zip(
        points.lat.tolist(),
        points.lng.tolist(),
        sku,
        quantity.tolist(),
        floor.tolist(),
        segment.tolist(),
        priority.tolist(),
        consents.tolist(),
        ship_by_us.tolist(),
        strict=True,
    )
    return tuple(
        Demand(
            demand_id=DemandId(f"D{number:0{width}d}"),
            location=LatLng(lat, lng),
            sku=catalogue.names[item],
            category=catalogue.category[item],
            quantity=quantities[units],
            ship_by_us=until_us,
            min_condition=floors[least],
            accepts_returned_item=consent,
            segment=segments[group],
            priority=priorities[step],
        )
        for number, (
            lat,
            lng,
            item,
            units,
            least,
            group,
            step,
            consent,
            until_us,
        ) in enumerate(rows, 1)
    )
