"""MatchService: plans, rounds, promises and the log of decisions."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from nearturn.v1 import decision_pb2, match_limit_pb2, return_item_pb2
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import match_service_pb2 as pb
from nearturn.v1 import return_service_pb2 as returns
from server.access.caller import enter_call
from server.access.local_callers import LocalCallers
from server.api.match_servicer import WATCH_BATCH
from server.api.paging import page_token
from tests.contract.api_target import TENANT, Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    timestamp,
    upsert,
    warehouse,
)
from tests.scenarios import HOUR_US, NOW_US


async def _held(api: Api) -> Any:
    await activate(api)
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"))
    await api(pb.RunRoundRequest())
    return (await api(returns.GetReturnRequest(return_id="r1"))).decision.match


async def _all_decisions(api: Api, cursor: str = "") -> list[Any]:
    request = pb.WatchDecisionsRequest(cursor=cursor, stop_at_end=True)
    return [each async for each in api.stream(request)]


async def test_a_round_matches_holds_and_proves(api: Api):
    """
    One item, one buyer 1,000 m away: matched at 6,000,000 - 10,000 micros.

    The ordinary way costs 9,000,000 and the label 3,000,000 and 10 a metre.
    """
    await activate(api)
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"))
    summary = (await api(pb.RunRoundRequest())).round
    assert (summary.return_count, summary.demand_count) == (1, 1)
    assert (summary.matched_count, summary.mean_distance_m) == (1, 1_000)
    assert summary.certificate == decision_pb2.Certificate(
        saving_micros=5_990_000, dual_micros=5_990_000, verified=True
    )
    read = await api(returns.GetReturnRequest(return_id="r1"))
    assert read.return_item.state == return_item_pb2.RETURN_STATE_MATCHED
    match = read.decision.match
    assert (match.return_id, match.demand_id) == ("r1", "d1")
    assert match.round_id == summary.round_id
    assert match.hold_expire_time == timestamp(NOW_US + HOUR_US)
    assert read.decision.handoff_mode == decision_pb2.HANDOFF_MODE_CARRIER_LABEL
    held = (await api(demands.GetDemandRequest(demand_id="d1"))).demand
    assert held.held_count == 1


async def test_a_round_without_a_policy_is_refused_or_matches_nothing(api: Api):
    """A tenant with no active policy matches nothing (R27)."""
    await upsert(api, demand("d1"))
    (decision,) = await submit(api, return_item("r1"))
    assert decision.outcome == decision_pb2.OUTCOME_WAREHOUSE
    codes = [each.code for each in decision.reasons]
    assert decision_pb2.REASON_CODE_NO_ACTIVE_POLICY in codes
    with pytest.raises(ApiError) as refused:
        await api(pb.RunRoundRequest())
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert f"tenant '{TENANT}' is without a policy" in str(refused.value)


async def test_confirming_is_final_and_may_be_repeated(api: Api):
    """Confirmed twice is confirmed once; a release afterwards is refused."""
    match = await _held(api)
    first = await api(pb.ConfirmMatchRequest(match_id=match.match_id, etag=match.etag))
    assert first.match.hold_state == decision_pb2.HOLD_STATE_CONFIRMED
    assert await api(pb.ConfirmMatchRequest(match_id=match.match_id)) == first
    with pytest.raises(ApiError) as refused:
        await api(pb.ReleaseMatchRequest(match_id=match.match_id))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    fulfilled = (await api(demands.GetDemandRequest(demand_id="d1"))).demand
    assert (fulfilled.held_count, fulfilled.fulfilled_count) == (0, 1)


async def test_a_stale_etag_of_a_match_is_aborted(api: Api):
    """Only who has seen the match as it stands may move it, if they say so."""
    match = await _held(api)
    with pytest.raises(ApiError) as refused:
        await api(pb.ConfirmMatchRequest(match_id=match.match_id, etag="77"))
    assert refused.value.code is grpc.StatusCode.ABORTED


async def test_a_released_pair_is_not_matched_again(api: Api):
    """The item waits on, the unit is open, and the next round leaves the pair be."""
    match = await _held(api)
    released = await api(pb.ReleaseMatchRequest(match_id=match.match_id))
    assert released.match.hold_state == decision_pb2.HOLD_STATE_RELEASED
    assert released.decision.outcome == decision_pb2.OUTCOME_WAITING
    assert (await api(pb.RunRoundRequest())).round.matched_count == 0
    opened = (await api(demands.GetDemandRequest(demand_id="d1"))).demand
    assert opened.held_count == 0


async def test_a_hold_that_ran_out_cannot_be_confirmed(api: Api, clock: HandClock):
    """An hour later the hold is gone: FAILED_PRECONDITION, the unit open again."""
    match = await _held(api)
    clock.now_us = NOW_US + HOUR_US
    with pytest.raises(ApiError) as refused:
        await api(pb.ConfirmMatchRequest(match_id=match.match_id))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.info.metadata["state"] == "EXPIRED"


async def test_an_unknown_match_is_not_found(api: Api):
    """A match id that was never given is NOT_FOUND for both moves."""
    for request in (
        pb.ConfirmMatchRequest(match_id="m-000000000099"),
        pb.ReleaseMatchRequest(match_id="nonsense"),
    ):
        with pytest.raises(ApiError) as refused:
            await api(request)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_watching_gives_every_decision_in_order_once(api: Api):
    """From the start, the log holds the waiting decision, then the match."""
    await _held(api)
    watched = await _all_decisions(api)
    assert [each.decision.outcome for each in watched] == [
        decision_pb2.OUTCOME_WAITING,
        decision_pb2.OUTCOME_MATCHED,
    ]
    assert len({each.cursor for each in watched}) == 2


async def test_watching_resumes_after_any_cursor(api: Api):
    """From each cursor on, exactly the rest of the log: no loss, no repetition."""
    await activate(api)
    count = WATCH_BATCH + 7
    await submit(api, *(return_item(f"r{number:04}") for number in range(count)))
    watched = await _all_decisions(api)
    assert len(watched) == count
    for at in (0, 1, WATCH_BATCH - 1, WATCH_BATCH, count - 1):
        assert await _all_decisions(api, watched[at].cursor) == watched[at + 1 :]


async def test_watching_goes_on_live(api: Api):
    """A watcher at the end of the log gets the next decision when it is stored."""
    await activate(api)
    await submit(api, return_item("r1"))
    stream = api.stream(pb.WatchDecisionsRequest())
    first = await anext(stream)
    # Reaches the end of the log before the next decision is there.
    following = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await submit(api, return_item("r2"))
    second = await asyncio.wait_for(following, timeout=10)
    assert [first.decision.return_id, second.decision.return_id] == ["r1", "r2"]
    await stream.aclose()


async def test_a_made_up_cursor_is_named(api: Api):
    """A cursor of another list is no cursor; the error names the field of it."""
    await upsert(api, demand("d1"), demand("d2"))
    page = await api(demands.ListDemandsRequest(page_size=1))
    with pytest.raises(ApiError) as refused:
        await _all_decisions(api, page.next_page_token)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(refused.value.violations) == ["cursor"]


async def test_a_cursor_ahead_of_the_log_is_refused(api: Api):
    """The log was made anew: a watcher of the old one is told, and does not wait."""
    enter_call(LocalCallers([TENANT]).caller(()))
    ahead = page_token("WatchDecisions", "1")
    with pytest.raises(ApiError) as refused:
        await _all_decisions(api, ahead)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "ends with decision 0" in refused.value.violations["cursor"]
    await activate(api)
    await submit(api, return_item("r1"))
    assert await _all_decisions(api, ahead) == []


def _plan_request(**fields: Any) -> pb.PlanRequest:
    values = {
        # Ids out of order: answers follow the request, not the ids.
        "return_items": [return_item("r2", 500), return_item("r1"), return_item("r3")],
        "demands": [demand("d9", 1_000), demand("d1", 400_000)],
        "warehouses": [warehouse()],
        "policy": policy(),
        "evaluation_time": timestamp(NOW_US),
        **fields,
    }
    return pb.PlanRequest(**values)


async def test_a_plan_stores_nothing_and_answers_in_order(api: Api):
    """Each return has a buyer or a warehouse, in the order of the request (R2)."""
    response = await api(_plan_request())
    assert [each.return_id for each in response.decisions] == ["r2", "r1", "r3"]
    assert [each.outcome for each in response.decisions] == [
        decision_pb2.OUTCOME_MATCHED,
        decision_pb2.OUTCOME_WAREHOUSE,
        decision_pb2.OUTCOME_WAREHOUSE,
    ]
    assert not response.summary.round_id
    assert response.summary.certificate.verified
    assert not any((await api.stored_counts()).values())


async def test_limits_are_priced_and_told(api: Api):
    """Two buyers, one match a day: the place has the price of the second (R26, R41)."""
    limit = match_limit_pb2.MatchLimit(
        scope=match_limit_pb2.LIMIT_SCOPE_DAY, count_max=1
    )
    response = await api(
        _plan_request(
            demands=[demand("d9", 1_000), demand("d1", 2_000)],
            policy=policy(match_limits=[limit]),
        )
    )
    certificate = response.summary.certificate
    assert certificate.saving_micros == certificate.dual_micros > 0
    (price,) = response.limit_prices
    assert price.id == "DAY/2026-03-02"
    assert price.price_micros > 0
    told = [each.code for each in response.decisions[1].reasons]
    assert decision_pb2.REASON_CODE_DAY_LIMIT_REACHED in told


async def test_a_round_keeps_the_limits_of_its_policy(api: Api):
    """As the policy says it, one match; the day has no more, whatever comes (R26)."""
    limit = match_limit_pb2.MatchLimit(
        scope=match_limit_pb2.LIMIT_SCOPE_DAY, count_max=1
    )
    await activate(api, policy(match_limits=[limit]))
    for number in range(2):
        await upsert(api, demand(f"d{number}", 1_000))
        await submit(api, return_item(f"r{number}"))
        summary = (await api(pb.RunRoundRequest())).round
        assert summary.matched_count == 1 - number
    read = await api(returns.GetReturnRequest(return_id="r1"))
    told = [each.code for each in read.decision.reasons]
    assert decision_pb2.REASON_CODE_DAY_LIMIT_REACHED in told


async def test_a_plans_prices_prove_its_saving(api: Api):
    """The prices sum up to the saving of the matches, and none is zero."""
    response = await api(_plan_request())
    prices = [*response.return_prices, *response.demand_prices]
    assert all(each.price_micros > 0 for each in prices)
    total = sum(each.price_micros for each in prices)
    assert total == response.summary.certificate.saving_micros
    assert total == response.decisions[0].match.saving_micros


async def test_a_plan_is_the_same_again_in_any_order(api: Api):
    """Order of the request changes the order of the answer and nothing else (R3)."""
    first = await api(_plan_request())
    request = _plan_request()
    items, wanted = list(request.return_items)[::-1], list(request.demands)[::-1]
    del request.return_items[:]
    del request.demands[:]
    request.return_items.extend(items)
    request.demands.extend(wanted)
    again = await api(request)
    assert list(again.decisions) == list(first.decisions)[::-1]
    assert again.summary == first.summary


async def test_a_plan_names_an_id_that_comes_twice(api: Api):
    """Two demands of one id are refused at the place of the second."""
    with pytest.raises(ApiError) as refused:
        await api(_plan_request(demands=[demand("d1"), demand("d1")]))
    assert list(refused.value.violations) == ["demands[1]"]


@pytest.mark.slow
async def test_a_plan_at_its_documented_maximum_is_answered(api: Api):
    """Ten thousand returns get ten thousand decisions, over 16 MiB of them."""
    items = [
        return_item(f"r{number:05}", customer_consents=False)
        for number in range(10_000)
    ]
    response = await api(_plan_request(return_items=items, demands=[]))
    assert len(response.decisions) == 10_000
    assert response.ByteSize() > 12 * 1024 * 1024
