"""ReturnService: submit, stream, inspect, read and cancel."""

from __future__ import annotations

import math

import grpc
import pytest
from google.rpc import error_details_pb2
from google.type.latlng_pb2 import LatLng

from nearturn.v1 import decision_pb2, item_pb2, return_item_pb2
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import return_service_pb2 as pb
from server.api.return_servicer import IN_FLIGHT_MAX
from tests.contract.api_target import Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    demand,
    return_item,
    submit,
    timestamp,
    upsert,
    verification,
    warehouse,
)
from tests.scenarios import DAY_US, NOW_US


def _codes(decision: decision_pb2.Decision) -> list[str]:
    return [
        decision_pb2.ReasonCode.Name(reason.code).removeprefix("REASON_CODE_")
        for reason in decision.reasons
    ]


async def test_a_return_that_passes_waits_for_a_round(api: Api):
    """Gates 1 and 2 passed: WAITING, with the ordinary route beside it (R39)."""
    await activate(api)
    answer = await api(pb.SubmitReturnRequest(return_item=return_item("r1")))
    assert answer.return_item.state == return_item_pb2.RETURN_STATE_WAITING
    assert answer.decision.outcome == decision_pb2.OUTCOME_WAITING
    assert _codes(answer.decision) == ["AWAITING_ROUND"]
    assert answer.decision.HasField("fallback")
    assert not answer.decision.HasField("warehouse")
    assert answer.decision.policy_version == 1
    assert await api(pb.GetReturnRequest(return_id="r1")) == pb.GetReturnResponse(
        return_item=answer.return_item, decision=answer.decision
    )


async def test_a_return_that_fails_goes_to_a_warehouse_at_once(api: Api):
    """All failed gates are told in the first answer, evidence and all (R5, R12)."""
    await activate(api)
    item = return_item(
        "r1",
        verification=verification(status=item_pb2.VERIFICATION_STATUS_FAILED),
        category="glass",
    )
    decision = (await api(pb.SubmitReturnRequest(return_item=item))).decision
    assert decision.outcome == decision_pb2.OUTCOME_WAREHOUSE
    assert decision.handoff_mode == decision_pb2.HANDOFF_MODE_STANDARD
    assert {"VERIFICATION_FAILED", "CATEGORY_NOT_ALLOWED"} <= set(_codes(decision))
    failed = [
        check
        for check in decision.checks
        if check.reason == decision_pb2.REASON_CODE_VERIFICATION_FAILED
    ]
    assert [check.evidence_id for check in failed] == ["evidence-1"]


async def test_the_refund_time_is_the_returns_own_in_every_branch(api: Api):
    """Waiting or refused, the refund due time is echoed and terms unchanged (R37)."""
    await activate(api)
    due = timestamp(NOW_US + 9 * DAY_US)
    decisions = await submit(
        api,
        return_item("r1", refund_due_time=due),
        return_item("r2", refund_due_time=due, customer_consents=False),
    )
    assert [each.outcome for each in decisions] == [
        decision_pb2.OUTCOME_WAITING,
        decision_pb2.OUTCOME_WAREHOUSE,
    ]
    assert all(each.refund_due_time == due for each in decisions)
    assert all(each.refund_policy_unchanged for each in decisions)


async def test_unset_facts_fail_closed(api: Api):
    """Silence about fragile and the rest is no "no": INSUFFICIENT_EVIDENCE (R8)."""
    await activate(api)
    item = return_item("r1", attributes=None)
    decision = (await api(pb.SubmitReturnRequest(return_item=item))).decision
    assert decision.outcome == decision_pb2.OUTCOME_WAREHOUSE
    assert "INSUFFICIENT_EVIDENCE" in _codes(decision)


async def test_an_inspection_decides_anew(api: Api):
    """Pending evidence waits; a failed result sends the item to a warehouse (R13)."""
    await activate(api)
    pending = verification(status=item_pb2.VERIFICATION_STATUS_PENDING)
    await submit(api, return_item("r1", verification=pending))
    failed = verification(
        status=item_pb2.VERIFICATION_STATUS_FAILED, evidence_id="evidence-2"
    )
    request = pb.RecordVerificationRequest(return_id="r1", verification=failed)
    answer = await api(request)
    assert answer.return_item.verification == failed
    assert answer.return_item.state == return_item_pb2.RETURN_STATE_WAREHOUSE
    assert "VERIFICATION_FAILED" in _codes(answer.decision)
    other = pb.RecordVerificationRequest(
        return_id="r1", verification=verification(evidence_id="evidence-3")
    )
    with pytest.raises(ApiError) as refused:
        await api(other)
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    (failure,) = refused.value.details(error_details_pb2.PreconditionFailure)
    assert failure.violations[0].subject == "return r1"


async def test_cancelling_gives_the_held_unit_back(api: Api):
    """A matched return cancelled is CANCELLED and the buyer's unit open again."""
    await activate(api)
    await upsert(api, demand("d1"))
    await submit(api, return_item("r1"))
    await api(matches.RunRoundRequest())
    answer = await api(pb.CancelReturnRequest(return_id="r1"))
    assert answer.return_item.state == return_item_pb2.RETURN_STATE_CANCELLED
    assert answer.decision.outcome == decision_pb2.OUTCOME_CANCELLED
    await submit(api, return_item("r2"))
    assert (await api(matches.RunRoundRequest())).round.matched_count == 1


