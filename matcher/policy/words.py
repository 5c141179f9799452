"""Values of a policy in words: the gates, the diff and the rendering use the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

from matcher.domain.instant import utc_text
from matcher.domain.item import Condition, ReturnReason
from matcher.domain.justification import Justification
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import (
    BASIS_POINTS,
    LocaleMessages,
    Policy,
    VolumeCap,
    ZoneRate,
)

_NAMES_MAX = 20
_UNITS = (
    (86_400_000_000, "day"),
    (3_600_000_000, "hour"),
    (60_000_000, "minute"),
    (1_000_000, "second"),
)


def enum_words(value: IntEnum) -> str:
    """Return a value of an enum: ``no longer needed``."""
    return value.name.lower().replace("_", " ")


def plain_words(value: object) -> str:
    """Return a number, a flag or a text as it is; an empty text as ``none``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value) or "none"


def metres_words(metres: int) -> str:
    """Return a distance: ``10,000 m``."""
    return f"{metres:,} m"


def micros_words(micros: int) -> str:
    """Return an amount in micros of the policy's currency."""
    return f"{micros:,} micros"


def duration_words(duration_us: int) -> str:
    """Return a duration in the largest unit that leaves no rest: ``36 hours``."""
    for size_us, unit in _UNITS:
        if duration_us and duration_us % size_us == 0:
            count = duration_us // size_us
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"{duration_us / 1e6:g} seconds"


def instant_words(instant_us: int | None) -> str:
    """Return an instant, or ``none``."""
    return "none" if instant_us is None else utc_text(instant_us)


@lru_cache(maxsize=1_000)
def share_words(basis_points: int) -> str:
    """Return a share in percent, both digits of a hundredth shown."""
    return f"{basis_points * 100 / BASIS_POINTS:.2f} %"


def names_words(names: Iterable[str]) -> str:
    """Return names in order, the first twenty of them; ``none`` if there are none."""
    return ordered_words(sorted(names))


def ordered_words(names: Sequence[str]) -> str:
    """Return names that are in order; looks at twenty of however many there are."""
    if not names:
        return "none"
    more = len(names) - _NAMES_MAX
    shown = ", ".join(names[:_NAMES_MAX])
    return f"{shown} and {more:,} more" if more > 0 else shown


def segments_words(segments: Iterable[str]) -> str:
    """Return the segments that are let in; none named is every one."""
    listed = list(segments)
    return names_words(listed) if listed else "every segment"


def reasons_words(reasons: Iterable[ReturnReason]) -> str:
    """Return the return reasons that are taken, in the order of the contract."""
    return ", ".join(enum_words(reason) for reason in sorted(reasons)) or "none"


def floor_words(condition: Condition) -> str:
    """Return the conditions that are taken."""
    return f"{enum_words(condition)} or better"


# Asked for every item, of the few values that a policy has.
@lru_cache(maxsize=1_000)
def age_words(max_age_us: int) -> str:
    """Return how old evidence may be."""
    return f"at most {duration_words(max_age_us)} old"


def confidence_words(min_confidence: float) -> str:
    """Return how sure evidence has to be."""
    return f"at least {min_confidence}"


def cap_words(cap: VolumeCap | None) -> str:
    """Return a volume cap."""
    if cap is None:
        return "none"
    window = duration_words(cap.window_us)
    return f"{share_words(cap.basis_points)} of eligible items in {window}"


_PER = {
    LimitScope.SKU: " for a SKU",
    LimitScope.ZONE: " in a zone of resolution {}",
    LimitScope.WAREHOUSE: " past a warehouse",
}


def limit_words(limits: Iterable[MatchLimit]) -> str:
    """Return match limits: ``20 matches a UTC day in a zone of resolution 7``."""
    return _limit_words(tuple(limits))


# Asked for every item, of the few limits that a policy has.
@lru_cache(maxsize=1_000)
def _limit_words(limits: tuple[MatchLimit, ...]) -> str:
    return (
        "; ".join(
            f"{each.count_max:,} match{'' if each.count_max == 1 else 'es'} a UTC day"
            + _PER.get(each.scope, "").format(each.resolution)
            for each in limits
        )
        or "none"
    )


_OBJECTIVES = {
    Objective.MAX_SAVING: "saves more in total",
    Objective.MAX_MATCHES_THEN_SAVING: (
        "makes more matches, and none that makes as many saves more"
    ),
    Objective.MAX_MATCHES_THEN_DISTANCE: (
        "makes more matches, and none that makes as many has fewer metres"
    ),
}


def objective_words(objective: Objective, limits: Sequence[MatchLimit] = ()) -> str:
    """Return what no assignment does better than the one that was made."""
    within = " within the limits" if limits else ""
    return f"no other assignment{within} {_OBJECTIVES[objective]}"


def rollout_words(policy: Policy) -> str:
    """Return the rollout and its steps to come."""
    steps = [
        f"{share_words(step.basis_points)} from {utc_text(step.start_us)}"
        for step in policy.rollout_steps
    ]
    return ", ".join([share_words(policy.rollout_basis_points), *steps])


def justification_words(justification: Justification | None) -> str:
    """Return why a rule is as it is: ``app-1, we start narrow (Kim), https://...``."""
    if justification is None:
        return "none"
    owner = f" ({justification.owner})" if justification.owner else ""
    link = f", {justification.link}" if justification.link else ""
    return f"{justification.rule_id}, {justification.text}{owner}{link}"


def messages_words(messages: Iterable[LocaleMessages]) -> str:
    """Return the languages of messages, each with a digest of what they say."""
    return names_words(
        f"{each.locale} ({blake2b(each.text.encode(), digest_size=4).hexdigest()})"
        for each in messages
    )


def zones_words(zones: tuple[ZoneRate, ...]) -> str:
    """Return a zone table, its first twenty zones."""
    if not zones:
        return "none"
    shown = "; ".join(
        f"to {zone.max_distance_m:,} m and {zone.max_weight_grams:,} g: "
        f"{micros_words(zone.price_micros)}"
        for zone in zones[:_NAMES_MAX]
    )
    more = len(zones) - _NAMES_MAX
    return f"{shown}; and {more:,} more" if more > 0 else shown
