"""What an outcome counts as, and whether a share of bad ones is too large."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.domain.guardrail import (
    GUARDRAIL_STEP_US,
    Guardrail,
    GuardrailMetric,
)
from matcher.domain.item import Condition
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.domain.policy import BASIS_POINTS, Policy
from matcher.domain.policy_change import Dimension, Direction, PolicyChange
from matcher.policy.words import duration_words, enum_words, share_words

#: Of what each metric is a share, in words.
SHARE_OF = {
    GuardrailMetric.COMPLAINT_SHARE: "hand-overs whose buyer responded",
    GuardrailMetric.NOT_AS_VERIFIED_SHARE: "hand-overs with a grade on arrival",
    GuardrailMetric.LOST_SHARE: "hand-overs that arrived or were lost",
    GuardrailMetric.HOLD_EXPIRED_SHARE: "holds that ended",
}

_BAD_RESPONSES = (BuyerResponse.COMPLAINED, BuyerResponse.REFUSED)


def is_complaint(outcome: ItemOutcome) -> bool:
    """Return whether the buyer complained or refused the item."""
    return outcome.response in _BAD_RESPONSES


def is_not_as_verified(outcome: ItemOutcome, verified: Condition) -> bool:
    """Return whether the item arrived in a worse grade than it was verified in."""
    return Condition.UNSPECIFIED < outcome.condition < verified


def tallies(
    outcome: ItemOutcome, verified: Condition
) -> tuple[tuple[GuardrailMetric, bool], ...]:
    """
    Return in which metrics an outcome counts, and where it counts as bad.

    Parameters
    ----------
    outcome
        What became of a hand-over.
    verified
        Grade in which the item was submitted.
    """
    found: list[tuple[GuardrailMetric, bool]] = []
    if outcome.response:
        found.append((GuardrailMetric.COMPLAINT_SHARE, is_complaint(outcome)))
    if outcome.condition:
        worse = is_not_as_verified(outcome, verified)
        found.append((GuardrailMetric.NOT_AS_VERIFIED_SHARE, worse))
    if outcome.arrival:
        lost = outcome.arrival is Arrival.LOST
        found.append((GuardrailMetric.LOST_SHARE, lost))
    return tuple(found)


def first_day(guardrail: Guardrail, now_us: int) -> int:
    """Return the first UTC day of a guardrail's window, in days since the epoch."""
    return (now_us - guardrail.window_us) // GUARDRAIL_STEP_US + 1


def is_crossed(guardrail: Guardrail, bad_count: int, total_count: int) -> bool:
    """Return whether a share is above the threshold, in a sample large enough."""
    return (
        total_count >= guardrail.sample_size_min
        and bad_count * BASIS_POINTS > guardrail.threshold_basis_points * total_count
    )


def crossed_words(guardrail: Guardrail, bad_count: int, total_count: int) -> str:
    """Return why a guardrail paused, with its figures."""
    return (
        f"{enum_words(guardrail.metric)} {100 * bad_count / total_count:.2f} % "
        f"({bad_count:,} of {total_count:,} {SHARE_OF[guardrail.metric]} in "
        f"{duration_words(guardrail.window_us)}) is above "
        f"{share_words(guardrail.threshold_basis_points)}"
    )


def guardrail_words(guardrail: Guardrail) -> str:
    """Return what a guardrail bears."""
    return (
        f"at most {share_words(guardrail.threshold_basis_points)} of at least "
        f"{guardrail.sample_size_min:,} {SHARE_OF[guardrail.metric]} in "
        f"{duration_words(guardrail.window_us)}"
    )


def guardrail_lines(policy: Policy) -> Iterator[str]:
    """Yield a sentence for each guardrail of a policy."""
    for each in policy.guardrails:
        subject = f"Category {each.category}" if each.category else "The whole program"
        yield (
            f"{subject} is paused by itself unless {enum_words(each.metric)} stays at "
            f"{guardrail_words(each)}."
        )


def guardrail_changes(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    """Yield how guardrails differ; one that bears more, or is gone, is wider."""
    old = {(each.category, each.metric): each for each in before.guardrails}
    new = {(each.category, each.metric): each for each in after.guardrails}
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if was != now:
            category, metric = key
            yield PolicyChange(
                Dimension.GUARDRAILS,
                _direction(was, now),
                f"guardrails[{category}:{metric.name}]",
                guardrail_words(was) if was else "none",
                guardrail_words(now) if now else "none",
            )


def _direction(was: Guardrail | None, now: Guardrail | None) -> Direction:
    if was is None:
        return Direction.NARROWER
    if now is None:
        return Direction.WIDER
    bears_more = (
        now.threshold_basis_points > was.threshold_basis_points
        or now.sample_size_min > was.sample_size_min
    )
    if bears_more:
        return Direction.WIDER
    # Another window alone may count more or fewer.
    return Direction.NARROWER if now.window_us == was.window_us else Direction.OTHER
