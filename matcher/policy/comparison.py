"""How two policies differ, which differences open something, and how far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from matcher.domain.policy import (
    BASIS_POINTS,
    CategoryRule,
    Policy,
    StepLimits,
)
from matcher.domain.policy_change import Dimension, Direction, PolicyChange
from matcher.policy.demand_floor import FloorWidth
from matcher.policy.demand_floor import floor_words as demand_floor_words
from matcher.policy.evidence import evidence_words
from matcher.policy.guardrails import guardrail_changes
from matcher.policy.mode import mode_width, mode_words
from matcher.policy.words import (
    age_words,
    cap_words,
    confidence_words,
    duration_words,
    enum_words,
    floor_words,
    instant_words,
    justification_words,
    limit_words,
    messages_words,
    metres_words,
    micros_words,
    names_words,
    plain_words,
    reasons_words,
    rollout_words,
    segments_words,
    share_words,
    zones_words,
)

_FOREVER_US = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Field:
    """
    How one field is compared.

    ``width`` turns its value into something that is larger the more it lets
    through: a number or a set; ``None`` where no value lets more through for
    certain. ``is_counted`` says that the difference of two widths is a step.
    """

    dimension: Dimension
    words: Callable[[Any], str]
    width: Callable[[Any], Any] | None = None
    is_counted: bool = False


def _less_is_wider(value: float) -> float:
    return -value


def _segments_width(segments: tuple[str, ...]) -> frozenset[str] | float:
    # No segment named admits all of them, which is wider than any set.
    return frozenset(segments) if segments else float("inf")


def _cap_width(cap: Any) -> int:
    return BASIS_POINTS if cap is None else cap.basis_points


_D = Dimension

# Every field of the three documents but the ones that are compared by hand.
_POLICY_FIELDS = {
    "owner": _Field(_D.DESCRIPTION, plain_words),
    "description": _Field(_D.DESCRIPTION, plain_words),
    "currency_code": _Field(_D.COST, plain_words),
    "segments": _Field(_D.SEGMENT, segments_words, _segments_width),
    # Another salt draws everybody anew, so it lets somebody in.
    "rollout_salt": _Field(_D.ROLLOUT, plain_words, lambda salt: frozenset({salt})),
    "hold_duration_us": _Field(_D.TIMING, duration_words),
    "round_interval_us": _Field(_D.TIMING, duration_words),
    "round_size": _Field(_D.TIMING, plain_words),
    "handling_duration_us": _Field(_D.TIMING, duration_words, _less_is_wider),
    "allow_multi_item_returns": _Field(_D.MULTI_ITEM, plain_words, int),
    "messages": _Field(_D.MESSAGES, messages_words),
    "banned_terms": _Field(_D.MESSAGES, names_words, frozenset),
    "objective": _Field(_D.OBJECTIVE, enum_words),
    "evidence_thresholds": _Field(_D.STEP_LIMITS, evidence_words),
    "volume_cap": _Field(_D.VOLUME_CAP, cap_words, _cap_width, is_counted=True),
    "mode": _Field(_D.MODE, mode_words, mode_width),
}
_RULE_FIELDS = {
    "reasons": _Field(_D.RETURN_REASON, reasons_words, frozenset),
    "min_condition": _Field(_D.CONDITION, floor_words, _less_is_wider),
    "min_confidence": _Field(_D.VERIFICATION, confidence_words, _less_is_wider),
    "verification_max_age_us": _Field(_D.VERIFICATION, age_words, int),
    "radius_m": _Field(_D.RADIUS, metres_words, int, is_counted=True),
    "match_key": _Field(_D.MATCH_KEY, enum_words, int),
    "min_saving_micros": _Field(_D.SAVING, micros_words, _less_is_wider),
    "allow_custom_made": _Field(_D.CUSTOM_MADE, plain_words, int),
    "demand_floor": _Field(_D.DEMAND_FLOOR, demand_floor_words, FloorWidth.of),
    "season_end_us": _Field(
        _D.SEASON, instant_words, lambda us: _FOREVER_US if us is None else us
    ),
    "justification": _Field(_D.JUSTIFICATION, justification_words),
}
_COST_FIELDS = {
    "label_base_micros": _Field(_D.COST, micros_words),
    "label_per_km_micros": _Field(_D.COST, micros_words),
    "zones": _Field(_D.COST, zones_words),
    "standard_return_micros": _Field(_D.COST, micros_words),
    "standard_shipping_micros": _Field(_D.COST, micros_words),
    "priority_step_micros": _Field(_D.COST, micros_words),
}
_LIMIT_FIELDS = {
    "rollout_basis_points": _Field(_D.STEP_LIMITS, share_words),
    "radius_m": _Field(_D.STEP_LIMITS, metres_words),
    "category_count": _Field(_D.STEP_LIMITS, plain_words),
}

# Paths are those of the contract, where times and durations have no unit in the name.
_PATH_SUFFIX = "_us"
_PATHS = {"season_end_us": "season_end_time"}


def compare(before: Policy | None, after: Policy) -> tuple[PolicyChange, ...]:
    """
    Return what changes from one policy to another.

    Parameters
    ----------
    before
        The version to start from; ``None`` matches nothing (R27).
    after
        The other one.

    Returns
    -------
    tuple of PolicyChange
        By field, in the order of the contract; categories by name. The categories
        that are opened or closed come as one change each, whatever their rules say.
    """
    if before is None:
        before = replace(
            after,
            categories=(),
            rollout_basis_points=0,
            rollout_steps=(),
            guardrails=(),
        )
    changes = [
        *_changes("", _POLICY_FIELDS, before, after),
        *_rollout_changes(before, after),
        *_limit_changes(before, after),
        *_category_changes(before, after),
        *guardrail_changes(before, after),
        *_changes("cost_model.", _COST_FIELDS, before.cost_model, after.cost_model),
        *_changes("step_limits.", _LIMIT_FIELDS, before.step_limits, after.step_limits),
    ]
    return tuple(changes)


# Dimensions that change nothing that is decided.
_SAYS_NOTHING = {
    Dimension.DESCRIPTION,
    Dimension.STEP_LIMITS,
    Dimension.MESSAGES,
    Dimension.JUSTIFICATION,
}


def dimensions(changes: Iterable[PolicyChange]) -> tuple[Dimension, ...]:
    """Return the dimensions that change what is decided, each once, in order."""
    return tuple(sorted({change.dimension for change in changes} - _SAYS_NOTHING))


def warnings(changed: Collection[Dimension]) -> tuple[str, ...]:
    """Return what to think about before a change of these dimensions (R29)."""
    if len(changed) < 2:
        return ()
    names = ", ".join(enum_words(each) for each in changed)
    text = (
        f"{len(changed)} dimensions change at once ({names}): whatever happens then, "
        "nobody can tell which of them made the difference"
    )
    return (text,)


def to_acknowledge(
    changes: Iterable[PolicyChange], limits: StepLimits
) -> tuple[Dimension, ...]:
    """
    Return the dimensions that widen further than one step may (R27).

    Rollout, volume cap, radius and categories have a step; any other widening has
    none and is always named.
    """
    steps: Counter[Dimension] = Counter()
    for change in changes:
        wider = change.direction is Direction.WIDER
        if not wider or change.dimension in _SAYS_NOTHING:
            continue
        if change.dimension is Dimension.CATEGORY:
            steps[change.dimension] += change.step
        else:
            widest = change.step or _FOREVER_US
            steps[change.dimension] = max(steps[change.dimension], widest)
    allowed = {
        Dimension.ROLLOUT: limits.rollout_basis_points,
        Dimension.VOLUME_CAP: limits.rollout_basis_points,
        Dimension.RADIUS: limits.radius_m,
        Dimension.CATEGORY: limits.category_count,
    }
    return tuple(
        sorted(each for each, step in steps.items() if step > allowed.get(each, 0))
    )


def _changes(
    prefix: str, fields: dict[str, _Field], before: object, after: object
) -> Iterator[PolicyChange]:
    for name, field in fields.items():
        old, new = getattr(before, name), getattr(after, name)
        if not _is_same(field, old, new):
            direction, step = _direction(field, old, new)
            yield PolicyChange(
                field.dimension,
                direction,
                prefix + _PATHS.get(name, name.removesuffix(_PATH_SUFFIX)),
                field.words(old),
                field.words(new),
                step,
            )


def _is_same(field: _Field, old: object, new: object) -> bool:
    if old == new or field.width is None:
        return old == new
    # A list of names says the same in any order.
    width = field.width(old)
    return isinstance(width, frozenset) and width == field.width(new)


def _direction(field: _Field, old: object, new: object) -> tuple[Direction, int]:
    if field.width is None:
        return Direction.OTHER, 0
    before, after = field.width(old), field.width(new)
    if isinstance(before, frozenset) and isinstance(after, frozenset):
        opens, closes = bool(after - before), bool(before - after)
    elif isinstance(before, frozenset) or isinstance(after, frozenset):
        opens = isinstance(before, frozenset)
        closes = not opens
    else:
        opens, closes = after > before, after < before
    if opens:
        return Direction.WIDER, int(after - before) if field.is_counted else 0
    return (Direction.NARROWER if closes else Direction.OTHER), 0


def _rollout_changes(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    # As one: a step and a rollout of the same width at the same time are the same.
    if rollout_words(before) == rollout_words(after):
        return
    starts = {s.start_us for policy in (before, after) for s in policy.rollout_steps}
    steps = [
        after.rollout_at(each) - before.rollout_at(each)
        for each in (-_FOREVER_US, *starts)
    ]
    widest = max(steps)
    yield PolicyChange(
        Dimension.ROLLOUT,
        Direction.WIDER if widest > 0 else Direction.NARROWER,
        "rollout_basis_points",
        rollout_words(before),
        rollout_words(after),
        max(widest, 0),
    )


def _limit_changes(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    # One by one: a limit that is lifted lets through what it held back.
    old, new = ({e.name: e for e in each.match_limits} for each in (before, after))
    for name in sorted(old.keys() | new.keys()):
        mine, theirs = old.get(name), new.get(name)
        if mine == theirs:
            continue
        wider = theirs is None or (
            mine is not None and theirs.count_max > mine.count_max
        )
        yield PolicyChange(
            Dimension.MATCH_LIMITS,
            Direction.WIDER if wider else Direction.NARROWER,
            f"match_limits[{name}]",
            limit_words([mine] if mine else []),
            limit_words([theirs] if theirs else []),
        )


def _category_changes(before: Policy, after: Policy) -> Iterator[PolicyChange]:
    for name in sorted({*before.category_names, *after.category_names}):
        old, new = before.rule_for(name), after.rule_for(name)
        path = f"categories[{name}]"
        if old is not None and new is not None:
            yield from _changes(f"{path}.", _RULE_FIELDS, old, new)
        elif new is None:
            yield PolicyChange(
                Dimension.CATEGORY, Direction.NARROWER, path, "open", "closed"
            )
        else:
            yield PolicyChange(
                Dimension.CATEGORY, Direction.WIDER, path, "closed", "open", 1
            )


def compared_fields() -> dict[type, frozenset[str]]:
    """Return the fields that are compared, by document; a test holds them complete."""
    by_hand = {
        "categories",
        "cost_model",
        "step_limits",
        "match_limits",
        "guardrails",
    } | {
        "rollout_basis_points",
        "rollout_steps",
    }
    return {
        Policy: frozenset(_POLICY_FIELDS) | by_hand,
        CategoryRule: frozenset(_RULE_FIELDS) | {"category"},
    }
