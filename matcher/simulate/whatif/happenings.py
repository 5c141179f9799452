"""What happens to single items and demands between rounds, in its order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.timeline import NEVER


class Kind(IntEnum):
    """What happens; at one instant and place, in this order."""

    EXTENDED = 0
    CONFIRMED = 1
    FREED = 2
    DEMAND_CHANGED = 3
    DEMAND_ENDED = 4
    INSPECTED = 5
    CANCELLED = 6


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """
    One of them: when, behind which command, what, to which item.

    ``order`` is 0 for what time does by itself, which comes before any command of the
    instant. ``number`` is that of the match, of the inspection, or of the demand's
    state; an item has no part in the last.
    """

    at_us: int
    order: int
    kind: Kind
    row: int
    number: int = 0


class Happenings:
    """A queue of what is still to come."""

    def __init__(self) -> None:
        self._queue: list[Happening] = []

    def add(self, happening: Happening) -> None:
        """Add what will happen."""
        heapq.heappush(self._queue, happening)

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
    """Yield what callers do whatever is decided: cancel, inspect, change demands."""
    timeline = facts.timeline
    for row, arrival in enumerate(timeline.arrivals):
        if arrival.cancel_us < NEVER:
            at = arrival.cancel_us, arrival.cancel_order
            yield Happening(*at, Kind.CANCELLED, row)
    for number, each in enumerate(timeline.inspections):
        row = facts.items.row_of[each.item.return_id]
        yield Happening(each.at_us, each.order, Kind.INSPECTED, row, number)
    for order, state, is_end in units.later_turns():
        at_us = int(facts.times_us[order])
        kind = Kind.DEMAND_ENDED if is_end else Kind.DEMAND_CHANGED
        yield Happening(at_us, order, kind, 0, state)
