"""Gates 1 and 2: one fault gives one reason, every fault is told, unknown fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.demand_floor import DemandFloor, SeenDemand
from matcher.domain.item import (
    Condition,
    Fact,
    ItemAttributes,
    ReturnReason,
    VerificationStatus,
)
from matcher.domain.mode import Mode
from matcher.domain.policy import Policy, RolloutStep, VolumeCap
from matcher.domain.program import Pause
from matcher.domain.reason import CheckResult, Gate, ReasonCode
from matcher.domain.return_item import Channel, ReturnItem, ReturnPath, TransitState
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import (
    GateReport,
    evaluate_gates,
    failed_checks,
    with_admission,
)
from matcher.policy.volume import Admission
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    TENANT,
    policy,
    return_item,
    rule,
    verification,
)

_FACTS = ("fragile", "regulated", "custom_made", "damaged", "defective")


def report(
    item: ReturnItem, document: Policy | None = None, *, inside: bool = True
) -> GateReport:
    """Evaluate under the default policy, at noon."""
    document = document or policy()
    return evaluate_gates(
        item, document, tenant=TENANT, surroundings=Surroundings(inside), now_us=NOW_US
    )


def codes(found: GateReport) -> list[ReasonCode]:
    """Return the codes of the reasons, in order."""
    return [reason.code for reason in found.reasons]


def _item(**changes: Any) -> ReturnItem:
    return return_item(**changes)


def _fact(name: str, fact: Fact) -> ReturnItem:
    return _item(attributes=replace(_item().attributes, **{name: fact}))


def _evidence(**changes: Any) -> ReturnItem:
    return _item(verification=verification(**changes))


_STATUS = VerificationStatus

# One change of an item that passes everything, and the one reason that it gives.
_FAULTY_ITEMS = {
    "no evidence": (_item(verification=None), ReasonCode.VERIFICATION_MISSING),
    "no result": (
        _evidence(status=_STATUS.UNSPECIFIED),
        ReasonCode.VERIFICATION_MISSING,
    ),
    "failed": (_evidence(status=_STATUS.FAILED), ReasonCode.VERIFICATION_FAILED),
    "pending": (_evidence(status=_STATUS.PENDING), ReasonCode.VERIFICATION_PENDING),
    "expired": (_evidence(expire_us=NOW_US), ReasonCode.VERIFICATION_EXPIRED),
    "unsure": (_evidence(confidence=0.89), ReasonCode.VERIFICATION_LOW_CONFIDENCE),
    "anonymous evidence": (
        _evidence(evidence_id=""),
        ReasonCode.INSUFFICIENT_EVIDENCE,
    ),
    "undated evidence": (_evidence(verify_us=None), ReasonCode.INSUFFICIENT_EVIDENCE),
    "no confidence": (_evidence(confidence=None), ReasonCode.INSUFFICIENT_EVIDENCE),
    "no stated reason": (
        _item(reason=ReturnReason.UNSPECIFIED),
        ReasonCode.INSUFFICIENT_EVIDENCE,
    ),
    "other reason": (_item(reason=ReturnReason.OTHER), ReasonCode.REASON_NOT_ALLOWED),
    "reason not listed": (
        _item(reason=ReturnReason.ARRIVED_LATE),
        ReasonCode.REASON_NOT_ALLOWED,
    ),
    "came back damaged": (_item(reason=ReturnReason.DAMAGED), ReasonCode.ITEM_DAMAGED),
    "came back defective": (
        _item(reason=ReturnReason.DEFECTIVE),
        ReasonCode.ITEM_DEFECTIVE,
    ),
    "no condition": (
        _item(condition=Condition.UNSPECIFIED),
        ReasonCode.INSUFFICIENT_EVIDENCE,
    ),
    "poor": (_item(condition=Condition.FAIR), ReasonCode.CONDITION_BELOW_FLOOR),
    "unknown category": (_item(category="toys"), ReasonCode.CATEGORY_NOT_ALLOWED),
    "no consent": (_item(customer_consents=False), ReasonCode.CONSENT_MISSING),
    "store": (
        _item(preferred_path=ReturnPath.IN_STORE),
        ReasonCode.CUSTOMER_CHOSE_STORE,
    ),
    "on its way": (
        _item(transit_state=TransitState.IN_TRANSIT),
        ReasonCode.ALREADY_IN_TRANSIT,
    ),
    "received": (
        _item(transit_state=TransitState.RECEIVED),
        ReasonCode.ALREADY_IN_TRANSIT,
    ),
    "nobody knows where": (
        _item(transit_state=TransitState.UNSPECIFIED),
        ReasonCode.INSUFFICIENT_EVIDENCE,
    ),
    "two of an order": (_item(order_return_count=2), ReasonCode.MULTI_ITEM_RETURN),
    "season over": (_item(season_end_us=NOW_US), ReasonCode.ITEM_END_OF_SEASON),
    "end of season": (_fact("end_of_season", Fact.YES), ReasonCode.ITEM_END_OF_SEASON),
    "season unknown": (
        _fact("end_of_season", Fact.UNKNOWN),
        ReasonCode.INSUFFICIENT_EVIDENCE,
    ),
    **{
        name: (_fact(name, Fact.YES), ReasonCode[f"ITEM_{name.upper()}"])
        for name in _FACTS
    },
    **{
        f"{name} unknown": (_fact(name, Fact.UNKNOWN), ReasonCode.INSUFFICIENT_EVIDENCE)
        for name in _FACTS
    },
}

# One change of the policy, or of the place, under which the item no longer passes.
_CLOSED = {
    "nothing opened": (
        replace(policy(), categories=()),
        ReasonCode.CATEGORY_NOT_ALLOWED,
    ),
    "segments": (policy(segments=("staff",)), ReasonCode.SEGMENT_NOT_ALLOWED),
    "rollout": (policy(rollout_basis_points=0), ReasonCode.NOT_IN_ROLLOUT),
    "season of the category": (
        policy(rule(season_end_us=NOW_US)),
        ReasonCode.ITEM_END_OF_SEASON,
    ),
    "thin demand": (
        policy(rule(demand_floor=DemandFloor(DAY_US, min_orders=2))),
        ReasonCode.SKU_DEMAND_TOO_THIN,
    ),
    "volume cap": (
        policy(volume_cap=VolumeCap(1_000, HOUR_US)),
        ReasonCode.VOLUME_CAP_REACHED,
    ),
    "shadow mode": (policy(mode=Mode.SHADOW), ReasonCode.SHADOW_MODE),
    "dearer floor": (
        policy(rule(min_condition=Condition.NEW)),
        ReasonCode.CONDITION_BELOW_FLOOR,
    ),
    "surer": (
        policy(rule(min_confidence=0.96)),
        ReasonCode.VERIFICATION_LOW_CONFIDENCE,
    ),
    "younger": (
        policy(rule(verification_max_age_us=HOUR_US - 1)),
        ReasonCode.VERIFICATION_EXPIRED,
    ),
}

# An item with every fault that can stand beside the others.
_WORST = return_item(
    verification=verification(status=VerificationStatus.FAILED),
    reason=ReturnReason.ARRIVED_LATE,
    condition=Condition.POOR,
    attributes=ItemAttributes(*(Fact.YES for _ in range(6))),
    customer_consents=False,
    preferred_path=ReturnPath.IN_STORE,
    transit_state=TransitState.RECEIVED,
    order_return_count=3,
)


def test_the_default_item_passes() -> None:
    """Without a fault there is no reason, and every check has passed (R5, R12)."""
    found = report(return_item())
    assert found.passed
    assert not found.pending
    assert found.policy_version == 1
    assert found.rule == rule()
    assert {check.result for check in found.checks} == {CheckResult.PASSED}
    assert {check.gate for check in found.checks} == {
        Gate.VERIFICATION,
        Gate.ELIGIBILITY,
    }


@pytest.mark.parametrize("name", _FAULTY_ITEMS)
def test_one_fault_of_the_item_is_one_reason(name: str) -> None:
    """Nothing else is wrong, nothing else is said (R8, R13, R16, R21, R41)."""
    item, code = _FAULTY_ITEMS[name]
    assert codes(report(item)) == [code]


@pytest.mark.parametrize("name", _CLOSED)
def test_one_limit_of_the_policy_is_one_reason(name: str) -> None:
    """The same item, a narrower policy: default deny (R9, R10, R15, R22, R25, R27)."""
    document, code = _CLOSED[name]
    found = evaluate_gates(
        return_item(),
        document,
        tenant=TENANT,
        surroundings=Surroundings(
            admission=Admission.REFUSED, demand=SeenDemand(1, 1, 1, 1)
        ),
        now_us=NOW_US,
    )
    assert codes(found) == [code]


@pytest.mark.parametrize(
    ("category", "code"), [("", True), ("apparel", True), ("toys", False)]
)
def test_a_pause_holds_back_its_category_or_all(category: str, code: bool) -> None:
    """Told as a reason of its own; at most an inspection may be missing besides."""
    surroundings = Surroundings(pauses=(Pause(category, "audit", NOW_US),))

    def paused(item: ReturnItem) -> GateReport:
        return evaluate_gates(
            item, policy(), tenant=TENANT, surroundings=surroundings, now_us=NOW_US
        )

    found = paused(return_item())
    assert codes(found) == [ReasonCode.PROGRAM_PAUSED] * code
    assert found.paused is code
    assert paused(_evidence(status=_STATUS.PENDING)).paused is code
    assert not paused(_item(customer_consents=False)).paused


@pytest.mark.parametrize("admission", list(Admission))
def test_the_volume_cap_is_asked_last(admission: Admission) -> None:
    """Not asked yet, it decides nothing; the answer replaces that check alone."""
    document = policy(volume_cap=VolumeCap(1_000, HOUR_US))
    before = report(return_item(), document)
    assert before.passed
    assert before.eligible
    after = with_admission(before, document, admission)
    assert after.passed is (admission is not Admission.REFUSED)
    assert after == evaluate_gates(
        return_item(),
        document,
        tenant=TENANT,
        surroundings=Surroundings(admission=admission),
        now_us=NOW_US,
    )


def test_a_step_of_the_rollout_ends_a_report() -> None:
    """What says 5 % today says 50 % tomorrow: it is made anew then (R25)."""
    document = policy(
        rollout_basis_points=1, rollout_steps=(RolloutStep(NOW_US + 1, 10_000),)
    )
    found = report(return_item(), document)
    assert codes(found) == [ReasonCode.NOT_IN_ROLLOUT]
    assert found.eligible
    assert found.valid_until_us == NOW_US + 1
    later = evaluate_gates(
        return_item(),
        document,
        tenant=TENANT,
        surroundings=Surroundings(),
        now_us=NOW_US + 1,
    )
    assert later.passed


def test_outside_the_service_areas_is_a_reason() -> None:
    """The place is the tenant's to limit; nothing else is said of it."""
    found = report(return_item(), inside=False)
    assert codes(found) == [ReasonCode.OUTSIDE_SERVICE_AREA]


