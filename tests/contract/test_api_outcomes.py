"""MatchService: what became of a return, and the guardrails that it trips."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from nearturn.v1 import (
    decision_pb2,
    guardrail_pb2,
    item_outcome_pb2,
    item_pb2,
    program_pb2,
    return_item_pb2,
)
from nearturn.v1 import match_service_pb2 as pb
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    timestamp,
    upsert,
)
from tests.scenarios import DAY_US, HOUR_US, NOW_US

_REQUEST_ID = "123e4567-e89b-42d3-a456-426614174000"
_COMPLAINTS = guardrail_pb2.GUARDRAIL_METRIC_COMPLAINT_SHARE


def _outcome(**fields: Any) -> item_outcome_pb2.ItemOutcome:
    values = {
        "arrival": item_outcome_pb2.ARRIVAL_ARRIVED,
        "condition": item_pb2.CONDITION_GOOD,
        "buyer_response": item_outcome_pb2.BUYER_RESPONSE_SATISFIED,
        "note": "came on time",
        "occurred_time": timestamp(NOW_US),
        **fields,
    }
    return item_outcome_pb2.ItemOutcome(**values)


_COMPLAINT = _outcome(buyer_response=item_outcome_pb2.BUYER_RESPONSE_COMPLAINED)


async def _handed_over(api: Api, count: int, start: int = 0) -> list[str]:
    # Confirmed matches, as many as asked for.
    names = [f"{number:02d}" for number in range(start, start + count)]
    await upsert(api, *(demand(f"d{name}", 1_000) for name in names))
    await submit(api, *(return_item(f"r{name}") for name in names))
    await api(pb.RunRoundRequest())
    matches = []
    for name in names:
        read = await api(returns.GetReturnRequest(return_id=f"r{name}"))
        matches.append(read.decision.match.match_id)
        await api(pb.ConfirmMatchRequest(match_id=matches[-1]))
    return matches


async def _routed(api: Api) -> None:
    damaged = return_item("w1")
    damaged.attributes.damaged = item_pb2.FACT_YES
    await submit(api, damaged)


async def test_a_hand_over_that_arrived_is_completed(api: Api):
    """By its match; the return carries what was said, and when that was (R66)."""
    await activate(api)
    (match_id,) = await _handed_over(api, 1)
    answer = await api(pb.RecordOutcomeRequest(match_id=match_id, outcome=_outcome()))
    item = answer.return_item
    assert item.state == return_item_pb2.RETURN_STATE_COMPLETED
    assert item.item_outcome == _outcome(record_time=timestamp(NOW_US))
    read = await api(returns.GetReturnRequest(return_id="r00"))
    assert read.return_item == item


async def test_the_same_outcome_again_changes_nothing(api: Api, clock: HandClock):
    """Without a request id too, an hour later, even with an etag that is stale now."""
    await activate(api)
    (match_id,) = await _handed_over(api, 1)
    first = await api(
        pb.RecordOutcomeRequest(match_id=match_id, outcome=_outcome(), etag="3")
    )
    clock.now_us += HOUR_US
    for subject in ({"match_id": match_id, "etag": "3"}, {"return_id": "r00"}):
        again = await api(pb.RecordOutcomeRequest(**subject, outcome=_outcome()))
        assert again == first


async def test_a_request_id_answers_once(api: Api):
    """The first answer comes back though another outcome was recorded meanwhile."""
    await activate(api)
    await _handed_over(api, 1)
    request = pb.RecordOutcomeRequest(
        return_id="r00", outcome=_outcome(), request_id=_REQUEST_ID
    )
    first = await api(request)
    await api(pb.RecordOutcomeRequest(return_id="r00", outcome=_COMPLAINT))
    assert await api(request) == first
    request.outcome.note = "other"
    with pytest.raises(ApiError) as caught:
        await api(request)
    assert caught.value.info.reason == "REQUEST_REUSED"


async def test_another_outcome_takes_its_place(api: Api):
    """Guarded by the return's etag where it is given; an arrival is not taken back."""
    await activate(api)
    await _handed_over(api, 1)
    first = await api(pb.RecordOutcomeRequest(return_id="r00", outcome=_outcome()))
    with pytest.raises(ApiError) as caught:
        await api(
            pb.RecordOutcomeRequest(return_id="r00", outcome=_COMPLAINT, etag="1")
        )
    assert caught.value.code is grpc.StatusCode.ABORTED
    etag = first.return_item.etag
    second = await api(
        pb.RecordOutcomeRequest(return_id="r00", outcome=_COMPLAINT, etag=etag)
    )
    assert second.return_item.item_outcome.buyer_response == (
        item_outcome_pb2.BUYER_RESPONSE_COMPLAINED
    )
    lost = item_outcome_pb2.ItemOutcome(
        arrival=item_outcome_pb2.ARRIVAL_LOST, occurred_time=timestamp(NOW_US)
    )
    with pytest.raises(ApiError) as caught:
        await api(pb.RecordOutcomeRequest(return_id="r00", outcome=lost))
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_return_to_a_warehouse_has_an_outcome_without_a_buyer(api: Api):
    """It stays in its state; a buyer's response is refused by field (R66)."""
    await activate(api)
    await _routed(api)
    arrived = item_outcome_pb2.ItemOutcome(
        arrival=item_outcome_pb2.ARRIVAL_ARRIVED,
        condition=item_pb2.CONDITION_FAIR,
        occurred_time=timestamp(NOW_US),
    )
    answer = await api(pb.RecordOutcomeRequest(return_id="w1", outcome=arrived))
    assert answer.return_item.state == return_item_pb2.RETURN_STATE_WAREHOUSE
    with pytest.raises(ApiError) as caught:
        await api(pb.RecordOutcomeRequest(return_id="w1", outcome=_outcome()))
    assert "outcome.buyer_response" in caught.value.violations


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"occurred_time": timestamp(NOW_US + 1)}, "outcome.occurred_time"),
        ({"occurred_time": timestamp(NOW_US - 1)}, "outcome.occurred_time"),
        ({"note": "x" * 1_001}, "outcome.note"),
        ({"arrival": item_outcome_pb2.ARRIVAL_LOST}, "outcome.condition"),
        (
            {"arrival": item_outcome_pb2.ARRIVAL_LOST, "condition": 0},
            "outcome.buyer_response",
        ),
        (
            {"arrival": 0, "condition": 0, "buyer_response": 0},
            "outcome.arrival",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_is_refused(api: Api, fields: dict[str, Any], field: str):
    """The future, the time before the submission, and what contradicts itself."""
    await activate(api)
    await _handed_over(api, 1)
    request = pb.RecordOutcomeRequest(return_id="r00", outcome=_outcome(**fields))
    with pytest.raises(ApiError) as caught:
        await api(request)
    assert list(caught.value.violations) == [field]


async def test_only_a_final_route_has_an_outcome(api: Api):
    """Waiting, held or released is FAILED_PRECONDITION; unknown ids are NOT_FOUND."""
    await activate(api)
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"))
    for subject in ({"return_id": "r1"}, {"match_id": "m-000000000001"}):
        request = pb.RecordOutcomeRequest(**subject, outcome=_outcome())
        with pytest.raises(ApiError) as caught:
            await api(request)
        wanted = {
            "return_id": grpc.StatusCode.FAILED_PRECONDITION,
            "match_id": grpc.StatusCode.NOT_FOUND,
        }
        assert caught.value.code is wanted[next(iter(subject))]
    await api(pb.RunRoundRequest())
    await api(pb.ReleaseMatchRequest(match_id="m-000000000001"))
    with pytest.raises(ApiError) as caught:
        await api(
            pb.RecordOutcomeRequest(match_id="m-000000000001", outcome=_outcome())
        )
    assert caught.value.details(error_details_pb2.PreconditionFailure)


# --- Guardrails ----------------------------------------------------------------


def _guarded(**fields: Any) -> Any:
    values = {
        "category": "apparel",
        "metric": _COMPLAINTS,
        "threshold_basis_points": 5_000,
        "sample_size_min": 2,
        "window": Duration(seconds=7 * 86_400),
        **fields,
    }
    return policy(guardrails=[guardrail_pb2.Guardrail(**values)])


async def _events(api: Api) -> list[Any]:
    return list((await api(policies.ListProgramEventsRequest())).events)


async def test_complaints_above_the_threshold_pause_the_category(api: Api):
    """
    One of two is not above half, two of three is; the event says so with its figures.

    After the pause is lifted the count starts anew: one more complaint is too small a
    sample, and only the second pauses again.
    """
    await activate(api, _guarded())
    matches = await _handed_over(api, 5)
    outcomes = [_outcome(), _COMPLAINT, _COMPLAINT, _COMPLAINT, _COMPLAINT]
    paused = []
    for number, (match_id, outcome) in enumerate(zip(matches, outcomes, strict=True)):
        if number == 3:
            await api(policies.ResumeProgramRequest(category="apparel"))
        await api(pb.RecordOutcomeRequest(match_id=match_id, outcome=outcome))
        program = (await api(policies.GetProgramRequest())).program
        paused.append([each.category for each in program.pauses])
    assert paused == [[], [], ["apparel"], [], ["apparel"]]
    tripped = program_pb2.PROGRAM_EVENT_KIND_GUARDRAIL_TRIPPED
    found = [each for each in await _events(api) if each.kind == tripped]
    assert [each.category for each in found] == ["apparel", "apparel"]
    assert found[0].note == (
        "complaint share 66.67 % (2 of 3 hand-overs whose buyer responded in 7 days) "
        "is above 50.00 %"
    )
    (decision,) = await submit(api, return_item("r99"))
    assert decision.reasons[0].code == decision_pb2.REASON_CODE_PROGRAM_PAUSED


async def test_a_correction_counts_once(api: Api):
    """Two complaints about one item are one; taken back, they are none."""
    await activate(api, _guarded(sample_size_min=1))
    (match_id, other) = await _handed_over(api, 2)
    await api(pb.RecordOutcomeRequest(match_id=other, outcome=_outcome()))
    await api(pb.RecordOutcomeRequest(match_id=match_id, outcome=_COMPLAINT))
    again = _outcome(buyer_response=item_outcome_pb2.BUYER_RESPONSE_REFUSED)
    await api(pb.RecordOutcomeRequest(match_id=match_id, outcome=again))
    assert not (await api(policies.GetProgramRequest())).program.pauses


async def test_what_is_older_than_the_window_does_not_count(api: Api, clock: HandClock):
    """A complaint of the day before is outside a window of one day."""
    await activate(api, _guarded(window=Duration(seconds=86_400)))
    matches = await _handed_over(api, 2)
    await api(pb.RecordOutcomeRequest(match_id=matches[0], outcome=_COMPLAINT))
    clock.now_us += DAY_US
    await api(pb.RecordOutcomeRequest(match_id=matches[1], outcome=_COMPLAINT))
    assert not (await api(policies.GetProgramRequest())).program.pauses


async def test_holds_that_run_out_pause_the_whole_program(api: Api, clock: HandClock):
    """Two of two above 50 %: nobody confirms, so nothing more is promised."""
    document = _guarded(
        category="", metric=guardrail_pb2.GUARDRAIL_METRIC_HOLD_EXPIRED_SHARE
    )
    await activate(api, document)
    await upsert(api, demand("d1", 1_000), demand("d2", 1_000))
    await submit(api, return_item("r1"), return_item("r2"))
    await api(pb.RunRoundRequest())
    clock.now_us += 2 * HOUR_US
    await upsert(api, demand("d3", 1_000))
    program = (await api(policies.GetProgramRequest())).program
    assert [each.category for each in program.pauses] == [""]
    assert "hold expired share 100.00 %" in program.pauses[0].note


async def test_faults_of_guardrails_come_all_at_once(api: Api):
    """A category that is not open, a metric twice, half a day, a share of 100 %."""
    document = _guarded(category="toys", window=Duration(seconds=129_600))
    document.guardrails.append(document.guardrails[0])
    document.guardrails[1].threshold_basis_points = 10_000
    document.evidence_thresholds.min_in_force_days = 4_000
    with pytest.raises(ApiError) as caught:
        await api(policies.CreatePolicyRequest(policy=document))
    assert set(caught.value.violations) == {
        "policy.guardrails[0].category",
        "policy.guardrails[0].window",
        "policy.guardrails[1].category",
        "policy.guardrails[1].metric",
        "policy.guardrails[1].threshold_basis_points",
        "policy.guardrails[1].window",
        "policy.evidence_thresholds.min_in_force_days",
    }


async def test_a_looser_guardrail_is_a_widening(api: Api):
    """It is named, must be acknowledged, and a tighter one is not (R27, R29)."""
    await activate(api, _guarded())
    looser = _guarded(threshold_basis_points=6_000)
    found = await api(policies.DiffPoliciesRequest(policy=looser))
    assert [each.path for each in found.changes] == [
        "guardrails[apparel:COMPLAINT_SHARE]"
    ]
    assert len(found.to_acknowledge) == 1
    tighter = _guarded(threshold_basis_points=4_000)
    found = await api(policies.DiffPoliciesRequest(policy=tighter))
    assert len(found.changes) == 1
    assert not found.to_acknowledge
    rendered = await api(policies.RenderPolicyRequest(policy=looser))
    assert "Category apparel is paused by itself unless complaint share" in (
        rendered.text
    )
