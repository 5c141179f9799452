"""Why a return of a plan has no buyer, and what would have got it one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matcher.domain.decision import Decision
from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import ReturnId
from matcher.domain.policy import Policy
from matcher.engine.plan import Plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.change_words import change_words
from matcher.explain.settled_market import SettledMarket
from matcher.explain.smallest_change import SmallestChange, smallest_changes


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
    settled = SettledMarket.of_plan(snapshot, policy, plan, now_us)
    found = dict(smallest_changes(settled, decisions))
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
    ways = "; or ".join(change_words(change) for change in changes)
    return f"{reasons} All else equal it would have been matched with {ways}."
