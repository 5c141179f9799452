"""The demand of a SKU as a floor looks at it, by looping over every order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcher.domain.demand_floor import SeenDemand
from matcher.domain.return_item import ReturnItem
from tests.scenarios import DAY_US

if TYPE_CHECKING:
    from tests.simulation.reference_model import ReferenceModel


def seen_demand(model: ReferenceModel, item: ReturnItem) -> SeenDemand | None:
    """Return what demand the SKU of an item has now, if the policy asks."""
    rule = model.active.rule_for(item.category) if model.active else None
    if rule is None or rule.demand_floor is None:
        return None
    days = rule.demand_floor.window_us // DAY_US
    first = model.now_us // DAY_US - days + 1
    came_in = [
        now_us // DAY_US
        for demand, now_us in model.ordered
        if demand.sku == item.sku
        and demand.accepts_returned_item
        and now_us // DAY_US >= first
    ]
    units = sum(
        order.open
        for order in model.orders.values()
        if order.demand.sku == item.sku and order.demand.accepts_returned_item
    )
    return SeenDemand(days, units, len(came_in), len(set(came_in)))
