"""How far return items came, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from matcher.domain.item_outcome import Arrival, BuyerResponse
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.report.facts import FactGroup

_MATCHED = (ReturnState.MATCHED, ReturnState.CONFIRMED, ReturnState.COMPLETED)
_CONFIRMED = (ReturnState.CONFIRMED, ReturnState.COMPLETED)


@dataclass(slots=True)
class Funnel:
    """
    Counts of return items; each is in one state, so the states sum to ``submitted``.

    ``matched`` have a promise, kept or still held; ``held`` have one that is neither
    confirmed nor given back, and would save ``held_saving_micros``; ``confirmed`` are
    hand-overs, those that arrived and those under way. What follows ``fallback`` is
    about hand-overs, but for the two of warehouses. ``known`` have any outcome. A
    return that went to a warehouse counts under each of its reasons; ``unexplained``
    ones have none.
    ``recovered`` are hand-overs that are not known to be lost or refused.
    """

    submitted: int = 0
    verified: int = 0
    eligible: int = 0
    matched: int = 0
    held: int = 0
    confirmed: int = 0
    completed: int = 0
    waiting: int = 0
    routed: int = 0
    cancelled: int = 0
    unexplained: int = 0
    fallback: Counter[ReasonCode] = field(default_factory=Counter)
    known: int = 0
    arrived: int = 0
    lost: int = 0
    responded: int = 0
    complained: int = 0
    graded: int = 0
    not_as_verified: int = 0
    warehouse_arrived: int = 0
    warehouse_lost: int = 0
    recovered: int = 0
    saving_micros: int = 0
    held_saving_micros: int = 0
    avoided_m: int = 0
    avoided_count: int = 0

    def add(self, group: FactGroup) -> None:
        """Count a group of items."""
        count, state = group.count, group.state
        self.submitted += count
        self.verified += count * group.is_verified
        self.eligible += count * group.is_eligible
        self.matched += count * (state in _MATCHED)
        self.completed += count * (state is ReturnState.COMPLETED)
        self.waiting += count * (state is ReturnState.WAITING)
        self.cancelled += count * (state is ReturnState.CANCELLED)
        if state is ReturnState.MATCHED:
            self.held += count
            self.held_saving_micros += group.saving_micros
        if state is ReturnState.WAREHOUSE:
            self._add_routed(group)
        if state in _CONFIRMED:
            self._add_confirmed(group)

    def _add_routed(self, group: FactGroup) -> None:
        count = group.count
        self.routed += count
        codes = {code for code in group.codes if code}
        self.unexplained += count * (not codes)
        for code in codes:
            self.fallback[code] += count
        self.warehouse_arrived += count * (group.arrival is Arrival.ARRIVED)
        self.warehouse_lost += count * (group.arrival is Arrival.LOST)

    def _add_confirmed(self, group: FactGroup) -> None:
        count = group.count
        is_bad = group.response in (BuyerResponse.COMPLAINED, BuyerResponse.REFUSED)
        is_lost = group.arrival is Arrival.LOST
        self.confirmed += count
        self.known += count * bool(group.arrival or group.response)
        self.arrived += count * (group.arrival is Arrival.ARRIVED)
        self.lost += count * is_lost
        self.responded += count * bool(group.response)
        self.complained += count * is_bad
        self.graded += count * (group.is_worse is not None)
        self.not_as_verified += count * bool(group.is_worse)
        self.saving_micros += group.saving_micros
        if not is_lost and group.response is not BuyerResponse.REFUSED:
            self.recovered += count
            self.avoided_m += group.avoided_m
            self.avoided_count += group.avoided_count


def funnel_of(groups: Iterable[FactGroup]) -> Funnel:
    """Return the funnel of all groups together."""
    funnel = Funnel()
    for group in groups:
        funnel.add(group)
    return funnel
