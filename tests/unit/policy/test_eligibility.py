"""Gate 2, check by check: what each one sees, what it needs, and how it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.item import Condition, Fact, ItemAttributes, ReturnReason
from matcher.domain.policy import Policy
from matcher.domain.reason import CheckResult, Gate, ReasonCode
from matcher.domain.return_item import ReturnItem, TransitState
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import GateReport, evaluate_gates
from tests.scenarios import NOW_US, TENANT, policy, return_item, rule, verification

_SOON_US = NOW_US + 1

# The whole report of the item that passes, in its order: what was seen and what is
# accepted. No name comes twice.
_SEEN = {
    "inspection_passed": ("passed", "passed"),
    "evidence_identified": ("evidence-1", "an evidence id"),
    "evidence_fresh": ("inspected 2026-03-02T11:00:00Z", "at most 7 days old"),
    "evidence_confident": ("0.95", "at least 0.9"),
    "policy_active": ("version 1", "one"),
    "category_allowed": ("apparel", "apparel"),
    "program_running": ("running", "running"),
    "return_reason_allowed": ("fit", "fit, preference"),
    "condition_sufficient": ("like new", "good or better"),
    "not_damaged": ("no", "no"),
    "not_defective": ("no", "no"),
    "not_regulated": ("no", "no"),
    "not_fragile": ("no", "no"),
    "not_end_of_season": ("in season", "in season"),
    "not_custom_made": ("no", "no"),
    "customer_consents": ("yes", "yes"),
    "path_left_open": ("unspecified", "carrier or any"),
    "with_customer": ("with customer", "with customer"),
    "in_service_area": ("inside", "inside"),
    "single_item_return": ("1", "1"),
    "segment_allowed": ("none", "every segment"),
    "in_rollout": ("in", "100.00 %"),
    "policy_acts": ("act", "act"),
    "sku_demand_sufficient": ("any", "any"),
    "within_volume_cap": ("none", "none"),
}


def _report(item: ReturnItem, document: Policy | None) -> GateReport:
    return evaluate_gates(
        item, document, tenant=TENANT, surroundings=Surroundings(), now_us=NOW_US
    )


def _codes(found: GateReport) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]


def _words(found: GateReport, name: str) -> tuple[str, str]:
    (check,) = [each for each in found.checks if each.name == name]
    return check.observed, check.accepted


def test_the_report_of_an_item_that_passes() -> None:
    """Each check once, in this order, with both sides in words (R12, R24)."""
    checks = _report(return_item(), policy()).checks
    found = [(each.name, (each.observed, each.accepted)) for each in checks]
    assert found == list(_SEEN.items())
    assert [each.gate for each in checks] == [Gate.VERIFICATION] * 4 + [
        Gate.ELIGIBILITY
    ] * 21


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        # Rows: the item's end is unknown, now, or a microsecond ahead; columns: the
        # category's, likewise. "." passes, "x" is over, "?" is not known.
        (Fact.UNKNOWN, ("?x.", "xxx", ".x.")),
        (Fact.YES, ("xxx", "xxx", "xxx")),
        (Fact.NO, (".x.", "xxx", ".x.")),
    ],
)
def test_the_season_is_judged_by_every_word_on_it(
    fact: Fact, expected: tuple[str, ...]
) -> None:
    """A fact, the item's end, the category's: any of them can end it (R8, R17)."""
    ends = (None, NOW_US, _SOON_US)
    codes = {
        "?": [ReasonCode.INSUFFICIENT_EVIDENCE],
        "x": [ReasonCode.ITEM_END_OF_SEASON],
        ".": [],
    }
    attributes = replace(return_item().attributes, end_of_season=fact)
    for row, of_item in zip(expected, ends, strict=True):
        for sign, of_rule in zip(row, ends, strict=True):
            item = return_item(attributes=attributes, season_end_us=of_item)
            found = _report(item, policy(rule(season_end_us=of_rule)))
            assert _codes(found) == codes[sign], (of_item, of_rule)
            if sign == "." and _SOON_US in (of_item, of_rule):
                assert found.valid_until_us == _SOON_US


@pytest.mark.parametrize(
    ("of_item", "of_rule"), [(5, 9), (9, 5), (5, 5), (5, None), (None, 5)]
)
def test_the_earlier_end_of_the_season_bounds_the_report(
    of_item: int | None, of_rule: int | None
) -> None:
    """Five microseconds ahead on either side, whichever else is set (R17)."""

    def instant_us(ahead_us: int | None) -> int | None:
        return None if ahead_us is None else NOW_US + ahead_us

    item = return_item(season_end_us=instant_us(of_item))
    document = policy(rule(season_end_us=instant_us(of_rule)))
    assert _report(item, document).valid_until_us == NOW_US + 5


def test_everything_unknown_is_told_at_once() -> None:
    """Twelve things nobody stated, twelve reasons, each by its check (R8, R41)."""
    item = return_item(
        reason=ReturnReason.UNSPECIFIED,
        condition=Condition.UNSPECIFIED,
        attributes=ItemAttributes(),
        transit_state=TransitState.UNSPECIFIED,
        verification=verification(evidence_id="", confidence=None, verify_us=None),
    )
    found = _report(item, policy())
    failed = [each for each in found.checks if each.result is CheckResult.FAILED]
    assert {each.name for each in failed} == {
        "evidence_identified",
        "evidence_fresh",
        "evidence_confident",
        "return_reason_allowed",
        "condition_sufficient",
        "not_damaged",
        "not_defective",
        "not_regulated",
        "not_fragile",
        "not_end_of_season",
        "not_custom_made",
        "with_customer",
    }
    assert set(_codes(found)) == {ReasonCode.INSUFFICIENT_EVIDENCE}
    assert len(found.reasons) == len(failed)
    assert len({reason.text for reason in found.reasons}) == len(failed)


_NEEDS_RULE = {
    "evidence_confident",
    "return_reason_allowed",
    "condition_sufficient",
    "sku_demand_sufficient",
}
_NEEDS_POLICY = {
    "category_allowed",
    "single_item_return",
    "segment_allowed",
    "in_rollout",
    "policy_acts",
    "within_volume_cap",
}


@pytest.mark.parametrize(
    ("document", "failed", "skipped"),
    [
        (policy(rule(category="toys")), {"category_allowed"}, _NEEDS_RULE),
        (None, {"policy_active"}, _NEEDS_RULE | _NEEDS_POLICY),
    ],
    ids=["closed category", "no policy"],
)
def test_what_can_be_judged_without_a_rule_is_judged(
    document: Policy | None, failed: set[str], skipped: set[str]
) -> None:
    """Only what the missing document would say is skipped; all else passes (R27)."""
    checks = _report(return_item(), document).checks
    assert {c.name for c in checks if c.result is CheckResult.FAILED} == failed
    assert {c.name for c in checks if c.result is CheckResult.SKIPPED} == skipped
    assert len(checks) == len(_SEEN)


@pytest.mark.parametrize("document", [policy(rule(category="toys")), None])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": ReturnReason.DAMAGED}, ReasonCode.ITEM_DAMAGED),
        ({"reason": ReturnReason.DEFECTIVE}, ReasonCode.ITEM_DEFECTIVE),
        ({"reason": ReturnReason.UNSPECIFIED}, ReasonCode.INSUFFICIENT_EVIDENCE),
        ({"condition": Condition.UNSPECIFIED}, ReasonCode.INSUFFICIENT_EVIDENCE),
        ({"season_end_us": NOW_US}, ReasonCode.ITEM_END_OF_SEASON),
        (
            {"attributes": replace(return_item().attributes, custom_made=Fact.YES)},
            ReasonCode.ITEM_CUSTOM_MADE,
        ),
    ],
)
def test_the_item_is_judged_without_a_rule_too(
    document: Policy | None, changes: dict[str, Any], code: ReasonCode
) -> None:
    """The missing rule is one reason, the item's own fault the other (R16, R41)."""
    first = ReasonCode.CATEGORY_NOT_ALLOWED if document else ReasonCode.NO_ACTIVE_POLICY
    assert _codes(_report(return_item(**changes), document)) == [first, code]


