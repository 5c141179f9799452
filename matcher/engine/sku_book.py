"""The demand of each SKU: what is open, and orders by the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import compress
from operator import attrgetter
from typing import Any

from matcher.domain.demand import Demand
from matcher.domain.demand_floor import (
    FLOOR_DAYS_MAX,
    FLOOR_STEP_US,
    DemandFloor,
    SeenDemand,
)
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.records import DemandRecord, SkuDay

_SKU: Any = attrgetter("sku")
_QUANTITY: Any = attrgetter("quantity")
_ACCEPTS: Any = attrgetter("accepts_returned_item")


class SkuBook:
    """
    Open units by SKU, and orders as far back as the longest window reaches.

    Only demands whose buyer takes a returned item count. Orders count on the day on
    which they first came in, for the SKU that they had then; they are written in the
    transaction of the order. Memory goes with the orders of the longest window.
    """

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        self._units: dict[str, int] = {}
        self._days: dict[str, dict[int, int]] = {}
        self._last_day = max((row.day for row in rows.sku_days), default=0)
        # A store may give more than anybody can ask for.
        for row in rows.sku_days:
            if row.day >= self._last_day - FLOOR_DAYS_MAX:
                self._days.setdefault(row.sku, {})[row.day] = row.order_count

    def entered(self, records: Iterable[DemandRecord]) -> None:
        """Count the open units of demands that were not here before."""
        units = self._units
        for record in records:
            if record.demand.accepts_returned_item and (left := record.open_count):
                sku = record.demand.sku
                units[sku] = units.get(sku, 0) + left

    def moved(self, old: DemandRecord | None, new: DemandRecord) -> None:
        """Note that the open units of a demand changed."""
        if old is not None and old.demand.accepts_returned_item:
            self._open(old.demand.sku, -old.open_count)
        if new.demand.accepts_returned_item:
            self._open(new.demand.sku, new.open_count)

    def opened(self, demands: Collection[Demand]) -> None:
        """Count the units of demands that are new, all of them open."""
        units = self._units
        pairs = zip(map(_SKU, demands), map(_QUANTITY, demands), strict=True)
        for sku, quantity in compress(pairs, map(_ACCEPTS, demands)):
            units[sku] = units.get(sku, 0) + quantity

    def ordered(self, demands: Collection[Demand], now_us: int) -> None:
        """Count orders that are new."""
        day = now_us // FLOOR_STEP_US
        self._reach(day)
        orders = Counter(compress(map(_SKU, demands), map(_ACCEPTS, demands)))
        if not orders:
            return
        changed = self._ledger.changes.sku_days
        for sku, count in orders.items():
            days = self._days.setdefault(sku, {})
            days[day] = total = days.get(day, 0) + count
            changed[sku, day] = SkuDay(sku, day, total)

    def seen(self, sku: str, floor: DemandFloor, now_us: int) -> SeenDemand:
        """Return the demand of a SKU as a floor looks at it."""
        first = now_us // FLOOR_STEP_US - floor.window_days + 1
        days = self._days.get(sku, {})
        counts = [count for day, count in days.items() if day >= first]
        return SeenDemand(
            floor.window_days, self._units.get(sku, 0), sum(counts), len(counts)
        )

    def _open(self, sku: str, units: int) -> None:
        left = self._units.get(sku, 0) + units
        if left:
            self._units[sku] = left
        else:
            self._units.pop(sku, None)

    def _reach(self, day: int) -> None:
        # As far back as a restart reads.
        if day > self._last_day:
            self._last_day = day
            first = day - FLOOR_DAYS_MAX
            for sku, days in list(self._days.items()):
                kept = {d: count for d, count in days.items() if d >= first}
                if kept:
                    self._days[sku] = kept
                else:
                    del self._days[sku]
