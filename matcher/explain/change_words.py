"""A smallest change in words, for whoever operates it."""

from __future__ import annotations

from matcher.domain.item import Condition
from matcher.explain.smallest_change import ChangeKind, SmallestChange
from matcher.policy.words import (
    enum_words,
    metres_words,
    micros_words,
    plain_words,
    share_words,
)


def change_words(change: SmallestChange) -> str:
    """Return what would have had to be otherwise: ``a radius wider by 240 m``."""
    match change.kind:
        case ChangeKind.RADIUS:
            return f"a radius wider by {metres_words(change.amount)}"
        case ChangeKind.SAVING:
            return f"{micros_words(change.amount)} more saved by each of its pairs"
        case ChangeKind.UNIT:
            return f"{change.amount} more in the order {change.demand_id}"
        case ChangeKind.CONDITION:
            return f"a condition of {enum_words(Condition(change.amount))}"
        case ChangeKind.ROLLOUT:
            return f"a rollout of {share_words(change.amount)}"
        case ChangeKind.PLACE:
            assert change.limit is not None, "a place is one of a limit"
            matches = "match" if change.amount == 1 else "matches"
            limit = change.limit.text
            return (
                f"{plain_words(change.amount)} more {matches} under the limit {limit}"
            )
        case _:
            places = "place" if change.amount == 1 else "places"
            return f"{plain_words(change.amount)} {places} more under the volume cap"
