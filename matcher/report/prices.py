"""What one more unit of something would have saved in a round, off its proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.demand import Demand
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


class PriceView(IntEnum):
    """What prices are asked for."""

    UNSPECIFIED = 0
    CELL = 1
    DEMAND = 2
    RETURN = 3


@dataclass(frozen=True, slots=True)
class ShadowPrice:
    """
    What one more is worth, in micros.

    Exactly one of the ids is set, or for a cell neither: then it is the SKU there, and
    ``demand_count`` says how many of its demands the round looked at in that cell.
    """

    price_micros: int
    demand_id: str = ""
    return_id: str = ""
    sku: str = ""
    cell: int = 0
    demand_count: int = 0


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
        Of what: demands, returns, or SKUs by cell. One more unit in a cell is one more
        of its dearest demand there.
    demands
        The demands of the proof by id; those that are gone have no place and are left
        out of cells. Unused for returns.
    resolution
        H3 resolution of the cells.
    """
    if view is PriceView.RETURN:
        pairs = zip(proof.return_ids, proof.return_price, strict=True)
        found = [ShadowPrice(price, return_id=name) for name, price in pairs if price]
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


def _order(price: ShadowPrice) -> tuple[int, str, str, str, int]:
    return (
        -price.price_micros,
        price.demand_id,
        price.return_id,
        price.sku,
        price.cell,
    )
