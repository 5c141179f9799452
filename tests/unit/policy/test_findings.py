"""A list of checks in the making: nothing is lost, reworded or reordered."""

from __future__ import annotations

from itertools import permutations

import pytest

from matcher.domain.reason import Check, CheckResult, Gate, Reason, ReasonCode
from matcher.policy.findings import Findings
from matcher.policy.wording import stated
from tests.scenarios import NOW_US

_END_US = NOW_US + 100


def _findings() -> Findings:
    return Findings(now_us=NOW_US, valid_until_us=_END_US)


def test_each_way_to_end_is_noted_as_it_was_told() -> None:
    """Passed, failed, unknown, skipped: all fields, in the order of the calls (R12)."""
    found = _findings()
    found.passed(Gate.VERIFICATION, "first", "seen", "taken")
    found.passed(Gate.VERIFICATION, "second", "seen", "taken", "photo-1")
    found.failed(ReasonCode.VERIFICATION_EXPIRED, "third", "old", "new", "photo-2")
    found.unknown(Gate.ELIGIBILITY, "fourth", "whether it is so", "a fact")
    found.skipped(Gate.ELIGIBILITY, "fifth", "needs the fourth")
    ver, eli, none = Gate.VERIFICATION, Gate.ELIGIBILITY, ReasonCode.UNSPECIFIED
    expired, unknown = (
        ReasonCode.VERIFICATION_EXPIRED,
        ReasonCode.INSUFFICIENT_EVIDENCE,
    )
    passed, failed = CheckResult.PASSED, CheckResult.FAILED
    assert found.checks == [
        Check(ver, "first", passed, "seen", "taken", none, ""),
        Check(ver, "second", passed, "seen", "taken", none, "photo-1"),
        Check(ver, "third", failed, "old", "new", expired, "photo-2"),
        Check(eli, "fourth", failed, "unknown", "a fact", unknown, ""),
        Check(eli, "fifth", CheckResult.SKIPPED, "", "needs the fourth", none, ""),
    ]
    assert found.reasons == [
        stated(expired, observed="old", accepted="new"),
        stated(unknown, observed="whether it is so", accepted="a fact"),
    ]
    assert found.valid_until_us == _END_US


@pytest.mark.parametrize(
    ("code", "gate"),
    [
        (ReasonCode.VERIFICATION_FAILED, Gate.VERIFICATION),
        (ReasonCode.ITEM_FRAGILE, Gate.ELIGIBILITY),
    ],
)
def test_a_failure_belongs_to_the_gate_of_its_code(
    code: ReasonCode, gate: Gate
) -> None:
    """The caller names the code only, so check and reason cannot disagree (R5)."""
    found = _findings()
    found.failed(code, "name", "seen", "taken")
    assert [(each.gate, each.reason) for each in found.checks] == [(gate, code)]


def test_the_unknown_belongs_to_the_gate_that_asked() -> None:
    """Its code is numbered with gate 1, yet gate 2 may be what lacks a fact (R5)."""
    for gate in (Gate.VERIFICATION, Gate.ELIGIBILITY):
        found = _findings()
        found.unknown(gate, "name", "what", "a fact")
        assert [each.gate for each in found.checks] == [gate]


def test_the_earliest_end_counts() -> None:
    """Whichever is told first, and never later than what stood before (R17)."""
    for ends in permutations((_END_US + 1, NOW_US + 30, NOW_US + 20)):
        found = _findings()
        for end_us in ends:
            found.holds_until(end_us)
        assert found.valid_until_us == NOW_US + 20
    found = _findings()
    found.holds_until(_END_US + 1)
    assert found.valid_until_us == _END_US


def test_two_lists_share_nothing() -> None:
    """A passed check may be one value for many items; the lists are their own (R3)."""
    first, second = _findings(), _findings()
    for found in (first, second):
        found.passed(Gate.ELIGIBILITY, "name", "seen", "taken")
    first.failed(ReasonCode.ITEM_FRAGILE, "other", "yes", "no")
    assert first.checks[0] is second.checks[0]
    assert len(second.checks) == 1
    assert second.reasons == []


def test_equal_words_of_another_check_are_another_check() -> None:
    """What is kept of passed checks tells gate, name, seen and accepted apart."""
    found = _findings()
    told = [
        (Gate.VERIFICATION, "a", "b", "c"),
        (Gate.ELIGIBILITY, "a", "b", "c"),
        (Gate.VERIFICATION, "b", "a", "c"),
        (Gate.VERIFICATION, "a", "c", "b"),
    ]
    for each in told:
        found.passed(*each)
    assert [(c.gate, c.name, c.observed, c.accepted) for c in found.checks] == told


def test_hostile_values_reach_the_sentence_as_text() -> None:
    """A category named like a field of a sentence is no field of it."""
    found = _findings()
    hostile = "{accepted}{observed!r:>9}{0}{"
    found.failed(ReasonCode.CATEGORY_NOT_ALLOWED, "name", hostile, "toys")
    text = f"The policy does not open the category {hostile}."
    assert found.reasons == [Reason(ReasonCode.CATEGORY_NOT_ALLOWED, text)]
