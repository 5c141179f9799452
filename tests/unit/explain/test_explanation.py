"""One decision as gates and sentences."""

from __future__ import annotations

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.ids import DecisionId, ReturnId, WarehouseId
from matcher.domain.reason import Check, CheckResult, Gate, ReasonCode
from matcher.explain import explain
from matcher.policy.wording import stated

ROUTE = WarehouseRoute(WarehouseId("w1"), 1200, 5_000_000)
FAILED = Check(
    Gate.ELIGIBILITY,
    "not_damaged",
    CheckResult.FAILED,
    "yes",
    "no",
    ReasonCode.ITEM_DAMAGED,
)
PASSED = Check(Gate.VERIFICATION, "inspection_passed", CheckResult.PASSED, "a", "b")


def _decision(outcome: Outcome, **values: object) -> Decision:
    fields = {
        "decision_id": DecisionId("d-1"),
        "return_id": ReturnId("r1"),
        "outcome": outcome,
        "reasons": (stated(ReasonCode.ITEM_DAMAGED),),
        "checks": (PASSED, FAILED),
        "fallback": ROUTE,
        "policy_version": 1,
        "decided_us": 0,
        **values,
    }
    return Decision(**fields)  # type: ignore[arg-type]


def test_gates_stand_in_order_with_their_own_findings() -> None:
    """Each gate reached has its checks and reasons, verification first (R5, R41)."""
    found = explain(_decision(Outcome.WAREHOUSE, warehouse=ROUTE))
    assert [gate.gate for gate in found.gates] == [Gate.VERIFICATION, Gate.ELIGIBILITY]
    assert [gate.passed for gate in found.gates] == [True, False]
    assert [r.code for r in found.gates[1].reasons] == [ReasonCode.ITEM_DAMAGED]


def test_a_skipped_check_does_not_pass_a_gate() -> None:
    """What could not be tested did not pass (R8)."""
    skipped = Check(Gate.VERIFICATION, "evidence_fresh", CheckResult.SKIPPED, "", "x")
    found = explain(_decision(Outcome.WAITING, checks=(PASSED, skipped)))
    assert not found.gates[0].passed


def test_the_summary_names_the_route_and_the_refund() -> None:
    """Route, reason and unchanged refund are in every summary (R37, R39)."""
    text = explain(_decision(Outcome.WAREHOUSE, warehouse=ROUTE)).summary
    assert "to warehouse w1, 1200 m away" in text
    assert stated(ReasonCode.ITEM_DAMAGED).text in text
    assert "Refund timing and terms are as for every return." in text


def test_a_waiting_return_keeps_its_ordinary_route_open() -> None:
    """Whoever waits is told of the way that stays open (R39)."""
    text = explain(_decision(Outcome.WAITING)).summary
    assert "The ordinary route stays open: to warehouse w1" in text


def test_without_a_warehouse_it_is_the_standard_return() -> None:
    """An empty warehouse id is the brand's standard return, and is called so."""
    standard = WarehouseRoute(WarehouseId(""), 0, 8_000_000)
    text = explain(
        _decision(Outcome.WAREHOUSE, fallback=standard, warehouse=standard)
    ).summary
    assert "by the brand's standard return" in text


def test_a_cancelled_return_has_no_route() -> None:
    """Nothing is routed once the caller has cancelled."""
    text = explain(_decision(Outcome.CANCELLED)).summary
    assert "warehouse" not in text
