"""Gates 1 and 2 under any policy and any item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
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
from matcher.domain.policy import (
    BASIS_POINTS,
    CategoryRule,
    MatchKey,
    Policy,
    RolloutStep,
)
from matcher.domain.reason import CheckResult, ReasonCode
from matcher.domain.return_item import Channel, ReturnItem, ReturnPath, TransitState
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import FOREVER_US, GateReport, evaluate_gates
from matcher.policy.verification import CLOCK_SKEW_US
from tests.scenarios import DAY_US, NOW_US, TENANT, policy, return_item

_CATEGORIES = ("apparel", "toys")
_SEGMENTS = ("", "staff", "vip")
_NEVER = ("damaged", "defective", "regulated", "fragile", "end_of_season")
_NEAR_US = st.integers(-3, 3).map(lambda each: NOW_US + each)
_LATER_US = st.integers(NOW_US + 1, NOW_US + 3) | st.integers(
    NOW_US + 1, NOW_US + DAY_US
)
_TIMES_US = _NEAR_US | st.integers(NOW_US - 9 * DAY_US, NOW_US + 9 * DAY_US)


# What may be an id, of any script.
_NAMES = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=20
)


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

_SEGMENT_LISTS = st.lists(st.sampled_from(_SEGMENTS[1:]), unique=True).map(tuple)

_POLICIES = st.builds(
    replace,
    st.just(policy()),
    version=st.integers(1, 3),
    categories=st.lists(_RULES, max_size=2, unique_by=lambda each: each.category).map(
        tuple
    ),
    segments=_SEGMENT_LISTS,
    rollout_basis_points=st.sampled_from([0, 5_000, 9_999]),
    rollout_steps=st.sampled_from(
        [(), (RolloutStep(NOW_US, 10_000),), (RolloutStep(NOW_US + 1, 10_000),)]
    ),
    allow_multi_item_returns=st.booleans(),
)


def _report(item: ReturnItem, document: Policy, now_us: int = NOW_US) -> GateReport:
    return evaluate_gates(
        item, document, tenant=TENANT, surroundings=Surroundings(), now_us=now_us
    )


def _codes(found: GateReport) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]


# Most drawn items pass nothing; these pass all, with every number anywhere in what
# the policy accepts. They are built and not filtered: a filter would throw away most.
@st.composite
def _passing(draw: st.DrawFn) -> tuple[ReturnItem, Policy]:
    rule = replace(draw(_RULES), season_end_us=draw(_maybe(_LATER_US)))
    document = policy(
        rule,
        segments=draw(_SEGMENT_LISTS),
        allow_multi_item_returns=draw(st.booleans()),
    )
    oldest_us = NOW_US - rule.verification_max_age_us
    evidence = Verification(
        VerificationStatus.PASSED,
        evidence_id="e1",
        confidence=draw(st.floats(rule.min_confidence, 1.0)),
        verify_us=draw(st.integers(oldest_us, NOW_US + CLOCK_SKEW_US)),
        expire_us=draw(_maybe(_LATER_US)),
    )
    item = return_item(
        category=rule.category,
        reason=draw(st.sampled_from(rule.reasons)),
        condition=draw(st.integers(rule.min_condition, Condition.NEW).map(Condition)),
        verification=evidence,
        preferred_path=draw(
            st.sampled_from([ReturnPath.UNSPECIFIED, ReturnPath.CARRIER])
        ),
        order_return_count=3 if document.allow_multi_item_returns else 1,
        segment=document.segments[0] if document.segments else "",
        season_end_us=draw(_maybe(_LATER_US)),
    )
    return item, document


@given(_passing(), st.data())
def test_no_policy_lets_the_never_list_pass(
    passing: tuple[ReturnItem, Policy], data: st.DataObject
) -> None:
    """Fragile, regulated, damaged, defective, out of season: R7, R16, R18."""
    item, document = passing
    name = data.draw(st.sampled_from(_NEVER))
    changed = replace(item.attributes, **{name: Fact.YES})
    found = _report(replace(item, attributes=changed), document)
    assert _codes(found) == [ReasonCode[f"ITEM_{name.upper()}"]]


_PASSED = Verification(
    VerificationStatus.PASSED, evidence_id="e1", confidence=1.0, verify_us=NOW_US
)

# What is taken away from an item that passes, and the one reason that it gives.
_WORSE: tuple[tuple[dict[str, Any], ReasonCode], ...] = (
    ({"verification": None}, ReasonCode.VERIFICATION_MISSING),
    *(
        ({"verification": replace(_PASSED, **changes)}, code)
        for changes, code in (
            (
                {"status": VerificationStatus.UNSPECIFIED},
                ReasonCode.VERIFICATION_MISSING,
            ),
            ({"status": VerificationStatus.FAILED}, ReasonCode.VERIFICATION_FAILED),
            ({"status": VerificationStatus.PENDING}, ReasonCode.VERIFICATION_PENDING),
            ({"expire_us": NOW_US}, ReasonCode.VERIFICATION_EXPIRED),
            ({"evidence_id": ""}, ReasonCode.INSUFFICIENT_EVIDENCE),
            ({"confidence": None}, ReasonCode.INSUFFICIENT_EVIDENCE),
            ({"verify_us": None}, ReasonCode.INSUFFICIENT_EVIDENCE),
            (
                {"verify_us": NOW_US + CLOCK_SKEW_US + 1},
                ReasonCode.INSUFFICIENT_EVIDENCE,
            ),
        )
    ),
    ({"customer_consents": False}, ReasonCode.CONSENT_MISSING),
    ({"condition": Condition.UNSPECIFIED}, ReasonCode.INSUFFICIENT_EVIDENCE),
    ({"reason": ReturnReason.UNSPECIFIED}, ReasonCode.INSUFFICIENT_EVIDENCE),
    ({"reason": ReturnReason.OTHER}, ReasonCode.REASON_NOT_ALLOWED),
    ({"reason": ReturnReason.DAMAGED}, ReasonCode.ITEM_DAMAGED),
    ({"reason": ReturnReason.DEFECTIVE}, ReasonCode.ITEM_DEFECTIVE),
    ({"transit_state": TransitState.UNSPECIFIED}, ReasonCode.INSUFFICIENT_EVIDENCE),
    ({"transit_state": TransitState.RECEIVED}, ReasonCode.ALREADY_IN_TRANSIT),
    ({"preferred_path": ReturnPath.IN_STORE}, ReasonCode.CUSTOMER_CHOSE_STORE),
    ({"season_end_us": NOW_US}, ReasonCode.ITEM_END_OF_SEASON),
)


@given(_passing(), st.data())
def test_no_policy_lets_the_unverified_pass(
    passing: tuple[ReturnItem, Policy], data: st.DataObject
) -> None:
    """Whatever is taken away or left open, it is the one reason: R7, R8, R21."""
    item, document = passing
    changes, code = data.draw(st.sampled_from(_WORSE))
    assert _codes(_report(replace(item, **changes), document)) == [code]


@given(_passing(), st.data())
def test_no_policy_lets_the_unknown_pass(
    passing: tuple[ReturnItem, Policy], data: st.DataObject
) -> None:
    """A fact nobody stated fails, unless the policy or a date answers it: R8, R16."""
    item, document = passing
    rule = document.categories[0]
    name = data.draw(st.sampled_from([*_NEVER, "custom_made"]))
    changed = replace(item.attributes, **{name: Fact.UNKNOWN})
    found = _report(replace(item, attributes=changed), document)
    answered = (name == "custom_made" and rule.allow_custom_made) or (
        name == "end_of_season"
        and not (item.season_end_us is None and rule.season_end_us is None)
    )
    assert _codes(found) == ([] if answered else [ReasonCode.INSUFFICIENT_EVIDENCE])


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
    assert evidence.evidence_id
    assert evidence.verify_us is not None
    assert -CLOCK_SKEW_US <= NOW_US - evidence.verify_us <= rule.verification_max_age_us
    assert evidence.expire_us is None or evidence.expire_us > NOW_US
    assert item.reason in rule.reasons
    assert item.condition >= rule.min_condition
    assert item.customer_consents
    assert item.transit_state is TransitState.WITH_CUSTOMER
    assert item.preferred_path is not ReturnPath.IN_STORE
    assert all(getattr(item.attributes, each) is Fact.NO for each in _NEVER[:-1])
    assert item.attributes.end_of_season is not Fact.YES
    ends = [end for end in (item.season_end_us, rule.season_end_us) if end is not None]
    assert ends or item.attributes.end_of_season is Fact.NO
    assert all(end > NOW_US for end in ends)
    assert not document.segments or item.segment in document.segments
    assert document.rollout_basis_points


@given(_ITEMS, _maybe(_POLICIES), st.booleans())
def test_every_report_has_every_check_once(
    item: ReturnItem, document: Policy | None, inside: bool
) -> None:
    """Nothing is left out or told twice; reasons are the failed checks: R12, R41."""
    found = evaluate_gates(
        item, document, tenant=TENANT, surroundings=Surroundings(inside), now_us=NOW_US
    )
    names = [each.name for each in found.checks]
    assert len(set(names)) == len(names)
    assert names == [each.name for each in _report(return_item(), policy()).checks]
    failed = [each for each in found.checks if each.result is CheckResult.FAILED]
    assert [each.reason for each in failed] == _codes(found)
    assert all(
        each.reason is ReasonCode.UNSPECIFIED
        for each in found.checks
        if each not in failed
    )
    assert found.passed is not any(
        each.result is not CheckResult.PASSED for each in found.checks
    )


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


@given(_passing(), st.booleans(), st.data())
def test_a_report_is_true_until_it_says(
    passing: tuple[ReturnItem, Policy], pending: bool, data: st.DataObject
) -> None:
    """It may be kept so long, and not a microsecond longer: R3, R17."""
    item, document = passing
    if pending:
        waiting = replace(_PASSED, status=VerificationStatus.PENDING)
        item = replace(item, verification=waiting)
    found = _report(item, document)
    # The other tests take one thing away from such an item: it must pass before.
    assert (found.passed, found.pending) == (not pending, pending)
    end_us = min(found.valid_until_us, NOW_US + 30 * DAY_US)
    for later_us in (data.draw(st.integers(NOW_US, end_us - 1)), end_us - 1):
        assert _report(item, document, later_us) == found
    if found.valid_until_us < FOREVER_US:
        after = _report(item, document, found.valid_until_us)
        assert not after.passed
        assert not after.pending


@given(_passing(), _NAMES, _NAMES, st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_wider_rollout_keeps_whoever_was_in(
    passing: tuple[ReturnItem, Policy],
    customer_id: str,
    salt: str,
    share: int,
    other: int,
) -> None:
    """Nobody is in at 0, all at 10,000, and whoever is in stays in: R42."""
    item = replace(passing[0], customer_id=customer_id)
    shares = [0, *sorted((share, other)), BASIS_POINTS]
    documents = [
        replace(passing[1], rollout_basis_points=each, rollout_salt=salt)
        for each in shares
    ]
    passed = [_report(item, each).passed for each in documents]
    assert passed == sorted(passed)
    assert (passed[0], passed[-1]) == (False, True)


@given(_ITEMS, _POLICIES, _NAMES, st.integers(0, 10_000))
def test_the_rollout_sees_the_customer_alone(
    item: ReturnItem, document: Policy, customer_id: str, share: int
) -> None:
    """Any item of a customer, under any policy of that share, as the plain one: R42."""
    first, other = (
        next(
            check
            for check in _report(
                replace(each, customer_id=customer_id),
                replace(under, rollout_basis_points=share, rollout_steps=()),
            ).checks
            if check.name == "in_rollout"
        )
        for each, under in ((return_item(), policy()), (item, document))
    )
    assert first == other
