"""Timestamps and durations as exact microseconds."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.errors import InvalidValueError
from nearturn.v1 import demand_pb2, policy_pb2
from server.api.convert.times import (
    optional_timestamp,
    optional_us,
    to_duration,
    to_timestamp,
    to_us,
)

# 0001-01-01 and the last microsecond of 9999, as the type defines its range.
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999


def _demand(seconds: int, nanos: int) -> demand_pb2.Demand:
    return demand_pb2.Demand(ship_by_time=Timestamp(seconds=seconds, nanos=nanos))


def _policy(seconds: int, nanos: int) -> policy_pb2.Policy:
    return policy_pb2.Policy(hold_duration=Duration(seconds=seconds, nanos=nanos))


@given(st.integers(FIRST_US, LAST_US))
def test_every_instant_survives_the_way_there_and_back(instant_us: int):
    """Exact to the microsecond over the whole range, before the epoch too."""
    message = demand_pb2.Demand(ship_by_time=to_timestamp(instant_us))
    assert to_us(message, "ship_by_time") == instant_us
    assert 0 <= message.ship_by_time.nanos < 1_000_000_000


@given(st.integers(0, 315_576_000_000 * 1_000_000))
def test_every_span_survives_the_way_there_and_back(span_us: int):
    """Durations of the contract are never negative; all others are exact."""
    message = policy_pb2.Policy(hold_duration=to_duration(span_us))
    assert to_us(message, "hold_duration") == span_us


@pytest.mark.parametrize(
    ("seconds", "nanos", "expected_us"),
    [(0, 999, 0), (0, 1_999, 1), (1, 999_999_999, 1_999_999), (-1, 500, -1_000_000)],
)
def test_less_than_a_microsecond_is_cut(seconds: int, nanos: int, expected_us: int):
    """An instant is taken to the microsecond that it lies in."""
    assert to_us(_demand(seconds, nanos), "ship_by_time") == expected_us


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [
        (-62_135_596_801, 0),
        (253_402_300_800, 0),
        (0, -1),
        (0, 1_000_000_000),
        (2**62, 0),
        (-(2**63), 0),
    ],
)
def test_what_is_no_timestamp_is_refused(seconds: int, nanos: int):
    """One past either end, or nanoseconds out of range: the error shows both parts."""
    with pytest.raises(InvalidValueError) as raised:
        to_us(_demand(seconds, nanos), "ship_by_time")
    (violation,) = raised.value.violations
    assert violation.field == "ship_by_time"
    assert f"{seconds} s and {nanos} ns" in violation.value


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(315_576_000_001, 0), (1, -1), (-1, 1), (0, 1_000_000_000), (2**62, 0)],
)
def test_what_is_no_duration_is_refused(seconds: int, nanos: int):
    """Too long, or seconds and nanoseconds of opposite signs."""
    with pytest.raises(InvalidValueError):
        to_us(_policy(seconds, nanos), "hold_duration")


def test_unset_is_none_and_zero_is_not():
    """The epoch itself is an instant."""
    assert optional_us(demand_pb2.Demand(), "ship_by_time") is None
    assert optional_us(_demand(0, 0), "ship_by_time") == 0
    assert optional_timestamp(None) is None
    assert optional_timestamp(0) == Timestamp()
