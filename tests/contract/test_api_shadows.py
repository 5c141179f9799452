"""Shadow mode and the control group as callers see them."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from nearturn.v1 import decision_pb2, mode_pb2, policy_pb2, shadow_pb2
from nearturn.v1 import explain_service_pb2 as explain
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api
from tests.contract.messages import (
    activate,
    demand,
    policy,
    return_item,
    submit,
    upsert,
)


async def _shadow(api: Api, return_id: str) -> shadow_pb2.ShadowResult | None:
    told = await api(explain.ExplainDecisionRequest(return_id=return_id))
    return told.shadow_result if told.HasField("shadow_result") else None


async def test_what_would_have_matched_is_told(api: Api):
    """Open at first, then with its figures, as estimates; no buyer is named (R26)."""
    await activate(api, policy(rollout_basis_points=0))
    await upsert(api, demand("buyer-1", 7_000))
    (decision,) = await submit(api, return_item("r1"))
    assert decision.outcome == decision_pb2.OUTCOME_WAREHOUSE
    before = await _shadow(api, "r1")
    assert before is not None
    assert before.state == shadow_pb2.SHADOW_STATE_OPEN
    assert before.HasField("until_time")
    assert not before.HasField("decide_time")
    ended = (await api(matches.RunRoundRequest())).round
    after = await _shadow(api, "r1")
    assert after is not None
    assert after.state == shadow_pb2.SHADOW_STATE_MATCHED
    assert after.kept_out == decision_pb2.REASON_CODE_NOT_IN_ROLLOUT
    assert (after.policy_version, after.round_id) == (1, ended.round_id)
    assert after.distance_m == 7_000
    # 5 and 4 units of the ordinary way, less a label of 3 and 7 km at 0.01.
    assert (after.saving_micros, after.label_micros) == (5_930_000, 3_070_000)
    assert after.HasField("waiting_duration")
    assert ended.matched_count == 0
    assert "buyer-1" not in str(after)


async def test_shadows_do_not_reach_customers(api: Api):
    """Customer and support hear of an ordinary return, whatever comes (R57)."""
    await activate(api, policy(rollout_basis_points=0))
    await upsert(api, demand("d1"))
    await submit(api, return_item("r1"))
    request = explain.ExplainDecisionRequest(return_id="r1")
    before = await api(request)
    await api(matches.RunRoundRequest())
    after = await api(request)
    assert before.shadow_result != after.shadow_result
    for told in (before, after):
        told.ClearField("shadow_result")
    assert before == after


async def test_only_the_decision_that_kept_it_out_has_one(api: Api):
    """Neither a match nor an earlier decision of the same return has a shadow."""
    await activate(api)
    await upsert(api, demand("d1"))
    await submit(api, return_item("r1"))
    matched = (await api(matches.RunRoundRequest())).round
    assert matched.matched_count == 1
    assert await _shadow(api, "r1") is None
    decision = (await api(returns.GetReturnRequest(return_id="r1"))).decision
    first = decision.decision_id
    await activate(api, policy(mode=mode_pb2.MODE_SHADOW))
    await api(matches.ReleaseMatchRequest(match_id=decision.match.match_id))
    assert await _shadow(api, "r1") is not None
    told = await api(explain.ExplainDecisionRequest(decision_id=first))
    assert not told.HasField("shadow_result")


async def test_shadow_mode_decides_and_does_not_act(api: Api):
    """Every item goes to its warehouse at once, with a reason of its own."""
    await activate(api, policy(mode=mode_pb2.MODE_SHADOW))
    await upsert(api, demand("d1"))
    (decision,) = await submit(api, return_item("r1"))
    assert [reason.code for reason in decision.reasons] == [
        decision_pb2.REASON_CODE_SHADOW_MODE,
        decision_pb2.REASON_CODE_STANDARD_WAREHOUSE_ROUTE,
    ]
    shadow = await _shadow(api, "r1")
    assert shadow is not None
    assert shadow.kept_out == decision_pb2.REASON_CODE_SHADOW_MODE


async def test_acting_is_a_widening_of_its_own(api: Api):
    """DiffPolicies names it; an unset mode comes back as acting (R27, R29)."""
    await activate(api, policy(mode=mode_pb2.MODE_SHADOW))
    found = await api(policies.DiffPoliciesRequest(policy=policy()))
    (change,) = found.changes
    assert (change.path, change.before, change.after) == ("mode", "shadow", "act")
    assert change.direction == policy_pb2.CHANGE_DIRECTION_WIDER
    assert list(found.to_acknowledge) == [policy_pb2.POLICY_DIMENSION_MODE]
    created = await api(policies.CreatePolicyRequest(policy=policy()))
    assert created.policy.mode == mode_pb2.MODE_ACT
    told = await api(policies.RenderPolicyRequest(version=1))
    assert "Mode: shadow." in told.text


async def test_a_plan_in_shadow_mode_says_what_acting_would_give(api: Api):
    """All to the warehouse; the other summary is the one of the policy that acts."""
    acts = policy(hold_duration=Duration(seconds=60))
    observes = policy(hold_duration=Duration(seconds=60), mode=mode_pb2.MODE_SHADOW)
    answers = [
        await api(
            matches.PlanRequest(
                policy=document, return_items=[return_item("r1")], demands=[demand()]
            )
        )
        for document in (acts, observes)
    ]
    real, shadow = answers
    assert not real.HasField("acting_summary")
    assert shadow.summary.matched_count == 0
    assert shadow.acting_summary == real.summary
    assert [each.outcome for each in shadow.decisions] == [
        decision_pb2.OUTCOME_WAREHOUSE
    ]
