"""PrivacyService: personal data of people, erased on request."""

from __future__ import annotations

import grpc
import pytest

from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import explain_service_pb2 as explain
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import privacy_service_pb2 as pb
from nearturn.v1 import program_pb2
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    demand,
    return_item,
    submit,
    timestamp,
    upsert,
)
from tests.scenarios import HOUR_US


async def _confirmed(api: Api) -> None:
    # One return and one demand, both done with.
    await activate(api)
    await upsert(api, demand("d1", 1_234.0))
    await submit(api, return_item("r1", 1_000.0, customer_id="ada"))
    await api(matches.RunRoundRequest())
    held = await api(returns.GetReturnRequest(return_id="r1"))
    match_id = held.decision.match.match_id
    await api(matches.ConfirmMatchRequest(match_id=match_id))


async def test_a_customer_and_a_buyer_are_erased(api: Api, clock: HandClock):
    """Returns by customer, demands by id; what is left names nobody (R33)."""
    await _confirmed(api)
    clock.now_us += HOUR_US
    request = pb.ErasePersonalDataRequest(
        customer_id="ada", demand_ids=["d1"], note="ticket 7"
    )
    answer = await api(request)
    assert (answer.return_count, answer.demand_count) == (1, 1)
    item = (await api(returns.GetReturnRequest(return_id="r1"))).return_item
    assert (item.customer_id, item.order_id) == ("erased", "erased")
    assert item.verification.evidence_id == ""
    assert item.location != return_item("r1", 1_000.0).location
    assert item.erase_time == timestamp(clock.now_us)
    wanted = (await api(demands.GetDemandRequest(demand_id="d1"))).demand
    assert wanted.location == item.location
    assert wanted.erase_time == timestamp(clock.now_us)
    again = await api(request)
    assert (again.return_count, again.demand_count) == (0, 0)


async def test_the_decision_is_still_explained(api: Api, clock: HandClock):
    """Months later support still has its answer, without the evidence (R38)."""
    await _confirmed(api)
    question = explain.ExplainDecisionRequest(return_id="r1")
    before = await api(question)
    await api(pb.ErasePersonalDataRequest(return_ids=["r1"]))
    clock.now_us += 90 * 24 * HOUR_US
    after = await api(question)
    assert after.customer_text == before.customer_text
    assert after.summary == before.summary
    assert [len(gate.checks) for gate in after.gates] == [
        len(gate.checks) for gate in before.gates
    ]


async def test_the_program_keeps_a_record(api: Api, clock: HandClock):
    """Who asked and how much is an event; from when on replays are exact is said."""
    await _confirmed(api)
    settled = timestamp(clock.now_us)
    clock.now_us += HOUR_US
    await api(pb.ErasePersonalDataRequest(customer_id="ada", note="ticket 7"))
    events = (await api(policies.ListProgramEventsRequest())).events
    assert events[-1].kind == program_pb2.PROGRAM_EVENT_KIND_PERSONAL_DATA_ERASED
    assert events[-1].note == "1 return items, 0 demands: ticket 7"
    program = (await api(policies.GetProgramRequest())).program
    assert program.erased_history_time == settled


async def test_what_waits_is_refused(api: Api):
    """Its data is needed still: FAILED_PRECONDITION, and nothing of the rest goes."""
    await activate(api)
    await submit(api, return_item("r1", customer_id="ada"))
    await submit(api, return_item("r2", customer_id="ada", customer_consents=False))
    with pytest.raises(ApiError) as refused:
        await api(pb.ErasePersonalDataRequest(customer_id="ada"))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    kept = await api(returns.GetReturnRequest(return_id="r2"))
    assert kept.return_item.customer_id == "ada"


async def test_nobody_is_named(api: Api):
    """Neither customer nor id is INVALID_ARGUMENT; an unknown id is NOT_FOUND."""
    with pytest.raises(ApiError) as refused:
        await api(pb.ErasePersonalDataRequest(note="why"))
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "customer_id" in refused.value.violations
    with pytest.raises(ApiError) as unknown:
        await api(pb.ErasePersonalDataRequest(return_ids=["r1"]))
    assert unknown.value.code is grpc.StatusCode.NOT_FOUND
    nobody = await api(pb.ErasePersonalDataRequest(customer_id="nobody"))
    assert nobody.return_count == 0
