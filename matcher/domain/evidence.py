"""What has to be shown before the next step of a rollout (R28)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matcher.domain.errors import FieldViolation

OUTCOME_COUNT_MAX = 1_000_000_000
IN_FORCE_DAYS_MAX = 3_650

_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class EvidenceThresholds:
    """
    Least and greatest figures of a version's report; the defaults ask for nothing.

    Parameters
    ----------
    min_outcome_count
        Hand-overs whose outcome is known.
    max_complaint_basis_points
        Share of them with a complaint or a refusal, among those whose buyer responded.
    min_matched_basis_points
        Share of the eligible items that were matched.
    min_in_force_days
        Days, in all, that the version was in force.
    """

    min_outcome_count: int = 0
    max_complaint_basis_points: int = _BASIS_POINTS
    min_matched_basis_points: int = 0
    min_in_force_days: int = 0


def evidence_violations(
    thresholds: EvidenceThresholds | None,
) -> Iterator[FieldViolation]:
    """Yield the figures that are out of range."""
    if thresholds is None:
        return
    for name, high in (
        ("min_outcome_count", OUTCOME_COUNT_MAX),
        ("max_complaint_basis_points", _BASIS_POINTS),
        ("min_matched_basis_points", _BASIS_POINTS),
        ("min_in_force_days", IN_FORCE_DAYS_MAX),
    ):
        value = getattr(thresholds, name)
        if not 0 <= value <= high:
            yield FieldViolation(
                f"evidence_thresholds.{name}", str(value), f"0 to {high:,}"
            )
