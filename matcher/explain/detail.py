"""A decision in full: what else could have been, what it lacked, who was before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from matcher.domain.decision import Decision, Outcome
from matcher.domain.ids import ReturnId, RoundId, TenantId
from matcher.domain.policy import Policy
from matcher.domain.reason import Gate, ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.explain.alternatives import Alternative, Alternatives, Displacement
from matcher.explain.change_words import change_words
from matcher.explain.settled_market import SettledMarket
from matcher.explain.smallest_change import (
    ChangeKind,
    SmallestChange,
    smallest_changes,
)
from matcher.policy.rollout import share_that_lets_in
from matcher.policy.words import metres_words, micros_words


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
    warehouse_loss_micros
        What the round would have saved less had a matched item gone to a warehouse;
        ``None`` for an item that was not matched.
    changes
        The least of each kind that would have got an unmatched item matched.
    displacement
        Who stood before an unmatched item that had candidates.
    was_matched
        Whether the round gave it a buyer.
    is_priced
        Whether what others would have lost is told: not under match limits, nor under
        an objective other than the saving.
    gap_micros
        How far the round may be from its optimum. Where it is above 0 nothing that is
        exact can be said, and nothing is.
    """

    round_id: RoundId = RoundId("")
    alternatives: tuple[Alternative, ...] = ()
    warehouse_loss_micros: int | None = None
    changes: tuple[SmallestChange, ...] = ()
    displacement: Displacement | None = None
    was_matched: bool = False
    is_priced: bool = True
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
    settled: SettledMarket, return_id: ReturnId, round_id: RoundId = RoundId("")
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
    was_matched = bool(settled.assignment.column[row] >= 0)
    changes: tuple[SmallestChange, ...] = ()
    if not was_matched:
        ((_, changes),) = smallest_changes(settled, [return_id])
    detail = Detail(
        round_id, changes=changes, was_matched=was_matched, is_priced=settled.is_plain
    )
    if not settled.is_plain:
        return detail
    alternatives = Alternatives(settled, row)
    if not was_matched:
        return replace(detail, displacement=alternatives.displacement())
    return replace(
        detail,
        alternatives=alternatives.best(),
        warehouse_loss_micros=alternatives.warehouse_loss_micros(),
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
    if detail.warehouse_loss_micros is not None:
        yield from _match_sentences(detail, detail.warehouse_loss_micros)
    if detail.displacement is not None:
        yield _displaced(detail.displacement)
    if detail.changes:
        ways = "; or ".join(change_words(change) for change in detail.changes)
        yield f"All else equal, what it lacked was {ways}."
    elif detail.round_id and not detail.was_matched:
        yield "Nothing about it alone would have got it a buyer."
    if not detail.is_priced:
        yield (
            "What other returns would have lost is not told: match limits or another "
            "objective than the saving hold them all together."
        )


def _match_sentences(detail: Detail, loss_micros: int) -> Iterator[str]:
    yield (
        "Had it gone to a warehouse, the round would have saved "
        f"{micros_words(loss_micros)} less."
    )
    if not detail.alternatives:
        yield "It could have had no other order."
        return
    best = detail.alternatives[0]
    yield (
        f"Its best alternative was order {best.demand_id}, "
        f"{metres_words(best.distance_m)} away: {micros_words(best.loss_micros)} less "
        f"in all, and {_moves(len(best.moves))}."
    )


def _displaced(displacement: Displacement) -> str:
    others = displacement.chain[1:]
    loss = micros_words(displacement.loss_micros)
    if not others:
        return f"Taking a unit that was left would have lost {loss}."
    last = others[-1].to_demand_id
    end = f"takes order {last}, which had a unit left" if last else "has no buyer then"
    if len(others) == 1:
        way = f", which {end}"
    else:
        way = f": {len(others):,} other returns would move, and the last {end}"
    return (
        "The cheapest unit that it could have had is with return "
        f"{others[0].return_id}{way}. The round would have saved {loss} less."
    )


def _moves(count: int) -> str:
    if not count:
        return "nobody else would have moved"
    return f"{count:,} other return{'' if count == 1 else 's'} would have moved"
