"""The demands of a timeline, and their units, as one variant promises them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.timeline import NEVER

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class DemandUnits:
    """
    Which state each demand is in, and its units that are promised and fulfilled.

    A caller's change is refused where a shard would refuse it: below what is promised,
    or of a demand that has ended.
    """

    def __init__(self, facts: Facts) -> None:
        self._orders = orders = facts.orders
        self._times_us = facts.times_us
        self._promised = orders.promised.copy()
        self._fulfilled = orders.fulfilled.copy()
        self._is_closed = np.zeros(len(self._promised), np.bool_)
        self._is_there = np.zeros(len(orders.unit), np.bool_)
        self._state = np.full(len(self._promised), -1, np.int64)
        first = orders.first_state[:-1]
        self._first = first[np.argsort(orders.from_order[first], kind="stable")]
        self._first_sorted = orders.from_order[self._first]
        self._come_count = 0
        self._by_ship_by = np.argsort(orders.ship_by_us, kind="stable")
        self._ship_by_sorted = orders.ship_by_us[self._by_ship_by]
        self._expired_count = 0

    def come(self, before_order: int) -> IntArray:
        """Let demands come in up to a place; return their states."""
        stop = int(np.searchsorted(self._first_sorted, before_order))
        came = self._first[self._come_count : stop]
        self._come_count = max(self._come_count, stop)
        # One that had ended before the start only holds what it promised.
        came = came[self._orders.until_order[came] > 0]
        self._is_there[came] = True
        self._state[self._orders.unit[came]] = came
        return came

    def later_turns(self) -> list[tuple[int, int, bool]]:
        """Return what callers did to demands later: place, state, whether it ends."""
        orders = self._orders
        is_first = np.zeros(len(orders.unit), np.bool_)
        is_first[self._first] = True
        changes = np.nonzero(~is_first)[0]
        # A state that the next one does not follow at once was cancelled.
        follows = np.zeros(len(orders.unit), np.bool_)
        follows[changes - 1] = (
            orders.from_order[changes] == orders.until_order[changes - 1]
        )
        is_ended = (orders.until_order < NEVER) & (orders.until_order > 0) & ~follows
        return [
            *((int(orders.from_order[at]), int(at), False) for at in changes),
            *(
                (int(orders.until_order[at]), int(at), True)
                for at in np.nonzero(is_ended)[0]
            ),
        ]

    def change(self, state: int, order: int) -> IntArray:
        """Let a demand take another state; return it, or nothing if it is refused."""
        orders, unit = self._orders, self._orders.unit[state]
        before = self._state[unit]
        is_over = orders.ship_by_us[before] <= self._times_us[order]
        if (
            is_over
            or self._is_closed[unit]
            or orders.quantity[state] < self._promised[unit]
        ):
            return np.empty(0, np.int64)
        self._is_there[before] = False
        self._is_there[state] = True
        self._state[unit] = state
        self._is_closed[unit] = self._fulfilled[unit] >= orders.quantity[state]
        return np.array([state])

    def end(self, state: int) -> None:
        """Let a demand be cancelled; what it promised stands."""
        unit = self._orders.unit[state]
        self._is_closed[unit] = True
        self._is_there[self._state[unit]] = False

    def expire(self, until_us: int) -> bool:
        """Return whether demands shipped since this was last asked."""
        stop = int(np.searchsorted(self._ship_by_sorted, until_us, side="right"))
        gone = self._by_ship_by[self._expired_count : stop]
        self._expired_count = max(self._expired_count, stop)
        unit = self._orders.unit[gone]
        return bool((self._is_there[gone] & ~self._is_closed[unit]).any())

    def take(self, states: IntArray) -> None:
        """Promise one unit for each mention of a demand's state."""
        np.add.at(self._promised, self._orders.unit[states], 1)

    def give_back(self, state: int) -> None:
        """Open a promised unit again."""
        self._promised[self._orders.unit[state]] -= 1

    def fulfil(self, state: int) -> None:
        """Fulfil a promised unit; a demand without another one is closed for good."""
        unit = self._orders.unit[state]
        self._fulfilled[unit] += 1
        now = self._state[unit]
        if self._fulfilled[unit] >= self._orders.quantity[now]:
            self._is_closed[unit] = True

    def ship_by_us(self, state: int) -> int:
        """Return when a demand ships, as its caller put it last."""
        now = self._state[self._orders.unit[state]]
        return int(self._orders.ship_by_us[now])

    def open_counts(self, now_us: int) -> IntArray:
        """Return the open units of each state at an instant."""
        counts = np.zeros(len(self._orders.unit), np.int64)
        at = np.nonzero(self._is_there)[0]
        counts[at] = self.open_units(at, now_us)
        return counts

    def open_units(self, states: IntArray, now_us: int) -> IntArray:
        """Return the open units of some states at an instant."""
        orders = self._orders
        unit = orders.unit[states]
        is_open = (
            self._is_there[states]
            & (orders.ship_by_us[states] > now_us)
            & orders.consents[states]
            & ~self._is_closed[unit]
        )
        return np.where(is_open, orders.quantity[states] - self._promised[unit], 0)
