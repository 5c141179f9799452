"""PolicyService: differences, plain language, rollback, pauses and their log."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from nearturn.v1 import decision_pb2, policy_pb2, program_pb2
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import policy_service_pb2 as pb
from tests.contract.api_target import Api, ApiError
from tests.contract.messages import (
    SIGN_OFFS,
    activate,
    demand,
    policy,
    return_item,
    submit,
    timestamp,
    upsert,
)
from tests.scenarios import NOW_US

_ROLLOUT = policy_pb2.POLICY_DIMENSION_ROLLOUT
_RADIUS = policy_pb2.POLICY_DIMENSION_RADIUS


def _wider() -> policy_pb2.Policy:
    document = policy()
    document.categories[0].radius_m = 90_000
    return document


# --- Differences ---------------------------------------------------------------


async def test_a_draft_is_compared_with_what_is_in_force(api: Api):
    """Nothing is stored by asking; the numbers are of the version in force (R29)."""
    await activate(api, policy(rollout_basis_points=500))
    draft = _wider()
    found = await api(pb.DiffPoliciesRequest(policy=draft))
    assert [each.path for each in found.changes] == [
        "rollout_basis_points",
        "categories[apparel].radius_m",
    ]
    assert found.changes[1].step == 40_000
    assert found.changes[1].direction == policy_pb2.CHANGE_DIRECTION_WIDER
    assert list(found.dimensions) == [_RADIUS, _ROLLOUT]
    assert list(found.to_acknowledge) == [_RADIUS, _ROLLOUT]
    assert len(found.warnings) == 1
    assert found.base_version == 1
    assert (await api.stored_counts())["policies"] == 1


async def test_two_versions_are_compared(api: Api):
    """In either direction; with itself a version does not differ."""
    first, second = await activate(api), await activate(api, _wider())
    there = await api(pb.DiffPoliciesRequest(base_version=first, version=second))
    back = await api(pb.DiffPoliciesRequest(base_version=second, version=first))
    (change,), (reverse,) = there.changes, back.changes
    assert (change.before, change.after) == (reverse.after, reverse.before)
    assert not back.to_acknowledge
    same = await api(pb.DiffPoliciesRequest(base_version=first, version=first))
    assert not same.changes


async def test_the_first_version_is_compared_with_nothing(api: Api):
    """No version in force matches nothing: base 0 (R27)."""
    found = await api(pb.DiffPoliciesRequest(policy=policy()))
    assert found.base_version == 0
    assert [each.before for each in found.changes] == ["0.00 %", "closed"]


@pytest.mark.parametrize(
    "request_",
    [
        pb.DiffPoliciesRequest(base_version=7, policy=policy()),
        pb.DiffPoliciesRequest(version=7),
        pb.RenderPolicyRequest(version=7),
        pb.RenderPolicyRequest(),
        pb.CheckReadinessRequest(version=7),
    ],
)
async def test_versions_that_are_not_there_are_not_found(api: Api, request_: Message):
    """Neither as base nor as target."""
    with pytest.raises(ApiError) as refused:
        await api(request_)
    assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_all_faults_of_a_draft_are_listed_at_once(api: Api):
    """What breaks the schema's rules, and what only the whole document shows."""
    document = policy(rollout_basis_points=10_001, currency_code="euro")
    document.categories.add().CopyFrom(document.categories[0])
    document.rollout_steps.add(start_time=timestamp(1), basis_points=20)
    with pytest.raises(ApiError) as refused:
        await api(pb.CreatePolicyRequest(policy=document))
    assert set(refused.value.violations) == {
        "policy.rollout_basis_points",
        "policy.currency_code",
        "policy.categories[1].category",
        "policy.rollout_steps[0].basis_points",
    }


# --- Plain language ------------------------------------------------------------


async def test_a_policy_is_said_in_plain_language(api: Api):
    """The version in force and a draft; text and table say the same (R44)."""
    await activate(api)
    in_force = await api(pb.RenderPolicyRequest())
    assert "Version 1" in in_force.text
    draft = await api(pb.RenderPolicyRequest(policy=_wider()))
    assert "A draft" in draft.text
    (row,) = [each for each in draft.rows if each.check == "within_radius"]
    assert row.accepted in draft.text
    assert row.gate == decision_pb2.GATE_DEMAND
    assert list(row.reasons) == [decision_pb2.REASON_CODE_OUT_OF_RADIUS]


# --- Activation and rollback ---------------------------------------------------


