"""Contract and domain name the same things by the same numbers."""

from __future__ import annotations

from enum import IntEnum

import pytest
from google.protobuf.descriptor import EnumDescriptor

from matcher.domain.decision import Handoff, Outcome
from matcher.domain.demand import DemandState
from matcher.domain.guardrail import GuardrailMetric
from matcher.domain.item import Condition, Fact, ReturnReason, VerificationStatus
from matcher.domain.item_outcome import Arrival, BuyerResponse
from matcher.domain.match import HoldState
from matcher.domain.match_limit import LimitScope
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective
from matcher.domain.policy import MatchKey, PolicyState
from matcher.domain.policy_change import Dimension, Direction
from matcher.domain.program import ProgramEventKind, SignOffItem
from matcher.domain.reason import CheckResult, Gate, ReasonCode
from matcher.domain.return_item import (
    Channel,
    ReturnPath,
    ReturnState,
    TransitState,
)
from matcher.domain.shadow import ShadowState
from matcher.explain.difference import DifferenceKind
from matcher.explain.smallest_change import ChangeKind
from matcher.report.prices import PriceView
from matcher.simulate.whatif.course import Ending
from matcher.simulate.whatif.tally import Dimension as GroupDimension
from nearturn.v1 import (
    decision_pb2,
    demand_pb2,
    explain_service_pb2,
    explanation_pb2,
    guardrail_pb2,
    item_outcome_pb2,
    item_pb2,
    match_limit_pb2,
    mode_pb2,
    network_pb2,
    policy_pb2,
    program_pb2,
    report_service_pb2,
    return_item_pb2,
    shadow_pb2,
    simulation_pb2,
)

MODULES = (
    decision_pb2,
    demand_pb2,
    explain_service_pb2,
    explanation_pb2,
    guardrail_pb2,
    item_outcome_pb2,
    item_pb2,
    match_limit_pb2,
    mode_pb2,
    network_pb2,
    policy_pb2,
    program_pb2,
    report_service_pb2,
    return_item_pb2,
    shadow_pb2,
    simulation_pb2,
)
PAIRS: dict[str, tuple[type[IntEnum], str]] = {
    "Outcome": (Outcome, "OUTCOME_"),
    "Gate": (Gate, "GATE_"),
    "ReasonCode": (ReasonCode, "REASON_CODE_"),
    "CheckResult": (CheckResult, "CHECK_RESULT_"),
    "HoldState": (HoldState, "HOLD_STATE_"),
    "DemandState": (DemandState, "DEMAND_STATE_"),
    "Condition": (Condition, "CONDITION_"),
    "ReturnReason": (ReturnReason, "RETURN_REASON_"),
    "Fact": (Fact, "FACT_"),
    "VerificationStatus": (VerificationStatus, "VERIFICATION_STATUS_"),
    "MatchKey": (MatchKey, "MATCH_KEY_"),
    "Mode": (Mode, "MODE_"),
    "ShadowState": (ShadowState, "SHADOW_STATE_"),
    "PolicyState": (PolicyState, "POLICY_STATE_"),
    "PolicyDimension": (Dimension, "POLICY_DIMENSION_"),
    "ChangeDirection": (Direction, "CHANGE_DIRECTION_"),
    "DifferenceKind": (DifferenceKind, "DIFFERENCE_KIND_"),
    "ChangeKind": (ChangeKind, "CHANGE_KIND_"),
    "SignOffItem": (SignOffItem, "SIGN_OFF_ITEM_"),
    "ProgramEventKind": (ProgramEventKind, "PROGRAM_EVENT_KIND_"),
    "Arrival": (Arrival, "ARRIVAL_"),
    "BuyerResponse": (BuyerResponse, "BUYER_RESPONSE_"),
    "GuardrailMetric": (GuardrailMetric, "GUARDRAIL_METRIC_"),
    "PriceView": (PriceView, "PRICE_VIEW_"),
    "ReturnState": (ReturnState, "RETURN_STATE_"),
    "Channel": (Channel, "CHANNEL_"),
    "TransitState": (TransitState, "TRANSIT_STATE_"),
    "ReturnPath": (ReturnPath, "RETURN_PATH_"),
    "HandoffMode": (Handoff, "HANDOFF_MODE_"),
    "Objective": (Objective, "OBJECTIVE_"),
    "LimitScope": (LimitScope, "LIMIT_SCOPE_"),
    "SimulatedEnding": (Ending, "SIMULATED_ENDING_"),
    "GroupKind": (GroupDimension, "GROUP_KIND_"),
}
# How much is told is for the API alone, so that the domain has no such values.
WITHOUT_TWIN = {"ExplanationView"}


def _enums() -> dict[str, EnumDescriptor]:
    return {
        name: enum
        for module in MODULES
        for name, enum in module.DESCRIPTOR.enum_types_by_name.items()
    }


def test_every_enum_of_the_contract_has_its_twin():
    """A new enum without a pair here is noticed."""
    assert set(_enums()) == set(PAIRS) | WITHOUT_TWIN


@pytest.mark.parametrize("name", PAIRS)
def test_names_and_numbers_are_equal(name: str):
    """Conversion is by number, so names and numbers must agree, every one of them."""
    kind, prefix = PAIRS[name]
    theirs = {
        value.name.removeprefix(prefix): value.number for value in _enums()[name].values
    }
    ours = {member.name: member.value for member in kind}
    if name == "Fact":
        # Silence is an answer of its own in the domain, and is called so.
        ours["UNSPECIFIED"] = ours.pop("UNKNOWN")
    if name == "SimulatedEnding":
        ours["UNSPECIFIED"] = ours.pop("ABSENT")
    if name == "GroupKind":
        # Nothing is grouped by nothing.
        del theirs["UNSPECIFIED"]
    assert ours == theirs
