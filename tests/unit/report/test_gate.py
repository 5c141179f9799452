"""The evidence gate and the time in force."""

from __future__ import annotations

import pytest

from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.program import ProgramEvent, ProgramEventKind
from matcher.report.funnel import Funnel
from matcher.report.gate import evidence_findings, in_force_us
from tests.scenarios import DAY_US


def _events(*entries: tuple[int, int]) -> list[ProgramEvent]:
    kind = ProgramEventKind.ACTIVATED
    return [
        ProgramEvent(number, kind, day * DAY_US, version, 0)
        for number, (day, version) in enumerate(entries, 1)
    ]


def test_all_spells_in_force_count():
    """Days 1 to 3 and from 7 to now, 10; a pause within a spell breaks nothing."""
    events = _events((1, 5), (2, 5), (3, 6), (7, 5))
    assert in_force_us(events, 5, 10 * DAY_US) == (2 + 3) * DAY_US
    assert in_force_us(events, 6, 10 * DAY_US) == 4 * DAY_US
    assert in_force_us(events, 9, 10 * DAY_US) == 0


def test_what_is_not_asked_for_is_not_judged():
    """Neither without thresholds nor with those that every report meets."""
    assert evidence_findings(None, Funnel(), 0) == ()
    assert evidence_findings(EvidenceThresholds(), Funnel(), 0) == ()


@pytest.mark.parametrize(
    ("thresholds", "met", "missed"),
    [
        (EvidenceThresholds(5), Funnel(known=5), Funnel(known=4)),
        (
            EvidenceThresholds(max_complaint_basis_points=1_000),
            Funnel(complained=1, responded=10),
            Funnel(complained=101, responded=1_000),
        ),
        (
            EvidenceThresholds(min_matched_basis_points=3_333),
            Funnel(matched=1, eligible=3),
            Funnel(matched=333, eligible=1_000),
        ),
    ],
)
def test_a_threshold_is_met_at_its_very_value(
    thresholds: EvidenceThresholds, met: Funnel, missed: Funnel
):
    """10 % of complaints is at most 10 %, 10.1 % is not; nor 33.3 % 33.33 % (R28)."""
    assert [each.is_met for each in evidence_findings(thresholds, met, 0)] == [True]
    assert [each.is_met for each in evidence_findings(thresholds, missed, 0)] == [False]


def test_without_a_sample_no_share_is_met():
    """Nobody complained because nobody was asked: no evidence."""
    thresholds = EvidenceThresholds(
        max_complaint_basis_points=0, min_matched_basis_points=1
    )
    found = evidence_findings(thresholds, Funnel(), 0)
    assert [each.is_met for each in found] == [False, False]