def test_without_a_policy_nothing_passes() -> None:
    """A tenant that has activated none matches nothing (R27)."""
    found = evaluate_gates(
        return_item(), None, tenant=TENANT, surroundings=Surroundings(), now_us=NOW_US
    )
    assert codes(found) == [ReasonCode.NO_ACTIVE_POLICY]
    assert found.policy_version == 0
    assert found.rule is None


def test_the_cases_meet_every_code_of_both_gates() -> None:
    """No reason code of gates 1 and 2 is there in name only (R51)."""
    met = {code for _, code in (*_FAULTY_ITEMS.values(), *_CLOSED.values())}
    met |= {
        ReasonCode.PROGRAM_PAUSED,
        ReasonCode.OUTSIDE_SERVICE_AREA,
        ReasonCode.NO_ACTIVE_POLICY,
    }
    assert met == {
        code
        for code in ReasonCode
        if code and code.gate in (Gate.VERIFICATION, Gate.ELIGIBILITY)
    }


def test_every_fault_is_told_not_only_the_first() -> None:
    """Sixteen faults, sixteen reasons, in the order of the checks (R41)."""
    closed = policy(
        rule(allow_custom_made=False), segments=("staff",), rollout_basis_points=0
    )
    found = report(_WORST, closed, inside=False)
    assert codes(found) == [
        ReasonCode.VERIFICATION_FAILED,
        ReasonCode.REASON_NOT_ALLOWED,
        ReasonCode.CONDITION_BELOW_FLOOR,
        ReasonCode.ITEM_DAMAGED,
        ReasonCode.ITEM_DEFECTIVE,
        ReasonCode.ITEM_REGULATED,
        ReasonCode.ITEM_FRAGILE,
        ReasonCode.ITEM_END_OF_SEASON,
        ReasonCode.ITEM_CUSTOM_MADE,
        ReasonCode.CONSENT_MISSING,
        ReasonCode.CUSTOMER_CHOSE_STORE,
        ReasonCode.ALREADY_IN_TRANSIT,
        ReasonCode.OUTSIDE_SERVICE_AREA,
        ReasonCode.MULTI_ITEM_RETURN,
        ReasonCode.SEGMENT_NOT_ALLOWED,
        ReasonCode.NOT_IN_ROLLOUT,
    ]
    assert [check.reason for check in failed_checks(found)] == codes(found)