async def test_reading_a_return_shows_its_match_as_it_stands(api: Api):
    """After the confirmation the hold reads CONFIRMED with the etag of now."""
    await activate(api)
    await upsert(api, demand("d1"))
    await submit(api, return_item("r1"))
    await api(matches.RunRoundRequest())
    held = (await api(pb.GetReturnRequest(return_id="r1"))).decision.match
    assert held.hold_state == decision_pb2.HOLD_STATE_ACTIVE
    request = matches.ConfirmMatchRequest(match_id=held.match_id, etag=held.etag)
    confirmed = (await api(request)).match
    read = await api(pb.GetReturnRequest(return_id="r1"))
    assert read.return_item.state == return_item_pb2.RETURN_STATE_CONFIRMED
    assert read.decision.match == confirmed
    assert confirmed.hold_state == decision_pb2.HOLD_STATE_CONFIRMED


async def test_lists_can_be_restricted_to_a_state(api: Api):
    """Of a waiting and a refused item, each list has its own, and pages go on."""
    await activate(api)
    await submit(
        api,
        return_item("r1"),
        return_item("r2", customer_consents=False),
        return_item("r3"),
    )
    waiting = return_item_pb2.RETURN_STATE_WAITING
    first = await api(pb.ListReturnsRequest(state=waiting, page_size=1))
    second = await api(
        pb.ListReturnsRequest(
            state=waiting, page_size=1, page_token=first.next_page_token
        )
    )
    assert [each.return_id for each in first.return_items] == ["r1"]
    assert [each.return_id for each in second.return_items] == ["r3"]
    assert not second.next_page_token


async def test_a_stream_answers_every_item_in_order(api: Api):
    """
    Good, faulty, malformed, repeated and taken items, one answer each, in order.

    An error is the status that the unary call would have given, and ends nothing.
    """
    await activate(api)
    requests = [
        pb.StreamReturnsRequest(return_item=return_item("r1")),
        pb.StreamReturnsRequest(
            return_item=return_item("r2", location=LatLng(latitude=math.nan))
        ),
        b"\xff\xff",
        pb.StreamReturnsRequest(return_item=return_item("r1")),
        pb.StreamReturnsRequest(return_item=return_item("r1", sku="coat")),
        pb.StreamReturnsRequest(
            return_item=return_item("r3", decide_by_time=timestamp(NOW_US))
        ),
        pb.StreamReturnsRequest(return_item=return_item("r4", value_micros=5)),
    ]
    answers = await api.bidi(pb.StreamReturnsRequest, requests)
    assert [each.return_id for each in answers] == [
        "r1",
        "r2",
        "",
        "r1",
        "r1",
        "r3",
        "r4",
    ]
    assert [each.WhichOneof("result") for each in answers] == [
        "decision",
        "error",
        "error",
        "decision",
        "error",
        "error",
        "decision",
    ]
    refused = [ApiError(answers[at].error) for at in (1, 2, 4, 5)]
    assert [error.info.reason for error in refused] == [
        "INVALID_VALUE",
        "INVALID_VALUE",
        "ALREADY_EXISTS",
        "INVALID_VALUE",
    ]
    assert list(refused[0].violations) == ["return_item.location.latitude"]
    assert list(refused[3].violations) == ["return_item.decide_by_time"]
    assert answers[3].decision == answers[0].decision


async def test_a_stream_may_be_longer_than_what_is_in_flight(api: Api):
    """Three times as many items as are worked on at once: all answered, in order."""
    await activate(api)
    ids = [f"r{number:04}" for number in range(3 * IN_FLIGHT_MAX)]
    answers = await api.bidi(
        pb.StreamReturnsRequest,
        [pb.StreamReturnsRequest(return_item=return_item(each)) for each in ids],
    )
    assert [each.return_id for each in answers] == ids
    assert {each.decision.outcome for each in answers} == {decision_pb2.OUTCOME_WAITING}


async def test_an_empty_stream_ends_well(api: Api):
    """No request, no answer, no error."""
    assert await api.bidi(pb.StreamReturnsRequest, []) == []


async def test_a_stream_and_a_call_share_their_request_ids(api: Api):
    """An item streamed with a request id is known to the unary call by it."""
    await activate(api)
    request_id = "8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11"
    item = return_item("r1")
    (streamed,) = await api.bidi(
        pb.StreamReturnsRequest,
        [pb.StreamReturnsRequest(return_item=item, request_id=request_id)],
    )
    called = await api(pb.SubmitReturnRequest(return_item=item, request_id=request_id))
    assert called.decision == streamed.decision


async def test_time_alone_sends_a_waiting_return_to_a_warehouse(
    api: Api, clock: HandClock
):
    """At its decide-by time an unmatched item has a route, whoever calls (R2, R61)."""
    await activate(api)
    await submit(api, return_item("r1", decide_by_time=timestamp(NOW_US + 5_000_000)))
    clock.now_us = NOW_US + 5_000_000
    await api.runtime.tick()
    read = await api(pb.GetReturnRequest(return_id="r1"))
    assert read.return_item.state == return_item_pb2.RETURN_STATE_WAREHOUSE
    assert "DECIDE_BY_REACHED" in _codes(read.decision)


def test_the_fixture_passes_every_gate():
    """The item that tests start from holds what the contract calls complete."""
    item = return_item()
    unset = {"segment", "value_micros", "channel", "preferred_path"}
    unset |= {"refund_due_time", "season_end_time", "order_return_count"}
    unset |= {"state", "create_time", "update_time", "etag"}
    unset |= {"erase_time", "item_outcome"}
    stated = {field.name for field, _ in item.ListFields()}
    assert stated == set(item.DESCRIPTOR.fields_by_name) - unset
    assert warehouse().daily_capacity > 0
