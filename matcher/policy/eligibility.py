"""Gate 2: does the policy let such an item, of such a customer, be matched."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.demand_floor import SeenDemand
from matcher.domain.ids import TenantId
from matcher.domain.instant import utc_text
from matcher.domain.item import Condition, Fact, ReturnReason
from matcher.domain.mode import Mode
from matcher.domain.policy import CategoryRule, Policy
from matcher.domain.program import Pause, pause_of
from matcher.domain.reason import Gate, ReasonCode
from matcher.domain.return_item import ReturnItem, ReturnPath, TransitState
from matcher.policy.demand_floor import floor_check
from matcher.policy.findings import Findings
from matcher.policy.rollout import in_rollout
from matcher.policy.volume import Admission
from matcher.policy.words import (
    cap_words,
    enum_words,
    floor_words,
    ordered_words,
    reasons_words,
    segments_words,
    share_words,
)

_GATE = Gate.ELIGIBILITY
_NO_RULE = "needs a rule for the category"
_NO_POLICY = "needs an active policy"
_NOT_ASKED = "needs all else to pass"

#: Name of the check of the volume cap.
VOLUME_CHECK = "within_volume_cap"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What gate 2 rests on besides the item and the policy.

    Parameters
    ----------
    in_service_area
        Whether the item lies in one of the tenant's areas, or there are none.
    pauses
        What of the program is paused.
    admission
        Whether the item has a place under the volume cap.
    demand
        What demand its SKU had when it was submitted; ``None`` if nobody looked.
    """

    in_service_area: bool = True
    pauses: tuple[Pause, ...] = ()
    admission: Admission = Admission.UNSPECIFIED
    demand: SeenDemand | None = None


# Facts that no policy, flag or operator can lift, with the reason of each.
_NEVER = (
    ("damaged", ReasonCode.ITEM_DAMAGED),
    ("defective", ReasonCode.ITEM_DEFECTIVE),
    ("regulated", ReasonCode.ITEM_REGULATED),
    ("fragile", ReasonCode.ITEM_FRAGILE),
)


def eligibility_checks(
    findings: Findings,
    item: ReturnItem,
    policy: Policy | None,
    rule: CategoryRule | None,
    tenant: TenantId,
    surroundings: Surroundings,
) -> None:
    """Add the checks of gate 2: of the item, of the customer, of the policy."""
    _check_policy(findings, item, policy, rule)
    _check_running(findings, item, surroundings.pauses)
    _check_reason(findings, item, rule)
    _check_condition(findings, item, rule)
    for name, code in _NEVER:
        _check_never(findings, name, code, getattr(item.attributes, name))
    _check_season(findings, item, rule)
    _check_custom_made(findings, item, rule)
    _check_customer(findings, item)
    _check_place(findings, item, surroundings.in_service_area)
    _check_scope(findings, item, policy, tenant)
    floor_check(findings, rule, surroundings.demand)
    volume_check(findings, policy, surroundings.admission)


def _check_policy(
    findings: Findings,
    item: ReturnItem,
    policy: Policy | None,
    rule: CategoryRule | None,
) -> None:
    if policy is None:
        findings.failed(ReasonCode.NO_ACTIVE_POLICY, "policy_active", "none", "one")
        findings.skipped(_GATE, "category_allowed", _NO_POLICY)
        return
    findings.passed(_GATE, "policy_active", f"version {policy.version}", "one")
    opened = ordered_words(policy.category_names)
    if rule is None:
        findings.failed(
            ReasonCode.CATEGORY_NOT_ALLOWED, "category_allowed", item.category, opened
        )
    else:
        findings.passed(_GATE, "category_allowed", item.category, opened)


def _check_running(
    findings: Findings, item: ReturnItem, pauses: tuple[Pause, ...]
) -> None:
    name = "program_running"
    if pause_of(pauses, item.category) is None:
        findings.passed(_GATE, name, "running", "running")
    else:
        findings.failed(ReasonCode.PROGRAM_PAUSED, name, "paused", "running")


def _check_reason(
    findings: Findings, item: ReturnItem, rule: CategoryRule | None
) -> None:
    name = "return_reason_allowed"
    if item.reason is ReturnReason.UNSPECIFIED:
        findings.unknown(_GATE, name, "the return reason", "a stated one")
    elif item.reason is ReturnReason.DAMAGED:
        findings.failed(ReasonCode.ITEM_DAMAGED, name, "damaged", "never")
    elif item.reason is ReturnReason.DEFECTIVE:
        findings.failed(ReasonCode.ITEM_DEFECTIVE, name, "defective", "never")
    elif rule is None:
        findings.skipped(_GATE, name, _NO_RULE)
    else:
        allowed = reasons_words(rule.reasons)
        observed = enum_words(item.reason)
        if item.reason in rule.reasons:
            findings.passed(_GATE, name, observed, allowed)
        else:
            findings.failed(ReasonCode.REASON_NOT_ALLOWED, name, observed, allowed)


def _check_condition(
    findings: Findings, item: ReturnItem, rule: CategoryRule | None
) -> None:
    name = "condition_sufficient"
    if item.condition is Condition.UNSPECIFIED:
        findings.unknown(_GATE, name, "the item's condition", "a stated one")
    elif rule is None:
        findings.skipped(_GATE, name, _NO_RULE)
    else:
        observed = enum_words(item.condition)
        accepted = floor_words(rule.min_condition)
        if item.condition >= rule.min_condition:
            findings.passed(_GATE, name, observed, accepted)
        else:
            findings.failed(ReasonCode.CONDITION_BELOW_FLOOR, name, observed, accepted)


