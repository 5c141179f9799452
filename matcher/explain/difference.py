"""Two decisions side by side: the first thing in which they differ (R40)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.decision import Decision
from matcher.domain.reason import Check, Gate, Reason, ReasonCode
from matcher.explain.check_catalogue import CHECKS
from matcher.explain.message_catalogue import MessageCatalogue

# Where the other item passed, or nothing is known, nothing is claimed of it.
_FACTS = {"is_nearby": "no"}


class DifferenceKind(IntEnum):
    """What two decisions first differ in."""

    UNSPECIFIED = 0
    NONE = 1
    CHECK = 2
    STATE = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """
    The first difference of two decisions.

    Parameters
    ----------
    kind
        CHECK: a check ended differently. STATE: all checks that both went through ended
        alike, and what happened to the items did not. NONE: the same way for the same
        reasons.
    gate
        Gate of the check or of the state.
    one, other
        The check on either side, for CHECK; a side that did not get to it has none.
    reason, other_reason
        What either side was told about it; ``None`` where there was no obstacle.
    has_same_rules
        Whether one policy version made both.
    """

    kind: DifferenceKind
    gate: Gate
    one: Check | None
    other: Check | None
    reason: Reason | None
    other_reason: Reason | None
    has_same_rules: bool


@dataclass(frozen=True, slots=True)
class DifferenceTexts:
    """The difference in words for customer, support and operator."""

    customer: str
    support: str
    operator: str


def first_difference(one: Decision, other: Decision) -> Difference:
    """
    Find the first difference of two decisions, from what was recorded with them.

    Checks are gone through in the order in which they ran; one that a side did not
    get to counts as different from one that ran. Then reasons that no check gives: time
    that was up, a match that was released, a cancellation.
    """
    same_rules = one.policy_version == other.policy_version
    for mine, theirs in _side_by_side(one, other):
        if (mine and mine.result) is not (theirs and theirs.result):
            seen = mine or theirs
            assert seen is not None, "a check that neither side has"
            return Difference(
                DifferenceKind.CHECK,
                seen.gate,
                mine,
                theirs,
                _told(one, mine),
                _told(other, theirs),
                same_rules,
            )
    mine_reason, their_reason = _state(one, other), _state(other, one)
    differs = mine_reason or their_reason
    return Difference(
        DifferenceKind.STATE if differs else DifferenceKind.NONE,
        differs.code.gate if differs else Gate.UNSPECIFIED,
        None,
        None,
        mine_reason,
        their_reason,
        same_rules,
    )


def difference_texts(
    difference: Difference, catalogue: MessageCatalogue, locale: str = ""
) -> DifferenceTexts:
    """
    Say a difference to three readers.

    Parameters
    ----------
    difference
        What was found.
    catalogue
        Messages of the later version of the two.
    locale
        Language tag; empty is English.
    """
    locale = catalogue.locale(locale)
    return DifferenceTexts(
        _said(difference, catalogue, locale, "customer"),
        _said(difference, catalogue, locale, "long"),
        _for_operator(difference),
    )


def _said(
    difference: Difference, catalogue: MessageCatalogue, locale: str, part: str
) -> str:
    if difference.kind is DifferenceKind.NONE:
        return catalogue.text(locale, "difference-none", _FACTS)

    def side(reason: Reason | None) -> str:
        if reason is None:
            return catalogue.text(locale, "difference-no-obstacle", _FACTS)
        return catalogue.of_reason(locale, reason.code, part, _FACTS)

    rules = "same" if difference.has_same_rules else "changed"
    sentences = [
        catalogue.text(locale, f"difference-{rules}-rules", _FACTS),
        catalogue.text(locale, "difference-one", _FACTS),
        side(difference.reason),
        catalogue.text(locale, "difference-other", _FACTS),
        side(difference.other_reason),
        catalogue.parts(locale) if part == "customer" else "",
    ]
    return " ".join(each for each in sentences if each)


def _for_operator(difference: Difference) -> str:
    rules = "the same" if difference.has_same_rules else "another"
    start = f"Under {rules} policy version; "
    if difference.kind is DifferenceKind.NONE:
        return start + "no check and no state differs."
    gate = difference.gate.name.lower()
    if difference.kind is DifferenceKind.STATE:
        sides = [
            reason.code.name if reason else "nothing of the kind"
            for reason in (difference.reason, difference.other_reason)
        ]
        return start + f"all checks ended alike; {gate}: {sides[0]} against {sides[1]}."
    seen = difference.one or difference.other
    assert seen is not None, "a check that neither side has"
    return (
        f"{start}first in {gate}, {seen.name}: {_words(difference.one)} against "
        f"{_words(difference.other)}."
    )


def _words(check: Check | None) -> str:
    if check is None:
        return "not reached"
    result = check.result.name.lower()
    return f"{result} with {check.observed or '-'} (accepted: {check.accepted})"


def _side_by_side(
    one: Decision, other: Decision
) -> Iterator[tuple[Check | None, Check | None]]:
    # In the order in which checks run; those of the route, which have no entry, last.
    mine, theirs = ({c.name: c for c in each.checks} for each in (one, other))
    names = [entry.name for entry in CHECKS]
    names += sorted((mine.keys() | theirs.keys()) - set(names))
    for name in names:
        yield mine.get(name), theirs.get(name)


def _told(decision: Decision, check: Check | None) -> Reason | None:
    if check is None:
        # It did not get to this check: what stopped it before says why.
        return next(iter(decision.reasons), None)
    if not check.reason:
        return None
    return next((r for r in decision.reasons if r.code is check.reason), None)


def _state(decision: Decision, other: Decision) -> Reason | None:
    theirs = {reason.code for reason in other.reasons}
    return next(
        (
            reason
            for reason in decision.reasons
            if reason.code not in theirs
            and reason.code is not ReasonCode.MATCHED_BEST_SAVING
        ),
        None,
    )
