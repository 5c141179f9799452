"""One returned unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import ReturnId, check_id
from matcher.domain.item import (
    Condition,
    ItemAttributes,
    ReturnReason,
    Verification,
)
from matcher.domain.latlng import LatLng

VALUE_MICROS_MAX = 10**15
WEIGHT_GRAMS_MAX = 1_000_000
ORDER_RETURN_COUNT_MAX = 10_000


class ReturnState(IntEnum):
    """Where a return item is in its life."""

    UNSPECIFIED = 0
    WAITING = 1
    MATCHED = 2
    CONFIRMED = 3
    WAREHOUSE = 4
    CANCELLED = 5
    COMPLETED = 6


class Channel(IntEnum):
    """Way by which the customer came; recorded, never an input of a decision."""

    UNSPECIFIED = 0
    WEB = 1
    APP = 2
    STORE = 3
    SUPPORT = 4


class TransitState(IntEnum):
    """Whether the item has left the customer."""

    UNSPECIFIED = 0
    WITH_CUSTOMER = 1
    IN_TRANSIT = 2
    RECEIVED = 3


class ReturnPath(IntEnum):
    """Return path that the customer chose."""

    UNSPECIFIED = 0
    CARRIER = 1
    IN_STORE = 2
    DROP_OFF = 3
    LOCAL_HANDOFF = 4


@dataclass(frozen=True, slots=True)
class ReturnItem:
    """
    One unit that a customer sends back, with the evidence about it.

    Times are microseconds since the epoch. ``decide_by_us`` is when the route is
    final at the latest. ``refund_due_us`` is echoed and never an input.
    """

    return_id: ReturnId
    order_id: str
    customer_id: str
    location: LatLng
    sku: str
    category: str
    decide_by_us: int
    reason: ReturnReason = ReturnReason.UNSPECIFIED
    condition: Condition = Condition.UNSPECIFIED
    attributes: ItemAttributes = ItemAttributes()
    verification: Verification | None = None
    customer_consents: bool = False
    value_micros: int = 0
    channel: Channel = Channel.UNSPECIFIED
    transit_state: TransitState = TransitState.UNSPECIFIED
    segment: str = ""
    order_return_count: int = 1
    preferred_path: ReturnPath = ReturnPath.UNSPECIFIED
    weight_grams: int = 0
    refund_due_us: int | None = None
    season_end_us: int | None = None

    def __post_init__(self) -> None:
        for name in ("return_id", "order_id", "customer_id", "sku", "category"):
            check_id(name, getattr(self, name))
        check_id("segment", self.segment, allow_empty=True)
        _check_range("value_micros", self.value_micros, 0, VALUE_MICROS_MAX)
        _check_range("weight_grams", self.weight_grams, 0, WEIGHT_GRAMS_MAX)
        _check_range(
            "order_return_count", self.order_return_count, 1, ORDER_RETURN_COUNT_MAX
        )


def _check_range(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidValueError(field, value, f"{low:,} to {high:,}")
