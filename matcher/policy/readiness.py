"""What is missing before a policy version may come into force."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from matcher.domain.errors import Shortfall
from matcher.domain.policy import StepLimits
from matcher.domain.policy_change import Dimension, Direction, PolicyChange
from matcher.policy.comparison import to_acknowledge
from matcher.policy.words import metres_words, share_words

#: Kind of a shortfall: a widening that nobody said is meant (R27).
ACKNOWLEDGEMENT = "ACKNOWLEDGEMENT"


def shortfalls(
    changes: Collection[PolicyChange],
    limits: StepLimits,
    acknowledged: Collection[Dimension],
) -> tuple[Shortfall, ...]:
    """
    Return what stands in the way of a version, all of it at once.

    Parameters
    ----------
    changes
        Against the version in force.
    limits
        How wide one step is; those of the version in force, not of the new one.
    acknowledged
        Dimensions whose widening is meant.

    Returns
    -------
    tuple of Shortfall
        By dimension; empty if the version may come into force.
    """
    return tuple(
        Shortfall(
            ACKNOWLEDGEMENT, dimension.name, _widening(changes, dimension, limits)
        )
        for dimension in to_acknowledge(changes, limits)
        if dimension not in acknowledged
    )


def _widening(
    changes: Iterable[PolicyChange], dimension: Dimension, limits: StepLimits
) -> str:
    wider = [
        f"{change.path}: {change.before} -> {change.after}"
        for change in changes
        if change.dimension is dimension and change.direction is Direction.WIDER
    ]
    allowed = {
        Dimension.ROLLOUT: share_words(limits.rollout_basis_points),
        Dimension.VOLUME_CAP: share_words(limits.rollout_basis_points),
        Dimension.RADIUS: metres_words(limits.radius_m),
        Dimension.CATEGORY: f"{limits.category_count:,} categories",
    }.get(dimension, "nothing")
    more = f" and {len(wider) - 3} more" if len(wider) > 3 else ""
    return (
        f"{'; '.join(wider[:3])}{more}; one step widens by {allowed} at most unless "
        f"{dimension.name} is acknowledged"
    )
