"""When a category is paused by itself: shares of bad outcomes that are too many."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.errors import FieldViolation

#: Guardrails count by the UTC day, so their windows are numbers of days.
GUARDRAIL_STEP_US = 86_400_000_000
GUARDRAIL_WINDOW_US_MAX = 90 * GUARDRAIL_STEP_US

#: A share of 10,000 basis points is never exceeded.
THRESHOLD_BASIS_POINTS_MAX = 9_999
SAMPLE_SIZE_MAX = 1_000_000


class GuardrailMetric(IntEnum):
    """Share that a guardrail watches; docs/API.md says of what each is a share."""

    UNSPECIFIED = 0
    COMPLAINT_SHARE = 1
    NOT_AS_VERIFIED_SHARE = 2
    LOST_SHARE = 3
    HOLD_EXPIRED_SHARE = 4


@dataclass(frozen=True, slots=True)
class Guardrail:
    """
    Pauses a category once a share passes a threshold.

    Parameters
    ----------
    category
        What is watched and paused; empty is the whole program.
    metric
        The share.
    threshold_basis_points
        The greatest share that is borne; one more outcome above it pauses.
    sample_size_min
        Fewer in the window pause nothing.
    window_us
        Whole UTC days that count, the day of the outcome included.
    """

    category: str
    metric: GuardrailMetric
    threshold_basis_points: int
    sample_size_min: int
    window_us: int


def guardrail_violations(
    guardrails: Sequence[Guardrail], categories: Collection[str]
) -> Iterator[FieldViolation]:
    """Yield what is wrong with the guardrails of a policy that opens categories."""
    seen: set[tuple[str, GuardrailMetric]] = set()
    for index, guardrail in enumerate(guardrails):
        path = f"guardrails[{index}]"
        key = (guardrail.category, guardrail.metric)
        if key in seen:
            yield FieldViolation(
                f"{path}.metric", guardrail.metric.name, "each once for a category"
            )
        seen.add(key)
        if guardrail.category and guardrail.category not in categories:
            yield FieldViolation(
                f"{path}.category",
                repr(guardrail.category),
                "a category of the policy, or empty for the whole program",
            )
        yield from _own_violations(path, guardrail)


def _own_violations(path: str, guardrail: Guardrail) -> Iterator[FieldViolation]:
    if guardrail.metric is GuardrailMetric.UNSPECIFIED:
        names = [metric.name for metric in GuardrailMetric if metric]
        yield FieldViolation(f"{path}.metric", "UNSPECIFIED", ", ".join(names))
    if not 0 <= guardrail.threshold_basis_points <= THRESHOLD_BASIS_POINTS_MAX:
        yield FieldViolation(
            f"{path}.threshold_basis_points",
            str(guardrail.threshold_basis_points),
            f"0 to {THRESHOLD_BASIS_POINTS_MAX:,}",
        )
    if not 1 <= guardrail.sample_size_min <= SAMPLE_SIZE_MAX:
        yield FieldViolation(
            f"{path}.sample_size_min",
            str(guardrail.sample_size_min),
            f"1 to {SAMPLE_SIZE_MAX:,}",
        )
    if (
        not GUARDRAIL_STEP_US <= guardrail.window_us <= GUARDRAIL_WINDOW_US_MAX
        or guardrail.window_us % GUARDRAIL_STEP_US
    ):
        yield FieldViolation(
            f"{path}.window",
            f"{guardrail.window_us / 1e6:g} s",
            "whole days, from one to 90",
        )