@pytest.mark.parametrize(
    ("item", "document"),
    [
        *((item, policy()) for item, _ in _FAULTY_ITEMS.values()),
        *((return_item(), document) for document, _ in _CLOSED.values()),
        (_WORST, policy()),
        (_WORST, None),
        (return_item(), None),
    ],
)
def test_every_check_is_in_every_report(
    item: ReturnItem, document: Policy | None
) -> None:
    """Passed, failed or skipped, none is left out: the list never changes (R12)."""
    found = evaluate_gates(
        item, document, tenant=TENANT, surroundings=Surroundings(), now_us=NOW_US
    )
    names = [(check.gate, check.name) for check in found.checks]
    expected = report(return_item()).checks
    assert names == [(check.gate, check.name) for check in expected]
    assert len(found.reasons) == len(failed_checks(found))
    # A skipped check names what it would have needed, and never decides alone.
    skipped = [each for each in found.checks if each.result is CheckResult.SKIPPED]
    assert all(each.accepted.startswith("needs ") for each in skipped)
    asked_last = {"within_volume_cap"}
    assert found.reasons or {each.name for each in skipped} <= asked_last


def test_pending_alone_may_still_come_good() -> None:
    """A running inspection waits, unless something else is wrong as well."""
    pending = _evidence(status=VerificationStatus.PENDING)
    assert report(pending).pending
    assert not report(replace(pending, customer_consents=False)).pending
    assert not report(return_item()).pending


