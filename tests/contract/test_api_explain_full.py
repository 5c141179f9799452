"""ExplainDecision in full: what else could have been, weeks later as on the day."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import grpc
import pytest

from matcher.engine.journal import Checkpoint
from nearturn.v1 import explain_service_pb2 as pb
from nearturn.v1 import explanation_pb2, item_pb2, match_limit_pb2, policy_pb2
from nearturn.v1 import match_service_pb2 as matches
from server.runtime.runtime import Runtime
from server.storage.history import History
from tests.contract.api_target import TENANT, Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    timestamp,
    upsert,
)
from tests.scenarios import DAY_US

FULL = explanation_pb2.EXPLANATION_VIEW_FULL


async def _full(api: Api, return_id: str, **more: object) -> pb.ExplainDecisionResponse:
    request = pb.ExplainDecisionRequest(return_id=return_id, view=FULL, **more)
    answer: pb.ExplainDecisionResponse = await api(request)
    return answer


async def _street(api: Api, document: Any = None) -> None:
    """Two buyers, and three returns of which the farthest gets nothing."""
    await activate(api, document)
    await upsert(api, demand("d1", 1_000), demand("d2", 12_000))
    await submit(
        api,
        return_item("r1", 0),
        return_item("r2", 10_000),
        return_item("r3", 40_000),
    )
    await api(matches.RunRoundRequest())


async def test_a_match_has_alternatives_and_a_price(api: Api):
    """Distance, saving, what the round would have lost, and who would have moved."""
    await _street(api)
    answer = await _full(api, "r1")
    (other,) = answer.alternatives
    assert (other.demand_id, other.distance_m) == ("d2", 12_000)
    assert other.saving_micros == 6_000_000 - 120_000
    # r2 moves to d1: 12 and 9 km instead of 1 and 2.
    assert other.loss_micros == 180_000
    assert other.displaced_count == 0
    (move,) = other.moves
    assert (move.return_id, move.from_demand_id, move.to_demand_id) == (
        "r2",
        "d2",
        "d1",
    )
    # Without r1, r2 takes d1 and r3 takes d2, or r3 takes d1: 37 km instead of 3.
    assert answer.warehouse_loss_micros == 340_000
    assert answer.matching_round_id == "r-000000000001"
    assert not answer.smallest_changes
    assert not answer.HasField("displacement")
    assert "340,000 micros less" in answer.detail_summary


async def test_a_non_match_has_what_it_lacked_and_who_was_before_it(api: Api):
    """The least of each kind, and the chain from it to whoever goes without."""
    await _street(api)
    answer = await _full(api, "r3")
    changes = {each.kind: each for each in answer.smallest_changes}
    assert set(changes) == {
        explanation_pb2.CHANGE_KIND_SAVING,
        explanation_pb2.CHANGE_KIND_UNIT,
    }
    assert changes[explanation_pb2.CHANGE_KIND_SAVING].amount == 260_001
    unit = changes[explanation_pb2.CHANGE_KIND_UNIT]
    assert (unit.amount, unit.demand_id) == (1, "d2")
    chain = answer.displacement.chain
    assert chain[0].return_id == "r3"
    for link, after in pairwise(chain):
        assert link.to_demand_id == after.from_demand_id
    assert not chain[-1].to_demand_id
    assert answer.displacement.loss_micros == 260_000
    assert not answer.alternatives
    assert not answer.HasField("warehouse_loss_micros")


async def test_support_says_what_would_have_helped_and_names_nobody(api: Api):
    """In the language asked for, without ids or amounts (R41, I10)."""
    await _street(api)
    english = await _full(api, "r3")
    german = await _full(api, "r3", locale="de")
    assert "Had the direct way saved more" in english.support.long_script
    assert "mehr gespart" in german.support.long_script
    basic = await api(pb.ExplainDecisionRequest(return_id="r3"))
    assert english.support.long_script.startswith(basic.support.long_script)
    assert english.customer_text == basic.customer_text
    for text in (
        english.customer_text,
        english.support.long_script,
        english.support.short_script,
        german.support.long_script,
    ):
        assert not {"d1", "d2", "r1", "r2"} & set(text.replace(".", " ").split())


async def test_basic_is_as_ever(api: Api):
    """Unset or BASIC lives nothing again, and has none of the fields of FULL."""
    await _street(api)
    for view in (0, explanation_pb2.EXPLANATION_VIEW_BASIC):
        answer = await api(pb.ExplainDecisionRequest(return_id="r1", view=view))
        set_fields = {field.number for field, _ in answer.ListFields()}
        assert not set_fields & {*range(8, 15), *range(21, 24)}
    raw = pb.ExplainDecisionRequest(return_id="r1", view=9)
    with pytest.raises(ApiError) as refused:
        await api(raw)
    assert list(refused.value.violations) == ["view"]


async def test_it_is_the_same_weeks_later(api: Api, runtime: Runtime, clock: HandClock):
    """After checkpoints, other rounds and the deadline: bit for bit (R38)."""
    await _street(api)
    first = {each: await _full(api, each) for each in ("r1", "r3")}
    ids = {each: first[each].decision.decision_id for each in first}
    for _ in range(3):
        clock.now_us += DAY_US
        await runtime.tick()
        await runtime.keep_history(TENANT)
    await upsert(api, demand("d9", 39_000, ship_by_time=_in_a_week(clock)))
    await submit(api, return_item("r9", 39_000, decide_by_time=_in_a_week(clock)))
    await api(matches.RunRoundRequest())
    for return_id, before in first.items():
        again = await api(
            pb.ExplainDecisionRequest(decision_id=ids[return_id], view=FULL)
        )
        assert again == before
    # Its time was up: what the last round found is what is told.
    late = await _full(api, "r3")
    assert late.decision.decision_id != ids["r3"]
    assert late.matching_round_id == "r-000000000001"
    assert late.smallest_changes == first["r3"].smallest_changes


def _in_a_week(clock: HandClock) -> object:
    return timestamp(clock.now_us + 7 * DAY_US)


async def test_the_gates_have_their_smallest_changes(api: Api):
    """The share that lets a customer in, and the places that a cap lacked."""
    cap = policy_pb2.VolumeCap(basis_points=5_000)
    cap.window.FromSeconds(3_600)
    await activate(api, policy(volume_cap=cap))
    await submit(api, *(return_item(f"r{n}") for n in range(4)))
    places = [
        [
            (each.kind, each.amount)
            for each in (await _full(api, f"r{n}")).smallest_changes
        ]
        for n in range(4)
    ]
    kind = explanation_pb2.CHANGE_KIND_CAP_PLACE
    assert places == [[(kind, 1)], [], [(kind, 2)], []]
    await activate(api, policy(rollout_basis_points=1))
    await submit(api, return_item("r9"))
    answer = await _full(api, "r9")
    (change,) = answer.smallest_changes
    assert change.kind == explanation_pb2.CHANGE_KIND_ROLLOUT
    assert 1 < change.amount <= 10_000
    assert change.text in answer.detail_summary
    assert "larger share" in answer.support.long_script
    for share, outcome in ((change.amount - 1, False), (change.amount, True)):
        await activate(api, policy(rollout_basis_points=share))
        twin = return_item(f"r9-{share}", customer_id="customer-of-r9")
        (decision,) = await submit(api, twin)
        codes = {reason.code for reason in decision.reasons}
        assert (36 not in codes) is outcome


async def test_a_failed_check_says_it_all(api: Api):
    """No round looked for a buyer: the detail is empty, and no error."""
    await activate(api)
    await submit(api, return_item("r1", condition=item_pb2.CONDITION_POOR))
    answer = await _full(api, "r1")
    assert not answer.matching_round_id
    assert not answer.smallest_changes
    assert not answer.detail_summary


async def test_a_past_that_is_gone_is_refused_with_what_is_kept(
    api: Api, runtime: Runtime, clock: HandClock
):
    """FAILED_PRECONDITION, for rounds and for refusals; BASIC answers as ever."""
    cap = policy_pb2.VolumeCap(basis_points=5_000)
    cap.window.FromSeconds(3_600)
    await activate(api, policy(volume_cap=cap))
    await upsert(api, demand("d1"))
    await submit(api, return_item("r1"), return_item("r2"))
    await api(matches.RunRoundRequest())
    clock.now_us += 500 * DAY_US
    await runtime.keep_history(TENANT)
    clock.now_us += 500 * DAY_US
    await runtime.keep_history(TENANT)
    for return_id in ("r1", "r2"):
        with pytest.raises(ApiError) as refused:
            await _full(api, return_id)
        assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert "since 20" in str(refused.value)
        await api(pb.ExplainDecisionRequest(return_id=return_id))
    with pytest.raises(ApiError) as refused:
        await api(matches.VerifyRoundRequest(round_id="r-000000000001", replay=True))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_checkpoint_that_holds_the_round_is_not_where_it_starts(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    """One may be dated before a round that it holds: the one before it is taken."""
    await _street(api)
    history = runtime.store.history(TENANT)
    made = history.checkpoint(1)
    assert made.rows.round_count == 1
    history.keep(Checkpoint(1, made.entry_count, made.rows, made.decisions))
    answer = await _full(api, "r1")
    assert answer.alternatives

    def starts(_self: History, _from_us: int) -> object:
        return iter([made])

    monkeypatch.setattr(History, "starts", starts)
    fresh = pb.ExplainDecisionRequest(return_id="r3", view=FULL)
    runtime._hindsight._past._kept = None
    with pytest.raises(ApiError) as refused:
        await api(fresh)
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


def _limited() -> Any:
    """Return a policy that makes one match a day, and puts matches first."""
    return policy(
        objective=match_limit_pb2.OBJECTIVE_MAX_MATCHES_THEN_DISTANCE,
        match_limits=[
            match_limit_pb2.MatchLimit(
                scope=match_limit_pb2.LIMIT_SCOPE_DAY, count_max=1
            )
        ],
    )


async def test_under_a_match_limit_all_is_told_too(api: Api):
    """The place that lacked, whose it is, and what each other way would lose (R41)."""
    await _street(api, _limited())
    answer = await _full(api, "r2")
    changes = {each.kind: each for each in answer.smallest_changes}
    place = changes[explanation_pb2.CHANGE_KIND_PLACE]
    assert place.amount == 1
    assert place.text.startswith("1 more match under the limit ")
    # r2 would have the place of r1, and d2 with it: 2 km instead of 1.
    moves = [
        (each.return_id, each.from_demand_id, each.to_demand_id)
        for each in answer.displacement.chain
    ]
    assert moves == [("r2", "", "d2"), ("r1", "d1", "")]
    assert answer.displacement.loss_micros == 10_000
    assert answer.displacement.lost_match_count == 0
    assert answer.displacement.added_distance_m == 1_000
    text = "10,000 micros less and 1,000 m farther"
    assert answer.displacement.loss_text == text
    assert text in answer.detail_summary
    assert not answer.exhausted_limits
    matched = await _full(api, "r1")
    assert matched.matching_round_id == "r-000000000001"
    (other,) = matched.alternatives
    assert (other.demand_id, other.loss_micros, other.lost_match_count) == (
        "d2",
        110_000,
        0,
    )
    assert other.added_distance_m == 11_000
    # r2 takes the place that it leaves.
    assert matched.warehouse_loss_micros == 10_000
    assert matched.HasField("warehouse_lost_match_count")
    assert matched.warehouse_lost_match_count == 0
    assert matched.warehouse_added_distance_m == 1_000


async def test_a_limit_that_was_used_up_leaves_no_way(api: Api):
    """The day's place is of the round before: nobody could have made room."""
    await _street(api, _limited())
    await submit(api, return_item("r4", 11_000))
    await api(matches.RunRoundRequest())
    answer = await _full(api, "r4")
    assert answer.matching_round_id == "r-000000000002"
    assert not answer.HasField("displacement")
    assert list(answer.exhausted_limits) == ["DAY/2026-03-02"]
    assert "nothing was left of DAY/2026-03-02" in answer.detail_summary


async def test_a_round_under_a_match_limit_is_verified(api: Api):
    """Its limits, its objective and its weight are told; lived again it is the same."""
    await _street(api, _limited())
    request = matches.VerifyRoundRequest(round_id="r-000000000001", replay=True)
    found = await api(request)
    assert found.verified, found.fault
    assert found.replay.identical
    assert found.limit_count == 1
    assert found.objective == match_limit_pb2.OBJECTIVE_MAX_MATCHES_THEN_DISTANCE
    assert found.match_count == 1
    assert found.value != found.round.certificate.saving_micros > 0
