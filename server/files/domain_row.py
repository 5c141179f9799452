"""Domain values as rows of columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType

from matcher.domain.demand import Demand
from matcher.domain.item import Verification
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import Warehouse
from server.files.columns import COLUMNS, Kind

#: What a row of each kind is made of.
DomainValue = Demand | ReturnItem | Warehouse

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def domain_row(kind: Kind, value: DomainValue) -> dict[str, object]:
    """
    Lay a domain value out in the columns of its kind.

    Returns
    -------
    dict
        Every column of the kind, in order: text, int, float, bool, a time in UTC,
        the name of an enumeration, or a list of texts. ``None`` is nothing known.
    """
    values = _LAYOUTS[kind](value)
    return {name: values.get(name) for name in COLUMNS[kind]}


def _demand(value: DomainValue) -> dict[str, object]:
    assert isinstance(value, Demand)
    return {
        "demand_id": value.demand_id,
        "location.latitude": value.location.lat,
        "location.longitude": value.location.lng,
        "sku": value.sku,
        "category": value.category,
        "quantity": value.quantity,
        "ship_by_time": _time(value.ship_by_us),
        "min_condition": _name(value.min_condition),
        "accepts_returned_item": value.accepts_returned_item,
        "segment": value.segment or None,
        "priority": value.priority,
    }


def _return_item(value: DomainValue) -> dict[str, object]:
    assert isinstance(value, ReturnItem)
    facts = {
        f"attributes.{name}": _name(getattr(value.attributes, name))
        for name in (
            "fragile",
            "regulated",
            "custom_made",
            "damaged",
            "defective",
            "end_of_season",
        )
    }
    return {
        "return_id": value.return_id,
        "order_id": value.order_id,
        "customer_id": value.customer_id,
        "location.latitude": value.location.lat,
        "location.longitude": value.location.lng,
        "sku": value.sku,
        "category": value.category,
        "reason": _name(value.reason),
        "condition": _name(value.condition),
        **facts,
        **_verification(value.verification),
        "customer_consents": value.customer_consents,
        "value_micros": value.value_micros,
        "decide_by_time": _time(value.decide_by_us),
        "channel": _name(value.channel),
        "transit_state": _name(value.transit_state),
        "segment": value.segment or None,
        "order_return_count": value.order_return_count,
        "preferred_path": _name(value.preferred_path),
        "weight_grams": value.weight_grams,
        "refund_due_time": _time(value.refund_due_us),
        "season_end_time": _time(value.season_end_us),
    }


def _verification(value: Verification | None) -> dict[str, object]:
    if value is None:
        return {}
    return {
        # Named even where nothing was found: the message is there, though empty.
        "verification.status": value.status.name,
        "verification.method": value.method or None,
        "verification.source": value.source or None,
        "verification.source_version": value.source_version or None,
        "verification.evidence_id": value.evidence_id or None,
        "verification.confidence": value.confidence,
        "verification.verify_time": _time(value.verify_us),
        "verification.expire_time": _time(value.expire_us),
    }


def _warehouse(value: DomainValue) -> dict[str, object]:
    assert isinstance(value, Warehouse)
    return {
        "warehouse_id": value.warehouse_id,
        "location.latitude": value.location.lat,
        "location.longitude": value.location.lng,
        "daily_capacity": value.daily_capacity,
        "categories": list(value.categories) or None,
        "inbound_base_micros": value.inbound_base_micros,
        "inbound_per_km_micros": value.inbound_per_km_micros,
        "processing_micros": value.processing_micros,
        "outbound_base_micros": value.outbound_base_micros,
        "outbound_per_km_micros": value.outbound_per_km_micros,
    }


_LAYOUTS: Mapping[Kind, Callable[[DomainValue], dict[str, object]]] = MappingProxyType(
    {
        Kind.DEMAND: _demand,
        Kind.RETURN_ITEM: _return_item,
        Kind.WAREHOUSE: _warehouse,
    }
)


def _time(instant_us: int | None) -> datetime | None:
    if instant_us is None:
        return None
    return _EPOCH + timedelta(microseconds=instant_us)


def _name(value: IntEnum) -> str | None:
    # Number 0 is "unspecified" in every enumeration of the contract.
    return value.name if value else None
