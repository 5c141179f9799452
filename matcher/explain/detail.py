"""A decision in full: what else could have been, what it lacked, who was before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matcher.domain.decision import Decision, Outcome
from matcher.domain.ids import ReturnId, RoundId, TenantId
from matcher.domain.match_limit import LimitKey
from matcher.domain.objective import Objective
from matcher.domain.policy import Policy
from matcher.domain.reason import Gate, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.explain.alternatives import Alternative, Alternatives, Displacement
from matcher.explain.change_words import change_words
from matcher.explain.loss import Loss, loss_words
from matcher.explain.settled_market import SettledMarket
from matcher.explain.smallest_change import (
    ChangeKind,
    SmallestChange,
    smallest_changes,
)
from matcher.policy.rollout import share_that_lets_in
from matcher.policy.words import metres_words, micros_words
from matcher.solve import Stop


@dataclass(frozen=True, slots=True)
class Detail:
    """
    What only the whole of a decision's surroundings can tell.

    Parameters
    ----------
    round_id
        The round that looked for a buyer; empty if none did.
    alternatives
        Other demands that a matched item could have had, best first.
    warehouse_loss
        What the round would have had less of had a matched item gone to a warehouse;
        ``None`` for an item that was not matched.
    changes
        The least of each kind that would have got an unmatched item matched.
    displacement
        Who stood before an unmatched item that had candidates.
    exhausted
        Match limits that left the round no place, if that is why nobody could have made
        room for an unmatched item with candidates.
    was_matched
        Whether the round gave it a buyer.
    objective
        What the round was to be best at.
    gap_micros
        How far the round may be from its optimum. Where it is above 0 nothing that is
        exact can be said, and nothing is.
    """

    round_id: RoundId = RoundId("")
    alternatives: tuple[Alternative, ...] = ()
    warehouse_loss: Loss | None = None
    changes: tuple[SmallestChange, ...] = ()
    displacement: Displacement | None = None
    exhausted: tuple[LimitKey, ...] = ()
    was_matched: bool = False
    objective: Objective = Objective.MAX_SAVING
    gap_micros: int = 0


def deciding_round(decision: Decision, earlier: Sequence[Decision]) -> RoundId:
    """
    Return the round that looked for a buyer, empty if none did.

    Parameters
    ----------
    decision
        The decision. One that was made because time was up says what the last round
        found, and that round is meant.
    earlier
        Those of the same item before it, oldest first.
    """
    if decision.round_id or not earlier:
        return decision.round_id
    has_looked = any(check.gate is Gate.DEMAND for check in decision.checks)
    return earlier[-1].round_id if has_looked else decision.round_id


def market_detail(
    settled: SettledMarket,
    return_id: ReturnId,
    round_id: RoundId = RoundId(""),
    stop: Stop | None = None,
) -> Detail:
    """
    Explain one item of a solved market in full.

    Parameters
    ----------
    settled
        The market.
    return_id
        One of its items.
    round_id
        The round that it belongs to.
    stop
        Ends it when it is requested: ``UnavailableError``.

    Returns
    -------
    Detail
        Alternatives for an item that the optimum matched, changes and displacement for
        one that it did not. The same for the same market, months later too.
    """
    row = settled.row_of(return_id)
    assert row is not None, f"{return_id!r} was in the market"
    if settled.assignment.gap:
        return Detail(round_id, gap_micros=settled.assignment.gap)
    objective = settled.policy.objective
    alternatives = Alternatives(settled, row)
    if settled.assignment.column[row] >= 0:
        return Detail(
            round_id,
            alternatives=alternatives.best(),
            warehouse_loss=alternatives.warehouse_loss(),
            was_matched=True,
            objective=objective,
        )
    ((_, changes),) = smallest_changes(settled, [return_id], stop)
    displacement = alternatives.displacement()
    return Detail(
        round_id,
        changes=changes,
        displacement=displacement,
        exhausted=() if displacement else alternatives.exhausted(),
        objective=objective,
    )


def rollout_change(
    tenant: TenantId, item: ReturnItem, policy: Policy
) -> SmallestChange:
    """Return the rollout that would have let in an item that was not in it."""
    share = share_that_lets_in(tenant, item.customer_id, policy.rollout_salt)
    return SmallestChange(ChangeKind.ROLLOUT, share)


def has_reason(decision: Decision, code: ReasonCode) -> bool:
    """Return whether a decision has a reason."""
    return any(reason.code is code for reason in decision.reasons)


def detail_summary(decision: Decision, detail: Detail) -> str:
    """Say a detail in a few plain sentences, for the people who operate it."""
    return " ".join(_sentences(decision, detail))


def _sentences(decision: Decision, detail: Detail) -> Iterator[str]:
    if detail.gap_micros:
        yield (
            "The round was stopped before its optimum was proven; up to "
            f"{micros_words(detail.gap_micros)} may be missing, so that nothing exact "
            "can be said of what else could have been."
        )
        return
    if detail.was_matched and decision.outcome is not Outcome.MATCHED:
        yield "The round gave it a buyer, and the match was dropped."
    if detail.warehouse_loss is not None:
        yield from _match_sentences(detail, detail.warehouse_loss)
    if detail.displacement is not None:
        yield from _displaced(detail.displacement, detail.objective)
    if detail.exhausted:
        keys = ", ".join(key.text for key in detail.exhausted)
        yield f"None of its buyers could be had: nothing was left of {keys}."
    if detail.changes:
        ways = "; or ".join(change_words(change) for change in detail.changes)
        yield f"All else equal, what it lacked was {ways}."
    elif detail.round_id and not detail.was_matched:
        yield "Nothing about it alone would have got it a buyer."


def _match_sentences(detail: Detail, loss: Loss) -> Iterator[str]:
    yield (
        "Had it gone to a warehouse, the round would have come to "
        f"{loss_words(loss, detail.objective)}."
    )
    if not detail.alternatives:
        yield "It could have had no other order."
        return
    best = detail.alternatives[0]
    yield (
        f"Its best alternative was order {best.demand_id}, "
        f"{metres_words(best.distance_m)} away: "
        f"{loss_words(best.loss, detail.objective)} in all, and "
        f"{_moves(len(best.moves))}."
    )


def _displaced(displacement: Displacement, objective: Objective) -> Iterator[str]:
    first, *others = displacement.chain
    yield f"The cheapest order that it could have had was {first.to_demand_id}:"
    if len(others) == 1:
        (other,) = others
        to = other.to_demand_id
        end = f"goes to order {to} then" if to else "has no buyer then"
        # Else it is a place under a match limit that it gives up.
        has = "" if other.demand_id == first.to_demand_id else f" on {other.demand_id}"
        yield f"return {other.return_id}{has} {end}."
    else:
        left = ", ".join(each.return_id for each in others if not each.to_demand_id)
        end = f"no buyer is left for {left}" if left else "all have a buyer still"
        yield f"{len(others):,} other returns would move, and {end}."
    yield f"The round would have come to {loss_words(displacement.loss, objective)}."


def _moves(count: int) -> str:
    if not count:
        return "nobody else would have moved"
    return f"{count:,} other return{'' if count == 1 else 's'} would have moved"
