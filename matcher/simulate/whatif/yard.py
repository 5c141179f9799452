"""Items that go to warehouses, and what those still take on a day."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from matcher.engine.network import Network, places_of
from matcher.engine.network_book import DAY_US
from matcher.engine.records import WarehouseDay
from matcher.simulate.whatif.facts import Facts

IntArray = NDArray[np.int64]

#: An item's way out: when, in the same command as which others, and its row.
Exit = tuple[int, int, int]


class Yard:
    """
    Counts items against the daily capacities of warehouses, as a shard does.

    One that is full counts only where every accepting one is.
    """

    def __init__(
        self, facts: Facts, network: Network, days: tuple[WarehouseDay, ...]
    ) -> None:
        self._facts = facts
        self._network = network
        self._routed: dict[tuple[str, int], int] = defaultdict(int)
        for each in days:
            self._routed[each.warehouse_id, each.day] = each.routed_count

    def set_network(self, network: Network) -> None:
        """Take a changed network."""
        self._network = network

    def remaining(self, now_us: int) -> IntArray:
        """Return the units that each warehouse still takes on the day."""
        day = now_us // DAY_US
        routed = [self._routed[w.warehouse_id, day] for w in self._network.warehouses]
        left: IntArray = self._network.daily_capacity - np.array(routed, np.int64)
        return left

    def take(self, exits: list[Exit], standard_micros: int) -> None:
        """Route items in the order in which they go."""
        if not self._network.warehouses:
            return
        exits = sorted(exits)
        for _, of_day in groupby(exits, key=lambda each: each[0] // DAY_US):
            self._take_day(list(of_day), standard_micros)

    def _take_day(self, exits: list[Exit], standard_micros: int) -> None:
        now_us = exits[0][0]
        left = self.remaining(now_us)
        choice = self._facts.inbound(self._network, left > 0, standard_micros)
        wanted = choice.warehouse[[row for _, _, row in exits]]
        count = np.bincount(wanted[wanted >= 0], minlength=len(left))
        if (count <= np.maximum(left, 0)).all():
            # Nothing fills up: each goes where it is cheapest, whatever the order.
            self._add(now_us, count)
            return
        for _, together in groupby(exits, key=lambda each: each[:2]):
            self._take_group([row for _, _, row in together], now_us, standard_micros)

    def _take_group(self, rows: list[int], now_us: int, standard_micros: int) -> None:
        left = self.remaining(now_us)
        count = np.zeros(len(left), np.int64)
        if len(rows) == 1:
            choice = self._facts.inbound(self._network, left > 0, standard_micros)
            at = int(choice.warehouse[rows[0]])
            count[at] += at >= 0
        else:
            items = [self._facts.items.items[row] for row in rows]
            place = {
                w.warehouse_id: at for at, w in enumerate(self._network.warehouses)
            }
            for route in self._network.route(places_of(items), left, standard_micros):
                if route.warehouse_id:
                    count[place[route.warehouse_id]] += 1
        self._add(now_us, count)

    def _add(self, now_us: int, count: IntArray) -> None:
        day = now_us // DAY_US
        for warehouse, more in zip(
            self._network.warehouses, count.tolist(), strict=True
        ):
            self._routed[warehouse.warehouse_id, day] += more
