"""Gates 1 and 2 under any policy and any item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from matcher.domain.item import (
    UNMATCHABLE_REASONS,
    Condition,
    Fact,
    ItemAttributes,
    ReturnReason,
    Verification,
    VerificationStatus,
)
from matcher.domain.policy import CategoryRule, MatchKey, Policy
from matcher.domain.return_item import Channel, ReturnItem, ReturnPath, TransitState
from matcher.policy.gates import FOREVER_US, GateReport, evaluate_gates
from tests.scenarios import DAY_US, NOW_US, TENANT, policy, return_item

_CATEGORIES = ("apparel", "toys")
_SEGMENTS = ("", "staff", "vip")
_NEVER = ("damaged", "defective", "regulated", "fragile", "end_of_season")
_NEAR_US = st.integers(-3, 3).map(lambda each: NOW_US + each)
_TIMES_US = _NEAR_US | st.integers(NOW_US - 9 * DAY_US, NOW_US + 9 * DAY_US)


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_EVIDENCE = st.builds(
    Verification,
    status=st.sampled_from(VerificationStatus),
    evidence_id=st.sampled_from(["", "e1"]),
    confidence=_maybe(st.floats(0, 1)),
    verify_us=_maybe(_TIMES_US),
    expire_us=_maybe(_TIMES_US),
)

_ITEMS = st.builds(
    replace,
    st.just(return_item()),
    category=st.sampled_from(_CATEGORIES),
    reason=st.sampled_from(ReturnReason),
    condition=st.sampled_from(Condition),
    attributes=st.builds(ItemAttributes, *[st.sampled_from(Fact)] * 6),
    verification=_maybe(_EVIDENCE),
    customer_consents=st.booleans(),
    transit_state=st.sampled_from(TransitState),
    preferred_path=st.sampled_from(ReturnPath),
    order_return_count=st.integers(1, 3),
    segment=st.sampled_from(_SEGMENTS),
    season_end_us=_maybe(_TIMES_US),
)

_REASONS = st.lists(
    st.sampled_from([each for each in ReturnReason if each not in UNMATCHABLE_REASONS]),
    unique=True,
    min_size=1,
).map(tuple)

_RULES = st.builds(
    CategoryRule,
    category=st.sampled_from(_CATEGORIES),
    reasons=_REASONS,
    min_condition=st.sampled_from([each for each in Condition if each]),
    min_confidence=st.floats(0, 1),
    verification_max_age_us=st.integers(1, 9 * DAY_US),
    radius_m=st.just(50_000),
    match_key=st.just(MatchKey.SKU),
    allow_custom_made=st.booleans(),
    season_end_us=_maybe(_TIMES_US),
)

_POLICIES = st.builds(
    replace,
    st.just(policy()),
    categories=st.lists(_RULES, max_size=2, unique_by=lambda each: each.category).map(
        tuple
    ),
    segments=st.lists(st.sampled_from(_SEGMENTS[1:]), unique=True).map(tuple),
    rollout_basis_points=st.sampled_from([0, 5_000, 10_000]),
    allow_multi_item_returns=st.booleans(),
)


def _report(item: ReturnItem, document: Policy, now_us: int = NOW_US) -> GateReport:
    return evaluate_gates(
        item, document, tenant=TENANT, in_service_area=True, now_us=now_us
    )


# Most drawn items pass nothing; these pass all but for what the test takes away.
@st.composite
def _passing(draw: st.DrawFn) -> tuple[ReturnItem, Policy]:
    document, item = draw(_POLICIES), draw(_ITEMS)
    assume(document.categories)
    rule = document.categories[0]
    repaired = replace(
        item,
        category=rule.category,
        reason=rule.reasons[0],
        condition=Condition.NEW,
        attributes=ItemAttributes(*[Fact.NO] * 6),
        verification=Verification(
            VerificationStatus.PASSED,
            evidence_id="e1",
            confidence=1.0,
            verify_us=NOW_US,
            expire_us=draw(_maybe(st.integers(NOW_US + 1, NOW_US + DAY_US))),
        ),
        customer_consents=True,
        transit_state=TransitState.WITH_CUSTOMER,
        preferred_path=draw(
            st.sampled_from([ReturnPath.UNSPECIFIED, ReturnPath.CARRIER])
        ),
        order_return_count=1,
        segment=document.segments[0] if document.segments else "",
        season_end_us=draw(_maybe(st.integers(NOW_US + 1, NOW_US + DAY_US))),
    )
    found = _report(repaired, document)
    assume(found.passed)
    return repaired, document


@given(_passing(), st.data())
def test_no_policy_lets_the_never_list_pass(
    passing: tuple[ReturnItem, Policy], data: st.DataObject
) -> None:
    """Fragile, regulated, damaged, defective, out of season: R7, R16, R18."""
    item, document = passing
    name = data.draw(st.sampled_from(_NEVER))
    changed = replace(item.attributes, **{name: Fact.YES})
    assert not _report(replace(item, attributes=changed), document).passed


@given(_passing(), st.data())
def test_no_policy_lets_the_unverified_pass(
    passing: tuple[ReturnItem, Policy], data: st.DataObject
) -> None:
    """Without evidence, without consent, or with any unknown fact: R7, R8."""
    item, document = passing
    unknown = replace(item.attributes, damaged=Fact.UNKNOWN)
    worse = data.draw(
        st.sampled_from(
            [
                replace(item, verification=None),
                replace(item, customer_consents=False),
                replace(item, condition=Condition.UNSPECIFIED),
                replace(item, reason=ReturnReason.UNSPECIFIED),
                replace(item, transit_state=TransitState.UNSPECIFIED),
                replace(item, attributes=unknown),
            ]
        )
    )
    assert not _report(worse, document).passed


@given(_passing() | st.tuples(_ITEMS, _POLICIES))
def test_what_passes_is_verified_and_open(any_pair: tuple[ReturnItem, Policy]) -> None:
    """Read off the item and the policy, not off the checks: R7, R8, R9, R15, R21."""
    item, document = any_pair
    found = _report(item, document)
    if not found.passed:
        assert found.reasons
        return
    evidence, rule = item.verification, document.rule_for(item.category)
    assert rule is not None
    assert evidence is not None
    assert evidence.status is VerificationStatus.PASSED
    assert evidence.confidence is not None
    assert evidence.confidence >= rule.min_confidence
    assert item.reason in rule.reasons
    assert item.condition >= rule.min_condition
    assert item.customer_consents
    assert all(getattr(item.attributes, each) is not Fact.YES for each in _NEVER)


@given(
    _ITEMS,
    _POLICIES,
    st.sampled_from(Channel),
    st.integers(0, 10**15),
    _maybe(_TIMES_US),
)
def test_neither_channel_nor_value_nor_refund_matters(
    item: ReturnItem,
    document: Policy,
    channel: Channel,
    value_micros: int,
    refund_due_us: int | None,
) -> None:
    """One decision for one return, however it came and whatever it is worth: R43."""
    other = replace(
        item, channel=channel, value_micros=value_micros, refund_due_us=refund_due_us
    )
    assert _report(other, document) == _report(item, document)


@given(_passing(), st.data())
def test_a_report_is_true_until_it_says(
    passing: tuple[ReturnItem, Policy], data: st.DataObject
) -> None:
    """It may be kept so long, and not a microsecond longer: R3, R17."""
    item, document = passing
    found = _report(item, document)
    end_us = min(found.valid_until_us, NOW_US + 30 * DAY_US)
    later_us = data.draw(st.integers(NOW_US, end_us - 1))
    assert _report(item, document, later_us) == found
    if found.valid_until_us < FOREVER_US:
        assert not _report(item, document, found.valid_until_us).passed


@given(_passing(), st.integers(0, 10_000))
def test_a_wider_rollout_keeps_whoever_was_in(
    passing: tuple[ReturnItem, Policy], share: int
) -> None:
    """Whoever passes at a share passes at every larger one: R42."""
    item, document = passing
    narrow = replace(document, rollout_basis_points=share)
    if _report(item, narrow).passed:
        wide = replace(document, rollout_basis_points=(share + 10_000) // 2)
        assert _report(item, wide).passed
