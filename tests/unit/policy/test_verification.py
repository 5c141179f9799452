"""Gate 1 at the instants where evidence begins and ceases to count."""

from __future__ import annotations

from typing import Any

import pytest

from matcher.domain.reason import CheckResult, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.policy.gates import GateReport, evaluate_gates
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
        in_service_area=True,
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
