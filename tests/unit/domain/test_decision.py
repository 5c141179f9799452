"""A decision cannot be made without a reason, or with the wrong route."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.ids import (
    DecisionId,
    DemandId,
    MatchId,
    ReturnId,
    RoundId,
    WarehouseId,
)
from matcher.domain.match import HoldState, Match
from matcher.domain.reason import Reason, ReasonCode
from tests.scenarios import HOUR_US, NOW_US

_ROUTE = WarehouseRoute(WarehouseId("w1"), 1_000, 5_000_000)
_MATCH = Match(
    match_id=MatchId("m1"),
    return_id=ReturnId("r1"),
    demand_id=DemandId("d1"),
    distance_m=10,
    match_cost_micros=1,
    fallback_cost_micros=3,
    saving_micros=2,
    hold_state=HoldState.ACTIVE,
    hold_expire_us=NOW_US + HOUR_US,
    round_id=RoundId("q1"),
    policy_version=1,
)
_WAITING = Decision(
    decision_id=DecisionId("x1"),
    return_id=ReturnId("r1"),
    outcome=Outcome.WAITING,
    reasons=(Reason(ReasonCode.AWAITING_ROUND, "It waits."),),
    checks=(),
    fallback=_ROUTE,
    policy_version=1,
    decided_us=NOW_US,
)


@pytest.mark.parametrize("outcome", [each for each in Outcome if each])
@pytest.mark.parametrize("match", [None, _MATCH])
@pytest.mark.parametrize("warehouse", [None, _ROUTE])
def test_an_outcome_has_its_route_and_no_other(
    outcome: Outcome, match: Match | None, warehouse: WarehouseRoute | None
) -> None:
    """A buyer exactly when matched, a warehouse exactly when sent there (R2, I1)."""
    fits = (match is not None) == (outcome is Outcome.MATCHED) and (
        warehouse is not None
    ) == (outcome is Outcome.WAREHOUSE)
    if fits:
        replace(_WAITING, outcome=outcome, match=match, warehouse=warehouse)
        return
    with pytest.raises(AssertionError):
        replace(_WAITING, outcome=outcome, match=match, warehouse=warehouse)


def test_a_decision_has_a_reason() -> None:
    """None at all is a fault of ours, found where it is made (R3, I7)."""
    with pytest.raises(AssertionError, match="'r1' without a reason"):
        replace(_WAITING, reasons=())
