"""What a plan is made from."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.demand import Demand
from matcher.domain.errors import InvalidValueError
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import ServiceArea, Warehouse


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    Return items, demands and the network, each id once, in any order.

    No warehouse means the brand's standard return route; no service area means
    everywhere.

    Raises
    ------
    InvalidValueError
        If an id comes twice; the error names its place.
    """

    return_items: tuple[ReturnItem, ...]
    demands: tuple[Demand, ...]
    warehouses: tuple[Warehouse, ...] = ()
    service_areas: tuple[ServiceArea, ...] = ()

    def __post_init__(self) -> None:
        _check_once("return_items", [i.return_id for i in self.return_items])
        _check_once("demands", [d.demand_id for d in self.demands])
        _check_once("warehouses", [w.warehouse_id for w in self.warehouses])
        _check_once("service_areas", [a.service_area_id for a in self.service_areas])


def _check_once(field: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for index, entity_id in enumerate(ids):
        if entity_id in seen:
            raise InvalidValueError(f"{field}[{index}]", entity_id, "each id once")
        seen.add(entity_id)
