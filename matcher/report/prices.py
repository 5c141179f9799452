"""What one more unit of something would have saved in a round, off its proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.demand import Demand
from matcher.domain.objective import Objective
from matcher.engine.proof import Proof
from matcher.geo.cells import latlng_to_cells

#: What the prices are, wherever they go.
PRICE_METHOD = (
    "Marginal values of one round. Its optimum is proven by prices; these are the ones "
    "at which demands are cheapest. A demand's price is what one more unit of it would "
    "have saved in that round, a return's what would have been lost without it. They "
    "are exact for one unit more or less, all else equal, and say nothing of two. A "
    "round that ran out of time has prices that only bound them from above."
)

#: What is to be said besides of a round under match limits.
LIMIT_METHOD = (
    "The round was under match limits. A limit's price is no less than what one more "
    "place would have saved and no more than what one less would have lost; a demand's "
    "is that of a unit whose match has its places."
)

#: What is to be said besides of a round that was best at something else.
WEIGHT_METHOD = (
    "Prices are in the weights of the objective {objective}, not in micros: a match "
    "more counts for {match_bonus} in them."
)


class PriceView(IntEnum):
    """What prices are asked for."""

    UNSPECIFIED = 0
    CELL = 1
    DEMAND = 2
    RETURN = 3
    LIMIT = 4


@dataclass(frozen=True, slots=True)
class ShadowPrice:
    """
    What one more is worth, in micros.

    Exactly one of the ids is set, or for a cell neither: then it is the SKU there, and
    ``demand_count`` says how many of its demands the round looked at in that cell.
    ``limit`` names the day, SKU, zone or warehouse of a match limit, which had
    ``left_count`` places left.
    """

    price_micros: int
    demand_id: str = ""
    return_id: str = ""
    sku: str = ""
    cell: int = 0
    demand_count: int = 0
    limit: str = ""
    left_count: int = 0


def price_method(proof: Proof) -> str:
    """Say what the prices of a round are, and what they are not."""
    told = [PRICE_METHOD]
    if proof.groups:
        told.append(LIMIT_METHOD)
    if proof.objective != Objective.MAX_SAVING.name:
        told.append(
            WEIGHT_METHOD.format(
                objective=proof.objective, match_bonus=proof.match_bonus
            )
        )
    return " ".join(told)


def shadow_prices(
    proof: Proof, view: PriceView, demands: Mapping[str, Demand], resolution: int
) -> list[ShadowPrice]:
    """
    Return the prices of a round that are above zero, dearest first.

    Parameters
    ----------
    proof
        Of the round.
    view
        Of what: demands, returns, match limits, or SKUs by cell. One more unit in a
        cell is one more of its dearest demand there.
    demands
        The demands of the proof by id; those that are gone have no place and are left
        out of cells. Unused for returns and limits.
    resolution
        H3 resolution of the cells.
    """
    if view is PriceView.RETURN:
        pairs = zip(proof.return_ids, proof.return_price, strict=True)
        found = [ShadowPrice(price, return_id=name) for name, price in pairs if price]
    elif view is PriceView.LIMIT:
        found = [
            ShadowPrice(each.price, limit=each.name, left_count=each.limit)
            for each in proof.groups
            if each.price
        ]
    elif view is PriceView.DEMAND:
        found = [
            ShadowPrice(price, name, sku=demands[name].sku if name in demands else "")
            for name, price in zip(proof.demand_ids, proof.demand_price, strict=True)
            if price
        ]
    else:
        found = _by_cell(proof, demands, resolution)
    return sorted(found, key=_order)


def _by_cell(
    proof: Proof, demands: Mapping[str, Demand], resolution: int
) -> list[ShadowPrice]:
    pairs = zip(proof.demand_ids, proof.demand_price, strict=True)
    placed = [(demands[name], price) for name, price in pairs if name in demands]
    cells = latlng_to_cells(
        [demand.location.lat for demand, _ in placed],
        [demand.location.lng for demand, _ in placed],
        resolution,
    )
    dearest: dict[tuple[str, int], tuple[int, int]] = {}
    for (demand, price), cell in zip(placed, cells.tolist(), strict=True):
        most, count = dearest.get((demand.sku, cell), (0, 0))
        dearest[demand.sku, cell] = (max(most, price), count + 1)
    return [
        ShadowPrice(price, sku=sku, cell=cell, demand_count=count)
        for (sku, cell), (price, count) in dearest.items()
        if price
    ]


def _order(price: ShadowPrice) -> tuple[int, str, str, str, int, str]:
    return (
        -price.price_micros,
        price.demand_id,
        price.return_id,
        price.sku,
        price.cell,
        price.limit,
    )
