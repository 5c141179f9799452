"""An open order line of a buyer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import DemandId, check_id
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng

QUANTITY_MAX = 1_000_000
PRIORITY_MAX = 9


class DemandState(IntEnum):
    """Where a demand is in its life."""

    UNSPECIFIED = 0
    OPEN = 1
    HELD = 2
    FULFILLED = 3
    CANCELLED = 4
    EXPIRED = 5


@dataclass(frozen=True, slots=True)
class Demand:
    """
    What a buyer wants, where, and under which conditions.

    ``quantity`` counts units, 1 to 1,000,000. From ``ship_by_us`` on (microseconds
    since the epoch) ordinary fulfilment ships it. Without
    ``accepts_returned_item`` it is never indexed.
    """

    demand_id: DemandId
    location: LatLng
    sku: str
    category: str
    quantity: int
    ship_by_us: int
    min_condition: Condition
    accepts_returned_item: bool = False
    segment: str = ""
    priority: int = 0

    def __post_init__(self) -> None:
        check_id("demand_id", self.demand_id)
        check_id("sku", self.sku)
        check_id("category", self.category)
        check_id("segment", self.segment, allow_empty=True)
        if not 1 <= self.quantity <= QUANTITY_MAX:
            raise InvalidValueError("quantity", self.quantity, "1 to 1,000,000")
        if not 0 <= self.priority <= PRIORITY_MAX:
            raise InvalidValueError("priority", self.priority, "0 to 9")
        if self.min_condition is Condition.UNSPECIFIED:
            raise InvalidValueError(
                "min_condition", self.min_condition.name, "POOR to NEW"
            )
