"""Bytes that callers and stores hold from earlier versions still say the same."""

from __future__ import annotations

import contextvars
import json
from pathlib import Path

import pytest
from google.protobuf.message import Message

from matcher.domain.ids import TenantId
from nearturn.v1 import decision_pb2, demand_pb2, return_item_pb2
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from server.access.caller import enter_call
from server.access.local_callers import LocalCallers
from server.api.convert.demand import to_demand
from server.api.convert.return_item import to_return_item
from server.api.paging import after_key, page_token
from tests.contract.messages import (
    demand,
    policy,
    return_item,
    timestamp,
    verification,
    warehouse,
)
from tests.scenarios import NOW_US

# Written once and never rewritten: a line that fails means that what callers have
# stored or queued would be read as something else.
GOLDEN: dict[str, str] = json.loads(
    Path(__file__).with_name("golden_messages.json").read_text(encoding="utf-8")
)
REQUEST_ID = "8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11"


def _round() -> decision_pb2.Round:
    return decision_pb2.Round(
        round_id="n-000000000001",
        policy_version=2,
        start_time=timestamp(NOW_US),
        return_count=3,
        demand_count=4,
        candidate_count=5,
        matched_count=1,
        waiting_count=1,
        warehouse_count=1,
        mean_distance_m=1_000,
        reason_counts=[
            decision_pb2.ReasonCount(
                code=decision_pb2.REASON_CODE_MATCHED_BEST_SAVING, decision_count=1
            )
        ],
        certificate=decision_pb2.Certificate(
            saving_micros=5_990_000, dual_micros=5_990_000, verified=True
        ),
        dropped_count=6,
    )


def _decision() -> decision_pb2.Decision:
    return decision_pb2.Decision(
        decision_id="d-000000000001",
        return_id="r1",
        outcome=decision_pb2.OUTCOME_MATCHED,
        reasons=[
            decision_pb2.Reason(
                code=decision_pb2.REASON_CODE_MATCHED_BEST_SAVING,
                gate=decision_pb2.GATE_LIFECYCLE,
                text="A buyer takes the item.",
            )
        ],
        checks=[
            decision_pb2.Check(
                gate=decision_pb2.GATE_VERIFICATION,
                name="inspection_passed",
                result=decision_pb2.CHECK_RESULT_PASSED,
                observed="passed",
                accepted="passed",
                evidence_id="evidence-1",
            )
        ],
        match=decision_pb2.Match(
            match_id="m-000000000001",
            return_id="r1",
            demand_id="d1",
            distance_m=1_000,
            match_cost_micros=3_010_000,
            fallback_cost_micros=9_000_000,
            saving_micros=5_990_000,
            hold_state=decision_pb2.HOLD_STATE_ACTIVE,
            hold_expire_time=timestamp(NOW_US),
            round_id="n-000000000001",
            policy_version=2,
            etag="1",
        ),
        fallback=decision_pb2.WarehouseRoute(
            warehouse_id="w1", distance_m=7, cost_micros=8, over_capacity=True
        ),
        policy_version=2,
        round_id="n-000000000001",
        decide_time=timestamp(NOW_US),
        handoff_mode=decision_pb2.HANDOFF_MODE_CARRIER_LABEL,
        refund_policy_unchanged=True,
        refund_due_time=timestamp(NOW_US + 1),
    )


MESSAGES: dict[str, Message] = {
    "demand": demand("d1", 1_234.5, quantity=3, segment="gold", priority=2, etag="7"),
    "return item": return_item(
        "r1",
        1_234.5,
        value_micros=19_990_000,
        segment="gold",
        order_return_count=2,
        channel=return_item_pb2.CHANNEL_SUPPORT,
        preferred_path=return_item_pb2.RETURN_PATH_CARRIER,
        refund_due_time=timestamp(NOW_US + 1),
        season_end_time=timestamp(NOW_US + 2),
    ),
    "policy": policy(description="pilot", segments=["gold"], rollout_salt="salt"),
    "warehouse": warehouse("w1", 1_234.5, categories=["apparel"]),
    "decision": _decision(),
    "round": _round(),
    "submission": returns.SubmitReturnRequest(
        return_item=return_item("r1"), request_id=REQUEST_ID
    ),
    "verification": returns.RecordVerificationRequest(
        return_id="r1", verification=verification(), request_id=REQUEST_ID
    ),
    "confirmation": matches.ConfirmMatchRequest(
        match_id="m-000000000001", etag="1", request_id=REQUEST_ID
    ),
    "activation": policies.ActivatePolicyRequest(version=2, request_id=REQUEST_ID),
    "page of demands": demands.ListDemandsResponse(
        demands=[demand("d1", state=demand_pb2.DEMAND_STATE_OPEN)],
        next_page_token="token",  # noqa: S106 - of a page
    ),
}


def test_every_message_has_its_bytes():
    """Names of bytes and of messages are the same: none is forgotten."""
    assert set(GOLDEN) == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_old_bytes_decode_to_what_they_said(name: str):
    """Bytes written by the first version are read as the message they were."""
    message = MESSAGES[name]
    assert type(message).FromString(bytes.fromhex(GOLDEN[name])) == message


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_written_as_ever(name: str):
    """The same message gives the same bytes, so that old readers understand it."""
    written = MESSAGES[name].SerializeToString(deterministic=True)
    assert written.hex() == GOLDEN[name]


def test_old_bytes_convert_to_the_domain():
    """Not only the stubs: the engine's values come out of them too."""
    item = return_item_pb2.ReturnItem.FromString(bytes.fromhex(GOLDEN["return item"]))
    assert to_return_item(item).value_micros == 19_990_000
    order = demand_pb2.Demand.FromString(bytes.fromhex(GOLDEN["demand"]))
    assert to_demand(order).quantity == 3


def test_fields_of_a_later_version_are_passed_over():
    """A field that this version does not know changes nothing of what it knows."""
    raw = bytes.fromhex(GOLDEN["demand"])
    # Field 2,000, a string, as a later client may send it.
    later = raw + b"\x82\x7d\x05later"
    found = demand_pb2.Demand.FromString(later)
    assert to_demand(found) == to_demand(demand_pb2.Demand.FromString(raw))


@pytest.mark.parametrize(
    ("listing", "key", "token"),
    [
        ("WatchDecisions", "7", "ozLCKbLlo2Q3"),
        ("ListDemands 0", "d1", "qHF6XhiLUshkMQ=="),
    ],
)
def test_cursors_of_earlier_versions_go_on(listing: str, key: str, token: str):
    """
    Callers store cursors beside what they did: a new server must know them.

    Those of the tenant ``default``; in a context of its own, as a call has one.
    """

    def check() -> None:
        enter_call(LocalCallers([TenantId("default")]).caller(()))
        assert page_token(listing, key) == token
        assert after_key(listing, token) == key

    contextvars.copy_context().run(check)