async def test_a_wide_step_is_refused_until_it_is_meant(api: Api):
    """FAILED_PRECONDITION lists every dimension; said, it goes through (R27)."""
    await activate(api, policy(rollout_basis_points=500))
    await api(pb.CreatePolicyRequest(policy=_wider()))
    with pytest.raises(ApiError) as refused:
        await api(pb.ActivatePolicyRequest(version=2))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.info.reason == "NOT_READY"
    (failure,) = refused.value.details(error_details_pb2.PreconditionFailure)
    assert [(each.type, each.subject) for each in failure.violations] == [
        ("ACKNOWLEDGEMENT", "RADIUS"),
        ("ACKNOWLEDGEMENT", "ROLLOUT"),
        ("SIGN_OFF", "OWNER"),
        ("SIGN_OFF", "CUSTOMER_COPY"),
        ("SIGN_OFF", "SUPPORT_SCRIPTS"),
    ]
    checklist = (await api(pb.CheckReadinessRequest(version=2))).items
    assert [(each.kind, each.subject) for each in checklist if not each.is_met] == [
        (each.type, each.subject) for each in failure.violations
    ]
    met = [(each.kind, each.subject) for each in checklist if each.is_met]
    assert met == [("MESSAGES", "de"), ("MESSAGES", "en")]
    assert (await api(pb.GetPolicyRequest())).policy.version == 1
    await api(
        pb.ActivatePolicyRequest(
            version=2,
            acknowledged_dimensions=[_ROLLOUT, _RADIUS],
            sign_offs=SIGN_OFFS,
        )
    )
    (*_, event) = (await api(pb.ListProgramEventsRequest())).events
    assert list(event.sign_offs) == SIGN_OFFS
    assert (await api(pb.GetPolicyRequest())).policy.version == 2


async def test_a_rollback_is_one_call(api: Api):
    """The version before is in force, and the log says who was before and why (R30)."""
    await activate(api)
    await activate(api, _wider())
    answer = await api(pb.RollbackPolicyRequest(note="complaints from the north"))
    assert answer.policy.version == 1
    assert answer.policy.state == policy_pb2.POLICY_STATE_ACTIVE
    program = (await api(pb.GetProgramRequest())).program
    assert (program.policy_version, program.previous_version) == (1, 0)
    events = (await api(pb.ListProgramEventsRequest())).events
    assert [each.number for each in events] == [1, 2, 3]
    last = events[-1]
    assert last.kind == program_pb2.PROGRAM_EVENT_KIND_ROLLED_BACK
    assert (last.previous_version, last.policy_version) == (2, 1)
    assert last.note == "complaints from the north"
    assert last.event_time == timestamp(NOW_US)
    with pytest.raises(ApiError) as refused:
        await api(pb.RollbackPolicyRequest(note="again"))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_new_tenant_has_a_program_of_nothing(api: Api):
    """Nothing in force, nothing paused, nothing logged."""
    assert (await api(pb.GetProgramRequest())).program == program_pb2.Program(etag="0")
    assert not (await api(pb.ListProgramEventsRequest())).events


# --- Pauses --------------------------------------------------------------------


async def test_a_pause_stops_and_a_resume_starts(api: Api):
    """New returns take the ordinary route; those that wait are matched after it."""
    await activate(api)
    await submit(api, return_item("r1"))
    paused = await api(pb.PauseProgramRequest(category="apparel", note="recall"))
    assert [each.category for each in paused.program.pauses] == ["apparel"]
    (decision,) = await submit(api, return_item("r2"))
    assert decision.outcome == decision_pb2.OUTCOME_WAREHOUSE
    assert decision.reasons[0].code == decision_pb2.REASON_CODE_PROGRAM_PAUSED
    await upsert(api, demand("d1"))
    assert (await api(matches.RunRoundRequest())).round.matched_count == 0
    resumed = await api(pb.ResumeProgramRequest(category="apparel", note="mended"))
    assert not resumed.program.pauses
    assert (await api(matches.RunRoundRequest())).round.matched_count == 1


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.PauseProgramRequest(), "note"),
        (pb.PauseProgramRequest(note="x" * 1_001), "note"),
        (pb.PauseProgramRequest(note="x", category="a\nb"), "category"),
        (pb.ResumeProgramRequest(category="x" * 129), "category"),
        (pb.RollbackPolicyRequest(), "note"),
        (pb.ActivatePolicyRequest(version=1, acknowledged_dimensions=[0]), None),
        (pb.ActivatePolicyRequest(version=1, acknowledged_dimensions=[99]), None),
        (pb.DiffPoliciesRequest(), "target"),
        (pb.DiffPoliciesRequest(version=0), "version"),
    ],
)
async def test_bad_input_is_refused_by_field(
    api: Api, request_: Message, field: str | None
):
    """Empty and long notes, hostile categories, unknown dimensions, no target."""
    with pytest.raises(ApiError) as refused:
        await api(request_)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    expected = field or "acknowledged_dimensions[0]"
    assert list(refused.value.violations) == [expected]
    assert not any((await api.stored_counts()).values())


async def test_the_log_comes_in_pages(api: Api):
    """Oldest first, each event once."""
    await activate(api)
    for number in range(4):
        await api(pb.PauseProgramRequest(category=f"c{number}", note="why"))
    seen, token = [], ""
    while True:
        page = await api(pb.ListProgramEventsRequest(page_size=2, page_token=token))
        seen += [each.number for each in page.events]
        token = page.next_page_token
        if not token:
            break
    assert seen == [1, 2, 3, 4, 5]
