"""Answers that are put together of encoded parts say what the messages would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.ids import DecisionId, ReturnId, WarehouseId
from matcher.domain.reason import Check, CheckResult, Gate, Reason, ReasonCode
from nearturn.v1 import decision_pb2, return_item_pb2
from nearturn.v1 import return_service_pb2 as pb
from server.api.convert import decision as convert
from server.api.convert.decision import encoded_decision, from_decision
from server.api.embedding import embedded
from tests.scenarios.entities import NOW_US


def _check(number: int) -> Check:
    return Check(
        Gate.ELIGIBILITY, f"check_{number}", CheckResult.FAILED, f"{number}", "none"
    )


def _decision(first: int, count: int) -> Decision:
    route = WarehouseRoute(WarehouseId("w1"), 1_200, 4_500_000, over_capacity=False)
    return Decision(
        decision_id=DecisionId("d-1"),
        return_id=ReturnId("r1"),
        outcome=Outcome.WAREHOUSE,
        reasons=tuple(
            Reason(ReasonCode.CONSENT_MISSING, f"reason {number}")
            for number in range(first, first + count)
        ),
        checks=tuple(_check(number) for number in range(first, first + count)),
        fallback=route,
        policy_version=3,
        decided_us=NOW_US,
        warehouse=route,
    )


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_an_embedded_message_is_a_field(size: int):
    """Of any length, which takes one byte up to four of its own."""
    item = return_item_pb2.ReturnItem(segment="x" * size)
    made = embedded(
        pb.SubmitReturnResponse.DESCRIPTOR, "return_item", item.SerializeToString()
    )
    assert pb.SubmitReturnResponse.FromString(made).return_item == item
    assert made == pb.SubmitReturnResponse(return_item=item).SerializeToString()


@pytest.mark.parametrize("count", [1, 2, 30])
def test_an_encoded_decision_is_its_message(count: int):
    """All its fields, its reasons and checks in their order, once each."""
    decision = _decision(0, count)
    for _ in range(2):
        decoded = decision_pb2.Decision.FromString(encoded_decision(decision))
        assert decoded == from_decision(decision)
        assert [each.name for each in decoded.checks] == [
            each.name for each in decision.checks
        ]
        assert [each.text for each in decoded.reasons] == [
            each.text for each in decision.reasons
        ]
    assert decoded.warehouse == decoded.fallback


def test_a_route_of_its_own_is_not_taken_for_the_fallback():
    """They are one object where a return goes at once, and may differ."""
    decision = _decision(0, 1)
    other = replace(decision.fallback, warehouse_id=WarehouseId("w2"))
    decoded = from_decision(replace(decision, warehouse=other))
    assert (decoded.warehouse.warehouse_id, decoded.fallback.warehouse_id) == (
        "w2",
        "w1",
    )


def test_findings_that_are_gone_are_not_taken_for_new_ones(
    monkeypatch: pytest.MonkeyPatch,
):
    """Objects that take a dead one's place in memory have their own words."""
    monkeypatch.setattr(convert, "_KNOWN_MAX", 7)
    for first in range(0, 3_000, 3):
        decoded = decision_pb2.Decision.FromString(
            encoded_decision(_decision(first, 3))
        )
        assert [each.name for each in decoded.checks] == [
            f"check_{number}" for number in range(first, first + 3)
        ]
    assert len(convert._KNOWN) <= 7
