"""Why a return of a plan has no buyer, and what would have got it one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matcher.domain.decision import Decision
from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import ReturnId
from matcher.domain.item import Condition
from matcher.domain.policy import Policy
from matcher.engine.plan import Plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.smallest_change import (
    ChangeKind,
    SmallestChange,
    smallest_changes,
)
from matcher.policy.words import enum_words, metres_words, micros_words


def check_ids(snapshot: Snapshot, return_ids: Sequence[str]) -> None:
    """Raise :class:`InvalidValueError` unless every id is a return of the snapshot."""
    known = {item.return_id for item in snapshot.return_items}
    for each in return_ids:
        if each not in known:
            raise InvalidValueError("why_not", each, "the id of a return in the table")


def why_not(
    snapshot: Snapshot,
    policy: Policy,
    plan: Plan,
    return_ids: Sequence[str],
    now_us: int,
) -> Iterator[str]:
    """Yield a paragraph for each return: its reasons, and the least that would help."""
    asked = {ReturnId(each) for each in return_ids}
    decisions = {d.return_id: d for d in plan.decisions if d.return_id in asked}
    found = dict(smallest_changes(snapshot, policy, plan, decisions, now_us=now_us))
    for return_id in map(ReturnId, return_ids):
        yield f"{return_id}: {_told(decisions[return_id], found.get(return_id))}"


def _told(decision: Decision, changes: tuple[SmallestChange, ...] | None) -> str:
    reasons = " ".join(reason.text for reason in decision.reasons)
    if decision.match is not None:
        return f"It is matched. {reasons}"
    if changes is None:
        return f"{reasons} It did not get as far as the buyers."
    if not changes:
        return f"{reasons} Nothing about it alone would have got it a buyer."
    ways = "; or ".join(_words(change) for change in changes)
    return f"{reasons} All else equal it would have been matched with {ways}."


def _words(change: SmallestChange) -> str:
    match change.kind:
        case ChangeKind.RADIUS:
            return f"a radius wider by {metres_words(change.amount)}"
        case ChangeKind.SAVING:
            return f"{micros_words(change.amount)} more saved by each of its pairs"
        case ChangeKind.UNIT:
            return f"{change.amount} more in the order {change.demand_id}"
        case ChangeKind.PLACE:
            assert change.limit is not None, "a place is one of a limit"
            return f"{change.amount} more matches under the limit {change.limit.text}"
        case _:
            return f"a condition of {enum_words(Condition(change.amount))}"
