"""What happens to single items and demands between rounds, in its order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.timeline import NEVER


class Kind(IntEnum):
    """What happens; at one instant and place, in this order."""

    FREED = 0
    EXTENDED = 1
    CONFIRMED = 2
    DEMAND_CHANGED = 3
    DEMAND_ENDED = 4
    INSPECTED = 5
    CANCELLED = 6
    REPORTED = 7


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """
    One of them: when, behind which command, what, to which item.

    ``order`` is 0 for what time does by itself, which comes before any command of the
    instant. ``number`` is that of the match, of the inspection, of the report, or of
    the demand's state; an item has no part in the last, nor in a report of one that was
    settled before the start.
    """

    at_us: int
    order: int
    kind: Kind
    row: int
    number: int = 0


class Happenings:
    """
    A queue of what is still to come.

    ``is_turn`` says what may change how all that comes behind it is decided.
    """

    def __init__(self, is_turn: Callable[[Happening], bool]) -> None:
        self._queue: list[Happening] = []
        self._turns: list[Happening] = []
        self._is_turn = is_turn

    def add(self, happening: Happening) -> None:
        """Add what will happen."""
        heapq.heappush(self._queue, happening)
        if self._is_turn(happening):
            heapq.heappush(self._turns, happening)

    def turn(self, until_us: int, before_order: int) -> Happening | None:
        """Take the next turn up to an instant off their list, if there is one."""
        found = None
        while self._turns:
            first = self._turns[0]
            if first.at_us > until_us or first.order >= before_order:
                break
            if found and (found.at_us, found.order) != (first.at_us, first.order):
                break
            found = heapq.heappop(self._turns)
        return found

    def next_us(self) -> int:
        """Return when the first of them happens."""
        return self._queue[0].at_us if self._queue else NEVER

    def take(self, until_us: int, before_order: int) -> Iterator[Happening]:
        """
        Yield what happens up to an instant, commands before a place only.

        What is added meanwhile takes its turn.
        """
        while self._queue:
            first = self._queue[0]
            if first.at_us > until_us or first.order >= before_order:
                return
            yield heapq.heappop(self._queue)


def foreseen(facts: Facts, units: DemandUnits) -> Iterator[Happening]:
    """Yield what callers do whatever is decided: cancel, inspect, report, order."""
    timeline = facts.timeline
    for row, arrival in enumerate(timeline.arrivals):
        if arrival.cancel_us < NEVER:
            at = arrival.cancel_us, arrival.cancel_order
            yield Happening(*at, Kind.CANCELLED, row)
    for number, each in enumerate(timeline.inspections):
        row = facts.items.row_of[each.item.return_id]
        yield Happening(each.at_us, each.order, Kind.INSPECTED, row, number)
    for number, told in enumerate(timeline.reports):
        row = -1 if told.demand_id is None else facts.items.row_of[told.item.return_id]
        yield Happening(told.at_us, told.order, Kind.REPORTED, row, number)
    for order, state, is_end in units.later_turns():
        at_us = int(facts.times_us[order])
        kind = Kind.DEMAND_ENDED if is_end else Kind.DEMAND_CHANGED
        yield Happening(at_us, order, kind, 0, state)
