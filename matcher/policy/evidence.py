"""The evidence for a next step in words."""

from __future__ import annotations

from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.policy import BASIS_POINTS
from matcher.policy.words import share_words


def evidence_words(thresholds: EvidenceThresholds | None) -> str:
    """Return what is asked for, or ``none``."""
    if thresholds is None:
        return "none"
    asked = []
    if thresholds.min_outcome_count:
        asked.append(f"{thresholds.min_outcome_count:,} known outcomes")
    if thresholds.max_complaint_basis_points < BASIS_POINTS:
        share = share_words(thresholds.max_complaint_basis_points)
        asked.append(f"at most {share} complaints")
    if thresholds.min_matched_basis_points:
        share = share_words(thresholds.min_matched_basis_points)
        asked.append(f"at least {share} of eligible items matched")
    if thresholds.min_in_force_days:
        asked.append(f"{thresholds.min_in_force_days:,} days in force")
    return ", ".join(asked) or "none"