@pytest.mark.parametrize("lifted", [True, False])
@pytest.mark.parametrize("fact", list(Fact))
def test_only_custom_made_can_be_lifted(lifted: bool, fact: Fact) -> None:
    """A rule that allows it lets any answer pass; without it only NO (R16)."""
    document = policy(rule(allow_custom_made=lifted))
    passed = report(_fact("custom_made", fact), document).passed
    assert passed is (lifted or fact is Fact.NO)


def test_several_items_of_an_order_pass_where_allowed() -> None:
    """What the order has besides is no fault under a policy that says so."""
    document = policy(allow_multi_item_returns=True)
    assert report(return_item(order_return_count=10_000), document).passed


@pytest.mark.parametrize("segment", ["staff", ""])
def test_a_listed_segment_passes(segment: str) -> None:
    """Listed segments alone; having none is not being in one (R22)."""
    found = report(return_item(segment=segment), policy(segments=("staff", "vip")))
    assert found.passed is (segment == "staff")


def test_the_channel_and_the_refund_are_no_inputs() -> None:
    """The same return through every channel, with any refund time (R37, R43)."""
    first = report(return_item())
    for channel in Channel:
        for refund_due_us in (None, NOW_US - 1, NOW_US + HOUR_US):
            item = return_item(channel=channel, refund_due_us=refund_due_us)
            assert report(item) == first


def test_checks_name_the_evidence() -> None:
    """Each check of gate 1 that looked at evidence says which (R12)."""
    found = report(_evidence(evidence_id="photo-77"))
    first = [each for each in found.checks if each.gate is Gate.VERIFICATION]
    assert {each.evidence_id for each in first} == {"photo-77"}


def test_reasons_say_what_was_seen_and_what_is_accepted() -> None:
    """A sentence has the value and the limit that bit (R41)."""
    (low,) = report(_evidence(confidence=0.5)).reasons
    assert "0.5" in low.text
    assert "at least 0.9" in low.text
    (unknown,) = report(_fact("custom_made", Fact.UNKNOWN)).reasons
    assert unknown.text == (
        "Something that has to be known is not: whether the item is custom made; "
        "accepted: no."
    )
    (poor,) = report(return_item(condition=Condition.POOR)).reasons
    assert "poor" in poor.text
    assert "good or better" in poor.text
