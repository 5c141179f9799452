"""Whether the evidence for the next step of a rollout is there (R28)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.policy import BASIS_POINTS
from matcher.domain.program import ProgramEvent
from matcher.report.funnel import Funnel
from matcher.report.share import Share

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class EvidenceFinding:
    """One threshold: what was seen, what is asked, and whether it is met."""

    name: str
    observed: str
    asked: str
    is_met: bool


def evidence_findings(
    thresholds: EvidenceThresholds | None, funnel: Funnel, in_force_us: int
) -> tuple[EvidenceFinding, ...]:
    """Return a finding for each threshold that asks for something, in their order."""
    if thresholds is None:
        return ()
    found: list[EvidenceFinding] = []
    if least := thresholds.min_outcome_count:
        found.append(
            EvidenceFinding(
                "min_outcome_count",
                f"{funnel.known:,} known outcomes",
                f"at least {least:,}",
                funnel.known >= least,
            )
        )
    complaints = Share(funnel.complained, funnel.responded)
    if (most := thresholds.max_complaint_basis_points) < BASIS_POINTS:
        # Without a response there is no evidence of anything.
        found.append(
            EvidenceFinding(
                "max_complaint_basis_points",
                _share_words(complaints),
                f"at most {most / 100:.2f} %",
                complaints.total > 0
                and complaints.count * BASIS_POINTS <= most * complaints.total,
            )
        )
    matched = Share(funnel.matched, funnel.eligible)
    if least := thresholds.min_matched_basis_points:
        found.append(
            EvidenceFinding(
                "min_matched_basis_points",
                _share_words(matched),
                f"at least {least / 100:.2f} %",
                matched.total > 0
                and matched.count * BASIS_POINTS >= least * matched.total,
            )
        )
    if least := thresholds.min_in_force_days:
        found.append(
            EvidenceFinding(
                "min_in_force_days",
                f"{in_force_us // DAY_US:,} whole days in force",
                f"at least {least:,}",
                in_force_us >= least * DAY_US,
            )
        )
    return tuple(found)


def in_force_us(events: Iterable[ProgramEvent], version: int, now_us: int) -> int:
    """
    Return how long a version was in force by now, all spells together.

    Parameters
    ----------
    events
        The program's log from its beginning.
    version
        The version.
    now_us
        Instant up to which it counts, microseconds since the epoch.
    """
    total, since_us = 0, None
    for event in events:
        if event.happened_us > now_us:
            break
        if since_us is not None:
            total += event.happened_us - since_us
        since_us = event.happened_us if event.policy_version == version else None
    return total if since_us is None else total + now_us - since_us


def _share_words(share: Share) -> str:
    return f"{100 * share.value:.2f} % of {share.total:,}"