def _check_never(findings: Findings, name: str, code: ReasonCode, fact: Fact) -> None:
    check = f"not_{name}"
    if fact is Fact.UNKNOWN:
        what = name.replace("_", " ")
        findings.unknown(_GATE, check, f"whether the item is {what}", "no")
    elif fact is Fact.YES:
        findings.failed(code, check, "yes", "no")
    else:
        findings.passed(_GATE, check, "no", "no")


def _check_season(
    findings: Findings, item: ReturnItem, rule: CategoryRule | None
) -> None:
    name = "not_end_of_season"
    ends = [] if item.season_end_us is None else [item.season_end_us]
    if rule is not None and rule.season_end_us is not None:
        ends.append(rule.season_end_us)
    fact = item.attributes.end_of_season
    accepted = f"before {utc_text(min(ends))}" if ends else "in season"
    # The boundary instant itself belongs to the time after the season.
    if fact is Fact.YES or any(findings.now_us >= end for end in ends):
        findings.failed(ReasonCode.ITEM_END_OF_SEASON, name, "season over", accepted)
    elif fact is Fact.UNKNOWN and not ends:
        what = "whether the item's season is over"
        findings.unknown(_GATE, name, what, "a fact or a season end time")
    else:
        for end in ends:
            findings.holds_until(end)
        findings.passed(_GATE, name, "in season", accepted)


def _check_custom_made(
    findings: Findings, item: ReturnItem, rule: CategoryRule | None
) -> None:
    name = "not_custom_made"
    fact = item.attributes.custom_made
    lifted = rule is not None and rule.allow_custom_made
    if lifted:
        findings.passed(_GATE, name, fact.name.lower(), "any: the category's rule says")
    else:
        _check_never(findings, "custom_made", ReasonCode.ITEM_CUSTOM_MADE, fact)


def _check_customer(findings: Findings, item: ReturnItem) -> None:
    if item.customer_consents:
        findings.passed(_GATE, "customer_consents", "yes", "yes")
    else:
        findings.failed(ReasonCode.CONSENT_MISSING, "customer_consents", "no", "yes")
    path = enum_words(item.preferred_path)
    if item.preferred_path is ReturnPath.IN_STORE:
        findings.failed(
            ReasonCode.CUSTOMER_CHOSE_STORE, "path_left_open", path, "carrier or any"
        )
    else:
        findings.passed(_GATE, "path_left_open", path, "carrier or any")


def _check_place(findings: Findings, item: ReturnItem, in_service_area: bool) -> None:
    transit = item.transit_state
    accepted = "with customer"
    if transit is TransitState.UNSPECIFIED:
        findings.unknown(_GATE, "with_customer", "where the item is", accepted)
    elif transit is TransitState.WITH_CUSTOMER:
        findings.passed(_GATE, "with_customer", accepted, accepted)
    else:
        observed = enum_words(transit)
        findings.failed(
            ReasonCode.ALREADY_IN_TRANSIT, "with_customer", observed, accepted
        )
    if in_service_area:
        findings.passed(_GATE, "in_service_area", "inside", "inside")
    else:
        findings.failed(
            ReasonCode.OUTSIDE_SERVICE_AREA, "in_service_area", "outside", "inside"
        )


def _check_scope(
    findings: Findings, item: ReturnItem, policy: Policy | None, tenant: TenantId
) -> None:
    if policy is None:
        for name in (
            "single_item_return",
            "segment_allowed",
            "in_rollout",
            "policy_acts",
        ):
            findings.skipped(_GATE, name, _NO_POLICY)
        return
    count = str(item.order_return_count)
    if item.order_return_count > 1 and not policy.allow_multi_item_returns:
        findings.failed(ReasonCode.MULTI_ITEM_RETURN, "single_item_return", count, "1")
    else:
        accepted = "any" if policy.allow_multi_item_returns else "1"
        findings.passed(_GATE, "single_item_return", count, accepted)
    segments = segments_words(policy.segments)
    if policy.segments and item.segment not in policy.segments:
        findings.failed(
            ReasonCode.SEGMENT_NOT_ALLOWED,
            "segment_allowed",
            item.segment or "none",
            segments,
        )
    else:
        findings.passed(_GATE, "segment_allowed", item.segment or "none", segments)
    share = share_words(policy.rollout_at(findings.now_us))
    widens_us = policy.next_step_us(findings.now_us)
    if widens_us is not None:
        findings.holds_until(widens_us)
    if in_rollout(tenant, item.customer_id, policy, findings.now_us):
        findings.passed(_GATE, "in_rollout", "in", share)
    else:
        findings.failed(ReasonCode.NOT_IN_ROLLOUT, "in_rollout", "out", share)
    if policy.mode is Mode.SHADOW:
        findings.failed(ReasonCode.SHADOW_MODE, "policy_acts", "shadow", "act")
    else:
        findings.passed(_GATE, "policy_acts", "act", "act")


def volume_check(
    findings: Findings, policy: Policy | None, admission: Admission
) -> None:
    """Add the check of the volume cap."""
    if policy is None:
        findings.skipped(_GATE, VOLUME_CHECK, _NO_POLICY)
        return
    words = cap_words(policy.volume_cap)
    if policy.volume_cap is None:
        findings.passed(_GATE, VOLUME_CHECK, words, words)
    elif admission is Admission.ADMITTED:
        findings.passed(_GATE, VOLUME_CHECK, "in", words)
    elif admission is Admission.REFUSED:
        findings.failed(ReasonCode.VOLUME_CAP_REACHED, VOLUME_CHECK, "out", words)
    else:
        # Asked last, and once: it takes a place away from somebody else.
        findings.skipped(_GATE, VOLUME_CHECK, _NOT_ASKED)