@pytest.mark.parametrize("count", [20, 21])
def test_long_lists_are_cut_at_twenty(count: int) -> None:
    """Sorted, so that a text never depends on how a policy was written down."""
    names = tuple(f"name-{number:02}" for number in reversed(range(count)))
    document = policy(*(rule(category=name) for name in names), segments=names)
    item = return_item(category="name-00", segment="name-00")
    shown = ", ".join(sorted(names)[:20]) + (" and 1 more" if count > 20 else "")
    found = _report(item, document)
    assert found.passed
    assert _words(found, "category_allowed") == ("name-00", shown)
    assert _words(found, "segment_allowed") == ("name-00", shown)


def test_a_policy_that_opens_nothing_says_so() -> None:
    """No category at all is not an empty text."""
    found = _report(return_item(), replace(policy(), categories=()))
    assert _words(found, "category_allowed") == ("apparel", "none")


def test_allowed_reasons_are_told_in_one_order() -> None:
    """By the number of the contract, in whatever order the rule lists them."""
    listed = (ReturnReason.ARRIVED_LATE, ReturnReason.FIT)
    found = _report(return_item(), policy(rule(reasons=listed)))
    assert _words(found, "return_reason_allowed") == ("fit", "fit, arrived late")


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        (
            {"transit_state": TransitState.IN_TRANSIT},
            "with_customer",
            ("in transit", "with customer"),
        ),
        ({"order_return_count": 2}, "single_item_return", ("2", "1")),
        ({"reason": ReturnReason.OTHER}, "return_reason_allowed", ("other",)),
    ],
)
def test_what_was_seen_is_in_words(
    changes: dict[str, Any], name: str, words: tuple[str, ...]
) -> None:
    """Not in the names of constants where those have more than one word (R12)."""
    found = _report(return_item(**changes), policy())
    assert _words(found, name)[: len(words)] == words


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"allow_multi_item_returns": True}, "single_item_return", ("1", "any")),
        ({"rollout_basis_points": 1}, "in_rollout", ("out", "0.01 %")),
        ({"segments": ("vip", "staff")}, "segment_allowed", ("none", "staff, vip")),
        ({"version": 7}, "policy_active", ("version 7", "one")),
    ],
)
def test_the_policy_is_in_words(
    changes: dict[str, Any], name: str, words: tuple[str, str]
) -> None:
    """The limit as the policy has it: a hundredth of a percent is not zero (R12)."""
    assert _words(_report(return_item(), policy(**changes)), name) == words
