"""What return items see of the demand of their SKU as they come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.demand_floor import FLOOR_STEP_US, DemandFloor, SeenDemand
from matcher.domain.policy import Policy
from matcher.policy.demand_floor import is_enough
from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.timeline import Timeline

IntArray = NDArray[np.int64]

_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _SkuOrders:
    """Orders of a SKU in time: place and day of each group, and counts up to it."""

    place: IntArray
    day: IntArray
    order_sum: IntArray
    day_sum: IntArray

    def seen(self, before_order: int, first_day: int) -> tuple[int, int]:
        """Return the orders before a place and not before a day, and their days."""
        stop = int(np.searchsorted(self.place, before_order))
        start = int(np.searchsorted(self.day[:stop], first_day))
        if start == stop:
            return 0, 0
        orders = self.order_sum[stop] - self.order_sum[start]
        # The first of them is on a day of its own, for the window begins with a day.
        return int(orders), int(self.day_sum[stop] - self.day_sum[start])


class Floors:
    """
    Looks at the demand of a SKU when an item comes in, as a shard does.

    Orders come in whatever a policy decides. Which units are open then depends on what
    the variant has promised by then, so that its life has to stand at that instant.
    """

    def __init__(self, facts: Facts, units: DemandUnits) -> None:
        self._facts = facts
        self._units = units
        self._orders: dict[str, _SkuOrders] | None = None
        self._states: dict[str, IntArray] = {}
        arrivals = facts.timeline.arrivals
        self._seen = {
            row: each.seen_demand
            for row, each in enumerate(arrivals)
            if each.seen_demand is not None
        }

    def asked(self, policy: Policy, rows: IntArray) -> IntArray:
        """Return which items a policy asks for a floor."""
        if all(rule.demand_floor is None for rule in policy.categories):
            return rows[:0]
        asked = [self._floor(policy, row) is not None for row in rows.tolist()]
        return rows[np.array(asked, np.bool_)]

    def look(self, policy: Policy, rows: IntArray) -> None:
        """Look at the demand for items that come in now."""
        for row in self.asked(policy, rows).tolist():
            floor = self._floor(policy, row)
            assert floor is not None, "a floor is asked for"
            self._seen[row] = self._seen_by(row, floor)

    def is_thin(self, policy: Policy, rows: IntArray) -> NDArray[np.bool_]:
        """Return whether items saw too little when they came in."""
        thin = np.zeros(len(rows), np.bool_)
        asked = set(self.asked(policy, rows).tolist())
        for at, row in enumerate(rows.tolist()):
            seen = self._seen.get(row)
            if row in asked and seen is not None:
                floor = self._floor(policy, row)
                assert floor is not None, "a floor is asked for"
                is_about_it = seen.window_days == floor.window_days
                thin[at] = is_about_it and not is_enough(floor, seen)
        return thin

    def _floor(self, policy: Policy, row: int) -> DemandFloor | None:
        rule = policy.rule_for(self._facts.items.items[row].category)
        return rule.demand_floor if rule is not None else None

    def _seen_by(self, row: int, floor: DemandFloor) -> SeenDemand:
        if self._orders is None:
            timeline = self._facts.timeline
            self._orders = _orders_of(timeline)
            self._states = _grouped([each.demand.sku for each in timeline.demands])
        items = self._facts.items
        sku, now_us = items.items[row].sku, int(items.created_us[row])
        orders = days = 0
        if (found := self._orders.get(sku)) is not None:
            first_day = now_us // FLOOR_STEP_US - floor.window_days + 1
            orders, days = found.seen(int(items.order[row]), first_day)
        if not self._facts.timeline.has_order_days:
            days = -1
        states = self._states.get(sku, _NOTHING)
        units = int(self._units.open_units(states, now_us).sum())
        return SeenDemand(floor.window_days, units, orders, days)


def _orders_of(timeline: Timeline) -> dict[str, _SkuOrders]:
    # Those before the start first; then each demand counts when it first comes in.
    groups = [(each.sku, 0, each.day, each.order_count) for each in timeline.sku_days]
    known: set[str] = set()
    for state in timeline.demands:
        demand = state.demand
        is_new = demand.demand_id not in known
        known.add(demand.demand_id)
        if is_new and state.from_order > 0 and demand.accepts_returned_item:
            day = timeline.times_us[state.from_order] // FLOOR_STEP_US
            groups.append((demand.sku, state.from_order, day, 1))
    groups.sort()
    rows = _grouped([sku for sku, _, _, _ in groups])
    figures = np.array([group[1:] for group in groups], np.int64).reshape(-1, 3)
    return {sku: _sku_orders(figures[at]) for sku, at in rows.items()}


def _sku_orders(figures: IntArray) -> _SkuOrders:
    place, day, count = figures.T
    is_new_day = np.diff(day, prepend=day[0] - 1) > 0
    return _SkuOrders(
        place=place,
        day=day,
        order_sum=np.concatenate(([0], np.cumsum(count))),
        day_sum=np.concatenate(([0], np.cumsum(is_new_day))),
    )


def _grouped(names: Sequence[str]) -> dict[str, IntArray]:
    # The places of each name, rising.
    found: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        found.setdefault(name, []).append(at)
    return {name: np.array(at, np.int64) for name, at in found.items()}
