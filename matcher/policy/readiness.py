"""What is missing before a policy version may come into force."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from matcher.domain.errors import Shortfall
from matcher.domain.policy import StepLimits
from matcher.domain.policy_change import Dimension, Direction, PolicyChange
from matcher.domain.program import SignOff, SignOffItem
from matcher.policy.comparison import to_acknowledge
from matcher.policy.words import metres_words, share_words

#: Kind of a shortfall: a widening that nobody said is meant (R27).
ACKNOWLEDGEMENT = "ACKNOWLEDGEMENT"

#: Kind of a shortfall: an item that nobody has signed for (R34).
SIGN_OFF = "SIGN_OFF"

_SIGNED_FOR = {
    SignOffItem.OWNER: "who answers for the version has agreed to it",
    SignOffItem.CUSTOMER_COPY: "somebody has read what customers are told",
    SignOffItem.SUPPORT_SCRIPTS: "support has its scripts, one for every reason",
}


def shortfalls(
    changes: Collection[PolicyChange],
    limits: StepLimits,
    acknowledged: Collection[Dimension],
    sign_offs: Collection[SignOff],
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
    sign_offs
        Who signed for what.

    Returns
    -------
    tuple of Shortfall
        By dimension, then by item; empty if the version may come into force.
    """
    signed = {each.item for each in sign_offs}
    unsigned = tuple(
        Shortfall(SIGN_OFF, item.name, words)
        for item, words in _SIGNED_FOR.items()
        if item not in signed
    )
    wide = tuple(
        Shortfall(
            ACKNOWLEDGEMENT, dimension.name, _widening(changes, dimension, limits)
        )
        for dimension in to_acknowledge(changes, limits)
        if dimension not in acknowledged
    )
    return wide + unsigned


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
