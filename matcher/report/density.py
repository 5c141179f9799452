"""Where demand is, and of which SKUs it is steady (R19, R20)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.geo.cells import latlng_to_cells

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class DemandFact:
    """What reports know of a demand; ``open_count`` is 0 unless it may be matched."""

    sku: str
    category: str
    lat: float
    lng: float
    open_count: int
    created_us: int


@dataclass(frozen=True, slots=True)
class CellDensity:
    """Open demands of one cell and their units."""

    cell: int
    open_unit_count: int
    demand_count: int


@dataclass(frozen=True, slots=True)
class SkuDemand:
    """
    Demand of one SKU.

    ``order_count`` are those that came in within the window, open or not, on
    ``order_day_count`` different UTC days. Steadiness is the share of the window's days
    on which at least one came in, in basis points: 10,000 is an order every day.
    """

    sku: str
    open_unit_count: int
    order_count: int
    order_day_count: int
    steadiness_basis_points: int


def cell_densities(demands: Sequence[DemandFact], resolution: int) -> list[CellDensity]:
    """Return the cells that have open demand, most units first, then by cell."""
    found = [each for each in demands if each.open_count]
    cells = latlng_to_cells(
        [each.lat for each in found], [each.lng for each in found], resolution
    )
    distinct, places = np.unique(cells, return_inverse=True)
    units = np.zeros(len(distinct), np.int64)
    np.add.at(units, places, np.array([each.open_count for each in found], np.int64))
    counts = np.bincount(places, minlength=len(distinct))
    densities = [
        CellDensity(*row)
        for row in zip(distinct.tolist(), units.tolist(), counts.tolist(), strict=True)
    ]
    return sorted(densities, key=lambda each: (-each.open_unit_count, each.cell))


def sku_demands(
    demands: Iterable[DemandFact], window_days: int, now_us: int
) -> list[SkuDemand]:
    """
    Return the SKUs with open units or orders, most units first, then by SKU.

    Parameters
    ----------
    demands
        All demands, closed ones too.
    window_days
        UTC days that count, today included.
    now_us
        Instant of the report, microseconds since the epoch.
    """
    first_day = now_us // DAY_US - window_days + 1
    units: dict[str, int] = {}
    orders: dict[str, int] = {}
    days: dict[str, set[int]] = {}
    for each in demands:
        day = each.created_us // DAY_US
        if day >= first_day:
            orders[each.sku] = orders.get(each.sku, 0) + 1
            days.setdefault(each.sku, set()).add(day)
        if each.open_count:
            units[each.sku] = units.get(each.sku, 0) + each.open_count
    found = [
        SkuDemand(
            sku,
            units.get(sku, 0),
            orders.get(sku, 0),
            len(days.get(sku, ())),
            10_000 * len(days.get(sku, ())) // window_days,
        )
        for sku in {*units, *orders}
    ]
    return sorted(found, key=lambda each: (-each.open_unit_count, each.sku))
