"""Which gate a reason code belongs to."""

from __future__ import annotations

import pytest

from matcher.domain.reason import Gate, ReasonCode


@pytest.mark.parametrize(
    ("gate", "first", "last"),
    [
        (Gate.VERIFICATION, "VERIFICATION_MISSING", "INSUFFICIENT_EVIDENCE"),
        (Gate.ELIGIBILITY, "NO_ACTIVE_POLICY", "SKU_DEMAND_TOO_THIN"),
        (Gate.DEMAND, "NO_DEMAND", "DEMAND_OUTSIDE_SERVICE_AREA"),
        (Gate.ROUTING, "WAREHOUSE_OVER_CAPACITY", "STANDARD_WAREHOUSE_ROUTE"),
    ],
)
def test_codes_of_a_gate_stand_together(gate: Gate, first: str, last: str) -> None:
    """Its first and last code, and none of another gate between them (R5)."""
    low, high = ReasonCode[first], ReasonCode[last]
    assert [code for code in ReasonCode if code.gate is gate] == [
        code for code in ReasonCode if low <= code <= high
    ]


def test_the_rest_is_of_the_lifecycle() -> None:
    """What became of an item, and no gate's verdict."""
    rest = {code.name for code in ReasonCode if code.gate is Gate.LIFECYCLE}
    assert rest == {
        "UNSPECIFIED",
        "MATCHED_BEST_SAVING",
        "AWAITING_ROUND",
        "DECIDE_BY_REACHED",
        "HOLD_EXPIRED",
        "MATCH_RELEASED",
        "RETURN_CANCELLED",
        "PLANNING_UNAVAILABLE",
    }
