"""A timeline as arrays, with what all variants share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import TenantId
from matcher.domain.return_item import ReturnItem
from matcher.engine.limits import ShardLimits
from matcher.engine.network import InboundChoice, Network, Places, places_of
from matcher.simulate.whatif.gate_table import RolloutTable
from matcher.simulate.whatif.timeline import NEVER, Timeline

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: Prices of ordinary routes that are kept at once, one for each set of full warehouses.
_CHOICES_MAX = 64


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """The return items, by canonical place; ``deadline_us`` is when time is up."""

    items: tuple[ReturnItem, ...]
    created_us: IntArray
    order: IntArray
    deadline_us: IntArray
    condition: IntArray
    weight_grams: IntArray
    row_of: dict[str, int]

    @classmethod
    def of(cls, timeline: Timeline, margin_us: int) -> Items:
        """Take the items of a timeline."""
        items = tuple(each.item for each in timeline.arrivals)
        decide_by = _ints([item.decide_by_us for item in items])
        return cls(
            items=items,
            created_us=_ints([each.created_us for each in timeline.arrivals]),
            order=_ints([each.order for each in timeline.arrivals]),
            deadline_us=decide_by - margin_us,
            condition=_ints([int(item.condition) for item in items]),
            weight_grams=_ints([item.weight_grams for item in items]),
            row_of={item.return_id: row for row, item in enumerate(items)},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """The states of the demands, by demand id; ``unit`` numbers the demands."""

    unit: IntArray
    demand_ids: tuple[str, ...]
    from_order: IntArray
    until_order: IntArray
    ship_by_us: IntArray
    quantity: IntArray
    min_condition: IntArray
    priority: IntArray
    consents: BoolArray
    lat: NDArray[np.float64]
    lng: NDArray[np.float64]
    categories: list[str]
    promised: IntArray
    fulfilled: IntArray
    first_state: IntArray

    def states_like(self, state: int) -> IntArray:
        """Return all states of the demand that has a state."""
        unit = self.unit[state]
        return np.arange(self.first_state[unit], self.first_state[unit + 1])

    @classmethod
    def of(cls, timeline: Timeline) -> Orders:
        """Take the demands of a timeline."""
        states = timeline.demands
        demands = [each.demand for each in states]
        number: dict[str, int] = {}
        unit = _ints([number.setdefault(d.demand_id, len(number)) for d in demands])
        promised, fulfilled = (np.zeros(len(number), np.int64) for _ in range(2))
        np.add.at(promised, unit, _ints([s.promised_count for s in states]))
        np.add.at(fulfilled, unit, _ints([s.fulfilled_count for s in states]))
        return cls(
            unit=unit,
            demand_ids=tuple(number),
            from_order=_ints([s.from_order for s in states]),
            until_order=_ints([s.until_order for s in states]),
            ship_by_us=_ints([d.ship_by_us for d in demands]),
            quantity=_ints([d.quantity for d in demands]),
            min_condition=_ints([int(d.min_condition) for d in demands]),
            priority=_ints([d.priority for d in demands]),
            consents=np.array([d.accepts_returned_item for d in demands], np.bool_),
            lat=np.array([d.location.lat for d in demands], np.float64),
            lng=np.array([d.location.lng for d in demands], np.float64),
            categories=[d.category for d in demands],
            promised=promised,
            fulfilled=fulfilled,
            first_state=np.searchsorted(unit, np.arange(len(number) + 1)),
        )


class Facts:
    """
    What a timeline says, as arrays, and what follows from its networks.

    Parameters
    ----------
    tenant
        Whose timeline it is.
    timeline
        What happened.
    limits
        Margins of the shard.
    """

    def __init__(
        self, tenant: TenantId, timeline: Timeline, limits: ShardLimits | None = None
    ) -> None:
        self.tenant = tenant
        self.timeline = timeline
        self.limits = limits or ShardLimits()
        self.items = Items.of(timeline, self.limits.decide_margin_us)
        self.orders = Orders.of(timeline)
        self.times_us = np.array(timeline.times_us, np.int64)
        self._ship_by_us = np.sort(self.orders.ship_by_us)
        #: Items that are counted: their places.
        self.counted = np.nonzero(self.items.created_us >= timeline.count_from_us)[0]
        self.rollout = RolloutTable(tenant, [i.customer_id for i in self.items.items])
        self._item_places = places_of(self.items.items)
        self._choices: dict[tuple[int, int, bytes], InboundChoice] = {}
        self._outbound: dict[int, IntArray] = {}
        self._served: dict[int, tuple[BoolArray, BoolArray]] = {}

    def order_at(self, at_us: int) -> int:
        """Return the place behind all that happened up to an instant."""
        return int(np.searchsorted(self.times_us, at_us, side="right"))

    def order_before(self, at_us: int) -> int:
        """Return the place before all that callers did at an instant."""
        return max(1, int(np.searchsorted(self.times_us, at_us)))

    def next_us(self, after_us: int) -> int:
        """Return when anything happens next, behind an instant; else the end."""
        at, ship = self.order_at(after_us), self._ship_by_at(after_us)
        found = [self.timeline.end_us]
        found += self.times_us[at : at + 1].tolist()
        found += self._ship_by_us[ship : ship + 1].tolist()
        return int(min(found))

    def next_urgent_us(self, after_us: int, until_us: int) -> int:
        """
        Return when the first of the items that come in meanwhile may be urgent.

        Whether it then waits at all is not asked.
        """
        start, stop = np.searchsorted(
            self.items.created_us, (after_us, until_us), side="right"
        )
        leave_us = self.items.deadline_us[start:stop] - self.limits.round_lead_us
        urgent_us = np.maximum(leave_us, self.items.created_us[start:stop])
        return int(urgent_us.min(initial=NEVER))

    def _ship_by_at(self, after_us: int) -> int:
        return int(np.searchsorted(self._ship_by_us, after_us, side="right"))

    def served(self, network: Network) -> tuple[BoolArray, BoolArray]:
        """Return which items, and which demands, lie in a service area."""
        found = self._served.get(id(network))
        if found is None:
            places, orders = self._item_places, self.orders
            found = (
                network.in_service_area(places.lat, places.lng),
                network.in_service_area(orders.lat, orders.lng),
            )
            self._served[id(network)] = found
        return found

    def inbound(
        self, network: Network, is_open: BoolArray, standard_micros: int
    ) -> InboundChoice:
        """Return the ordinary route of every item while some warehouses have room."""
        key = (id(network), standard_micros, is_open.tobytes())
        found = self._choices.get(key)
        if found is None:
            if len(self._choices) >= _CHOICES_MAX:
                self._choices.clear()
            found = network.cheapest_inbound(
                self._item_places, is_open.astype(np.int64), standard_micros
            )
            self._choices[key] = found
        return found

    def outbound(self, network: Network, standard_micros: int) -> IntArray:
        """Price shipping each demand from stock."""
        micros = self._outbound.get(id(network))
        if micros is None:
            orders = self.orders
            places = Places(orders.lat, orders.lng, orders.categories)
            micros = self._outbound[id(network)] = network.cheapest_outbound(places)
        return np.where(micros < 0, standard_micros, micros)


def _ints(values: list[int]) -> IntArray:
    return np.array(values, np.int64)
