"""PolicyService: store, activate, read and list versions."""

from __future__ import annotations

import grpc
import pytest

from nearturn.v1 import match_limit_pb2, mode_pb2, policy_pb2
from nearturn.v1 import policy_service_pb2 as pb
from server.api.paging import BULKY_PAGE_SIZE_MAX, PAGE_BYTES_MAX
from tests.contract.api_target import Api, ApiError
from tests.contract.messages import activate, policy, timestamp
from tests.scenarios import NOW_US


async def test_versions_are_numbered_and_one_is_active(api: Api):
    """The second activation retires the first version and stands behind 0."""
    first, second = await activate(api), await activate(api)
    assert (first, second) == (1, 2)
    states = {
        each.version: each.state
        for each in (await api(pb.ListPoliciesRequest())).policies
    }
    assert states == {
        1: policy_pb2.POLICY_STATE_RETIRED,
        2: policy_pb2.POLICY_STATE_ACTIVE,
    }
    active = (await api(pb.GetPolicyRequest())).policy
    assert active.version == 2
    assert active.activate_time == timestamp(NOW_US)


async def test_a_version_is_read_back_as_it_was_said(api: Api):
    """All fields survive; the least saving and the objective are filled in."""
    said = policy(
        description="pilot",
        segments=["gold"],
        rollout_salt="s",
        round_size=9,
        match_limits=[
            match_limit_pb2.MatchLimit(
                scope=match_limit_pb2.LIMIT_SCOPE_ZONE, count_max=9, resolution=7
            )
        ],
    )
    created = (await api(pb.CreatePolicyRequest(policy=said))).policy
    expected = policy_pb2.Policy()
    expected.CopyFrom(said)
    expected.version = 1
    expected.state = policy_pb2.POLICY_STATE_CREATED
    expected.create_time.CopyFrom(timestamp(NOW_US))
    expected.categories[0].min_saving_micros = 1
    expected.mode = mode_pb2.MODE_ACT
    expected.objective = match_limit_pb2.OBJECTIVE_MAX_SAVING
    for field in ("round_interval", "handling_duration"):
        getattr(expected, field).SetInParent()
    expected.step_limits.MergeFrom(
        policy_pb2.StepLimits(
            rollout_basis_points=1_000, radius_m=10_000, category_count=1
        )
    )
    assert created == expected
    assert (await api(pb.GetPolicyRequest(version=1))).policy == created


async def test_a_dry_run_stores_nothing(api: Api):
    """`validate_only` answers as the call would, and no version is there after it."""
    tried = await api(pb.CreatePolicyRequest(policy=policy(), validate_only=True))
    assert tried.policy.version == 1
    assert not any((await api.stored_counts()).values())


async def test_all_faults_of_a_document_are_listed(api: Api):
    """A category twice and a zone out of order are found together."""
    document = policy()
    document.categories.add().CopyFrom(document.categories[0])
    for distance_m in (2_000, 1_000):
        document.cost_model.zones.add(
            max_distance_m=distance_m, max_weight_grams=1, price_micros=1
        )
    with pytest.raises(ApiError) as refused:
        await api(pb.CreatePolicyRequest(policy=document, validate_only=True))
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.info.reason == "INVALID_POLICY"
    assert set(refused.value.violations) == {
        "policy.categories[1].category",
        "policy.cost_model.zones[1]",
    }


async def test_limits_that_cross_are_refused(api: Api):
    """Each with its path and what is accepted, before anything is stored (R5)."""
    limit = match_limit_pb2.MatchLimit
    document = policy(
        match_limits=[
            limit(scope=match_limit_pb2.LIMIT_SCOPE_SKU, count_max=1),
            limit(scope=match_limit_pb2.LIMIT_SCOPE_WAREHOUSE, count_max=1),
            limit(scope=match_limit_pb2.LIMIT_SCOPE_ZONE, count_max=1),
            limit(scope=match_limit_pb2.LIMIT_SCOPE_UNSPECIFIED, count_max=-1),
        ]
    )
    with pytest.raises(ApiError) as refused:
        await api(pb.CreatePolicyRequest(policy=document, validate_only=True))
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(refused.value.violations) == {
        "policy.match_limits[1].scope",
        "policy.match_limits[2].resolution",
        "policy.match_limits[3].scope",
        "policy.match_limits[3].count_max",
    }


async def test_what_was_never_stored_is_not_found(api: Api):
    """No active version, no version 7, and nothing to activate: NOT_FOUND each."""
    for request in (
        pb.GetPolicyRequest(),
        pb.GetPolicyRequest(version=7),
        pb.ActivatePolicyRequest(version=7),
    ):
        with pytest.raises(ApiError) as refused:
            await api(request)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_pages_of_large_documents_fit_a_message(api: Api):
    """
    Versions of a megabyte each come a few at a time, all of them once.

    Seven of them exceed the 4 MiB that gRPC clients take by default.
    """
    assert BULKY_PAGE_SIZE_MAX >= 7
    large = policy()
    rule = large.categories[0]
    for number in range(1_900):
        large.categories.add().CopyFrom(rule)
        large.categories[-1].category = f"{number:04}-" + "x" * 120
        large.categories[-1].reasons[:] = [1, 2, 3, 4, 5, 6]
    large.description = "\U0001f600" * 1_000
    large.segments.extend("\U0001f600" * 120 + f"{n:04}" for n in range(1_000))
    for _ in range(7):
        await api(pb.CreatePolicyRequest(policy=large))
    versions, sizes, token = [], [], ""
    while True:
        page = await api(pb.ListPoliciesRequest(page_token=token))
        versions.extend(each.version for each in page.policies)
        sizes.append(page.ByteSize())
        token = page.next_page_token
        if not token:
            break
    assert versions == [1, 2, 3, 4, 5, 6, 7]
    assert len(sizes) > 1
    assert max(sizes) < PAGE_BYTES_MAX + 1024
