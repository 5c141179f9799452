"""Every bound of a domain value: at it, and one past it, with the field named."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng
from tests.scenarios import (
    demand,
    policy,
    return_item,
    rule,
    verification,
    warehouse,
)

_INF = math.inf
_LEAST = math.nextafter(1.0, 2.0)


def _place(**changes: float) -> LatLng:
    return LatLng(**{"lat": 0.0, "lng": 0.0, **changes})


# What makes the value, the argument, the field of the error, what passes, what not.
_BOUNDS: tuple[tuple[Callable[..., Any], str, str, list[Any], list[Any]], ...] = (
    (
        _place,
        "lat",
        "location.latitude",
        [-90.0, 90.0, -0.0],
        [-90.00000001, 90.00000001, math.nan, _INF, -_INF],
    ),
    (
        _place,
        "lng",
        "location.longitude",
        [-180.0, 180.0],
        [-180.0000001, 540.0, math.nan, _INF, -_INF],
    ),
    (demand, "quantity", "quantity", [1, 1_000_000], [0, -1, 1_000_001]),
    (demand, "priority", "priority", [0, 9], [-1, 10]),
    (
        demand,
        "min_condition",
        "min_condition",
        [Condition.POOR, Condition.NEW],
        [Condition.UNSPECIFIED],
    ),
    (return_item, "value_micros", "value_micros", [0, 10**15], [-1, 10**15 + 1]),
    (return_item, "weight_grams", "weight_grams", [0, 10**6], [-1, 10**6 + 1]),
    (
        return_item,
        "order_return_count",
        "order_return_count",
        [1, 10**4],
        [0, -1, 10_001],
    ),
    (
        verification,
        "confidence",
        "verification.confidence",
        [0.0, 1.0, None],
        [-1e-9, _LEAST, math.nan, _INF],
    ),
    (warehouse, "daily_capacity", "daily_capacity", [0, 10**9], [-1, 10**9 + 1]),
    *(
        (warehouse, name, name, [0, high], [-1, high + 1])
        for name, high in (
            ("inbound_base_micros", 10**12),
            ("inbound_per_km_micros", 10**9),
            ("processing_micros", 10**12),
            ("outbound_base_micros", 10**12),
            ("outbound_per_km_micros", 10**9),
        )
    ),
)
# What the error says is accepted, word for word as the documents have it.
_ACCEPTED = {
    "location.latitude": "finite degrees from -90 to 90",
    "location.longitude": "finite degrees from -180 to 180",
    "quantity": "1 to 1,000,000",
    "priority": "0 to 9",
    "min_condition": "POOR to NEW",
    "value_micros": "0 to 1,000,000,000,000,000",
    "weight_grams": "0 to 1,000,000",
    "order_return_count": "1 to 10,000",
    "verification.confidence": "finite, 0 to 1",
    "daily_capacity": "0 to 1,000,000,000",
    "inbound_base_micros": "0 to 1,000,000,000,000",
    "inbound_per_km_micros": "0 to 1,000,000,000",
    "processing_micros": "0 to 1,000,000,000,000",
    "outbound_base_micros": "0 to 1,000,000,000,000",
    "outbound_per_km_micros": "0 to 1,000,000,000",
}
_CASES = [
    (make, argument, field, value)
    for make, argument, field, _, refused in _BOUNDS
    for value in refused
]


@pytest.mark.parametrize(("make", "argument", "field", "value"), _CASES)
def test_past_a_bound_is_refused_by_name(
    make: Callable[..., Any], argument: str, field: str, value: Any
) -> None:
    """The error has the field, the value and the accepted range."""
    with pytest.raises(InvalidValueError) as refused:
        make(**{argument: value})
    (violation,) = refused.value.violations
    assert violation.field == field
    assert violation.value in (repr(value), repr(getattr(value, "name", value)))
    assert violation.accepted == _ACCEPTED[field]
    assert str(refused.value) == (
        f"{field}: got {violation.value}; accepted: {_ACCEPTED[field]}"
    )


@pytest.mark.parametrize(
    ("make", "argument", "value"),
    [
        (make, argument, value)
        for make, argument, _, accepted, _ in _BOUNDS
        for value in accepted
    ],
)
def test_a_bound_is_accepted(
    make: Callable[..., Any], argument: str, value: Any
) -> None:
    """Bounds belong to their range, and the value is kept as it is."""
    assert getattr(make(**{argument: value}), argument) == value


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (return_item(), "customer_consents"),
        (return_item().attributes, "damaged"),
        (verification(), "status"),
        (demand(), "quantity"),
        (warehouse(), "daily_capacity"),
        (LatLng(0.0, 0.0), "lat"),
        (rule(), "min_confidence"),
        (policy(), "rollout_basis_points"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_a_value_never_changes(value: Any, name: str) -> None:
    """What was checked when it was made stays checked: no field can be set (R3, R7)."""
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, getattr(value, name))
