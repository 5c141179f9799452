"""What one more unit of a demand, or one more place under a limit, would be worth."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.objective import Objective
from matcher.engine.proof import Proof


@dataclass(frozen=True, slots=True)
class GroupPrice:
    """
    The price of one more place under a match limit.

    Parameters
    ----------
    name
        Readable and stable: ``ZONE/2026-03-02/871f1d489ffffff``.
    scope, key, date, resolution
        The same in parts, as in :class:`matcher.engine.proof.ProofGroup`.
    left_count
        Places that were left when the round began.
    price
        No less than what one more place would add, no more than what one less would
        lose. Exactly the former for a day, unless it holds SKUs or warehouses, and for
        the coarsest zones where no day is limited.
    """

    name: str
    scope: str
    key: str
    date: str
    resolution: int
    left_count: int
    price: int


@dataclass(frozen=True, slots=True)
class ShadowPrices:
    """
    The prices of a round.

    Parameters
    ----------
    objective
        What the round was best at. Prices are micros of saving for ``MAX_SAVING``; else
        they are in its weights, in which a match more counts for ``match_bonus``.
    match_bonus
        0 for ``MAX_SAVING``.
    demands
        Id and price of each demand that was a candidate, by id.
    groups
        Each group with a limit, by scope, resolution and key.
    is_proven
        Whether the round was solved to the end: else prices say little.
    """

    objective: Objective
    match_bonus: int
    demands: tuple[tuple[str, int], ...]
    groups: tuple[GroupPrice, ...]
    is_proven: bool


def shadow_prices(proof: Proof) -> ShadowPrices:
    """
    Return what the prices of a proof say, those of 0 included.

    Parameters
    ----------
    proof
        A proof of any format that checks; one from before limits has no groups.
    """
    return ShadowPrices(
        Objective[proof.objective],
        proof.match_bonus,
        tuple(zip(proof.demand_ids, proof.demand_price, strict=True)),
        tuple(
            GroupPrice(
                group.name,
                group.scope,
                group.key,
                group.date,
                group.resolution,
                group.limit,
                group.price,
            )
            for group in proof.groups
        ),
        not proof.gap,
    )
