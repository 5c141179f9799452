"""What callers do with the matches of a life."""

from __future__ import annotations

from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.happenings import Happening, Happenings, Kind
from matcher.simulate.whatif.standings import Standings
from matcher.simulate.whatif.timeline import Fate, FateKind

# What the caller of an item does that is not known to have done anything else.
_AT_ONCE = Fate(FateKind.CONFIRMED)


class Fates:
    """Lets a caller do with a match what it did with its own match of that item."""

    def __init__(self, facts: Facts, at: Standings, happenings: Happenings) -> None:
        self._facts = facts
        self._at = at
        self._happenings = happenings

    def is_at_once(self, row: int) -> bool:
        """Whether a match of an item is confirmed as soon as it is made."""
        fate = self._of(row)
        return fate.kind is FateKind.CONFIRMED and not fate.after_us

    def await_fate(self, row: int, now_us: int, expire_us: int) -> None:
        """Note what will become of a match that is made now and held until then."""
        fate, number = self._of(row), int(self._at.match_number[row])
        at_us = now_us + fate.after_us
        if fate.kind is FateKind.NOTHING or at_us >= expire_us:
            happening = Happening(expire_us, 0, Kind.FREED, row, number)
        elif fate.kind is FateKind.RELEASED:
            order = max(1, self._facts.order_at(at_us) - 1)
            happening = Happening(at_us, order, Kind.FREED, row, number)
        else:
            happening = Happening(at_us, 0, Kind.CONFIRMED, row, number)
        self._happenings.add(happening)

    def _of(self, row: int) -> Fate:
        fates = self._facts.timeline.arrivals[row].fates
        number = int(self._at.match_number[row])
        return fates[number] if number < len(fates) else _AT_ONCE
