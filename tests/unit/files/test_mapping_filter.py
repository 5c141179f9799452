"""Conditions: which foreign rows count."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.mapping_filter import Condition

MAY_7 = date(2018, 5, 7)
MAY_14 = date(2018, 5, 14)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        (Condition("c", one_of=("a", "b")), "b", True),
        (Condition("c", one_of=("a", "b")), "B", False),
        (Condition("c", one_of=(True,)), "true", True),
        (Condition("c", one_of=(True,)), False, False),
        (Condition("c", one_of=(1,)), "1.0", True),
        (Condition("c", one_of=(0.1,)), Decimal("0.1"), True),
        (Condition("c", one_of=("1",)), 1, True),
        (Condition("c", one_of=("a",)), None, False),
        (Condition("c", one_of=("a",)), "", False),
        (Condition("c", one_of=(MAY_7,)), "2018-05-07", True),
        (Condition("c", at_least=MAY_7, below=MAY_14), "2018-05-07 00:00:00", True),
        (Condition("c", at_least=MAY_7, below=MAY_14), "2018-05-13T23:59:59Z", True),
        (Condition("c", at_least=MAY_7, below=MAY_14), "2018-05-14", False),
        (Condition("c", at_least=MAY_7), "2018-05-06T23:00:00-03:00", True),
        (Condition("c", below=MAY_7), datetime(2018, 5, 6, 23, tzinfo=UTC), True),
        (Condition("c", at_least=1, below=2), 1.5, True),
        (Condition("c", at_least=1, below=2), "2", False),
        (Condition("c", at_least=1), None, False),
    ],
)
def test_conditions(condition: Condition, value: object, holds: bool) -> None:
    """Values are read as what they are compared with; the upper end is not in."""
    assert condition.holds(value) is holds


@pytest.mark.parametrize(
    ("condition", "accepted"),
    [
        (Condition("c", one_of=(True,)), "true or false"),
        (Condition("c", one_of=(1,)), "a number"),
        (Condition("c", at_least=MAY_7), "ISO 8601"),
    ],
)
def test_unreadable_value_is_a_fault(condition: Condition, accepted: str) -> None:
    """A row is not passed over because its value is nonsense: it is reported."""
    with pytest.raises(
        InvalidValueError, match=f"c: got 'maybe'; accepted: .*{accepted}"
    ):
        condition.holds("maybe")
