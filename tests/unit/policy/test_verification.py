"""Gate 1 at the instants where evidence begins and ceases to count."""

from __future__ import annotations

from typing import Any

import pytest

from matcher.domain.item import VerificationStatus
from matcher.domain.reason import Check, CheckResult, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import FOREVER_US, GateReport, evaluate_gates
from matcher.policy.verification import CLOCK_SKEW_US
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    TENANT,
    policy,
    return_item,
    rule,
    verification,
)

_AGE_US = 7 * DAY_US


def _report(item: ReturnItem, now_us: int = NOW_US, **of_rule: Any) -> GateReport:
    return evaluate_gates(
        item,
        policy(rule(**of_rule)),
        tenant=TENANT,
        surroundings=Surroundings(True),
        now_us=now_us,
    )


def _codes(found: GateReport) -> list[ReasonCode]:
    return [reason.code for reason in found.reasons]


@pytest.mark.parametrize(
    ("verify_us", "expected"),
    [
        (NOW_US - _AGE_US, []),
        (NOW_US - _AGE_US - 1, [ReasonCode.VERIFICATION_EXPIRED]),
        (NOW_US, []),
        (NOW_US + CLOCK_SKEW_US, []),
        (NOW_US + CLOCK_SKEW_US + 1, [ReasonCode.INSUFFICIENT_EVIDENCE]),
    ],
    ids=["age limit", "past it", "just now", "clock skew", "future"],
)
def test_age_is_judged_to_the_microsecond(
    verify_us: int, expected: list[ReasonCode]
) -> None:
    """Seven days exactly still count; five minutes ahead is a clock, more is a lie."""
    item = return_item(verification=verification(verify_us=verify_us))
    assert _codes(_report(item)) == expected


def test_clock_skew_is_five_minutes() -> None:
    """The documented constant."""
    assert CLOCK_SKEW_US == 5 * MINUTE_US


@pytest.mark.parametrize(
    ("expire_us", "passes"), [(NOW_US + 1, True), (NOW_US, False), (NOW_US - 1, False)]
)
def test_expiry_is_the_first_instant_that_no_longer_counts(
    expire_us: int, passes: bool
) -> None:
    """The evidence's own expiry, the instant itself excluded (R8)."""
    item = return_item(verification=verification(expire_us=expire_us))
    assert _report(item).passed is passes


@pytest.mark.parametrize(("confidence", "passes"), [(0.9, True), (0.8999999, False)])
def test_the_least_confidence_is_enough(confidence: float, passes: bool) -> None:
    """The category's floor itself passes (R9)."""
    item = return_item(verification=verification(confidence=confidence))
    assert _report(item, min_confidence=0.9).passed is passes


def test_later_checks_are_skipped_after_a_failed_inspection() -> None:
    """They have nothing to look at, and say so."""
    item = return_item(verification=None)
    results = {each.name: each.result for each in _report(item).checks}
    assert results["inspection_passed"] is CheckResult.FAILED
    for name in ("evidence_identified", "evidence_fresh", "evidence_confident"):
        assert results[name] is CheckResult.SKIPPED


@pytest.mark.parametrize(
    ("evidence", "season_end_us", "valid_until_us"),
    [
        ({}, None, NOW_US - HOUR_US + _AGE_US + 1),
        ({"expire_us": NOW_US + 5}, None, NOW_US + 5),
        ({"expire_us": NOW_US + 5}, NOW_US + 3, NOW_US + 3),
    ],
    ids=["age", "expiry", "season"],
)
def test_a_report_tells_until_when_it_is_true(
    evidence: dict[str, Any], season_end_us: int | None, valid_until_us: int
) -> None:
    """The earliest end of all; a microsecond before it the report is the same."""
    item = return_item(
        verification=verification(**evidence), season_end_us=season_end_us
    )
    found = _report(item)
    assert found.valid_until_us == valid_until_us
    assert _report(item, valid_until_us - 1) == found
    assert not _report(item, valid_until_us).passed


def _check(found: GateReport, name: str) -> Check:
    (check,) = [each for each in found.checks if each.name == name]
    return check


@pytest.mark.parametrize(
    ("evidence", "name", "observed", "accepted"),
    [
        (
            {"status": VerificationStatus.FAILED},
            "inspection_passed",
            "failed",
            "passed",
        ),
        (
            {"status": VerificationStatus.PENDING},
            "inspection_passed",
            "pending",
            "passed",
        ),
        ({"confidence": 0.5}, "evidence_confident", "0.5", "at least 0.9"),
        (
            {"verify_us": NOW_US - 8 * DAY_US},
            "evidence_fresh",
            "inspected 2026-02-22T12:00:00Z, judged 2026-03-02T12:00:00Z",
            "at most 7 days old",
        ),
        (
            {"verify_us": NOW_US + HOUR_US},
            "evidence_fresh",
            "inspected in the future",
            "a time of inspection that has come",
        ),
        # Dated a minute ahead by a wrong clock and expired all the same.
        (
            {"verify_us": NOW_US + MINUTE_US, "expire_us": NOW_US},
            "evidence_fresh",
            "inspected 2026-03-02T12:01:00Z, judged 2026-03-02T12:00:00Z",
            "at most 7 days old and before 2026-03-02T12:00:00Z",
        ),
    ],
)
def test_a_failed_check_names_values_and_evidence(
    evidence: dict[str, Any], name: str, observed: str, accepted: str
) -> None:
    """Support reads what was seen, what is accepted, and where to look (R8, R12)."""
    item = return_item(verification=verification(**evidence))
    check = _check(_report(item), name)
    assert check.result is CheckResult.FAILED
    assert (check.observed, check.accepted) == (observed, accepted)
    assert check.evidence_id == "evidence-1"


@pytest.mark.parametrize(
    ("expire_us", "result", "valid_until_us"),
    [
        (None, CheckResult.PASSED, FOREVER_US),
        (NOW_US + 1, CheckResult.PASSED, NOW_US + 1),
        (NOW_US, CheckResult.FAILED, FOREVER_US),
    ],
)
def test_without_a_rule_only_its_own_expiry_counts(
    expire_us: int | None, result: CheckResult, valid_until_us: int
) -> None:
    """No category, no age limit and no floor: a century old may be fresh (R12)."""
    old = verification(verify_us=NOW_US - 36_525 * DAY_US, expire_us=expire_us)
    found = evaluate_gates(
        return_item(verification=old),
        None,
        tenant=TENANT,
        surroundings=Surroundings(True),
        now_us=NOW_US,
    )
    assert _check(found, "evidence_fresh").result is result
    assert _check(found, "evidence_confident").result is CheckResult.SKIPPED
    assert found.valid_until_us == valid_until_us
    assert not found.passed


@pytest.mark.parametrize("verify_us", [-(2**63), -1, 0, 2**63 - 1])
def test_an_instant_of_any_size_is_judged(verify_us: int) -> None:
    """Long gone or far ahead, to the ends of 64 bits: refused, and no error (R8)."""
    item = return_item(verification=verification(verify_us=verify_us))
    (code,) = _codes(_report(item))
    assert code is (
        ReasonCode.INSUFFICIENT_EVIDENCE
        if verify_us > NOW_US
        else ReasonCode.VERIFICATION_EXPIRED
    )


def test_an_age_limit_without_end_never_ends_a_report_too_late() -> None:
    """The longest limit that 64 bits hold: the report holds for ever, and no longer."""
    found = _report(return_item(), verification_max_age_us=2**63 - 1)
    assert found.passed
    assert found.valid_until_us == FOREVER_US
