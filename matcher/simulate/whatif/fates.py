"""What callers do with the matches of a life."""

from __future__ import annotations

from matcher.domain.policy import Policy
from matcher.simulate.whatif.course import Ending
from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.happenings import Happening, Happenings, Kind
from matcher.simulate.whatif.standings import Standings
from matcher.simulate.whatif.timeline import Fate, FateKind

# What the caller of an item does that is not known to have done anything else.
_AT_ONCE = Fate(FateKind.CONFIRMED)


class Fates:
    """Lets a caller do with a match what it did with its own match of that item."""

    def __init__(
        self,
        facts: Facts,
        at: Standings,
        units: DemandUnits,
        happenings: Happenings,
    ) -> None:
        self._facts = facts
        self._at = at
        self._units = units
        self._happenings = happenings
        # Of holds that will be extended: when made, until when held, by which policy.
        self._waiting: dict[int, tuple[int, int, Policy | None]] = {}

    def is_at_once(self, row: int) -> bool:
        """Whether a match of an item is confirmed as soon as it is made."""
        fate = self._of(row)
        return fate.kind is FateKind.CONFIRMED and not fate.after_us

    def await_fate(
        self, row: int, now_us: int, expire_us: int, policy: Policy | None
    ) -> None:
        """
        Note what will become of a match that is made now and held until then.

        ``policy`` is the one that makes it; ``None`` for what was held at the start.
        """
        fate = self._of(row)
        is_open_ended = fate.kind is FateKind.NOTHING
        end_us = expire_us if is_open_ended else min(expire_us, now_us + fate.after_us)
        if fate.extension and now_us + fate.extension.after_us < end_us:
            number = int(self._at.match_number[row])
            at_us = now_us + fate.extension.after_us
            self._waiting[row] = (now_us, expire_us, policy)
            self._happenings.add(Happening(at_us, 0, Kind.EXTENDED, row, number))
        else:
            self._await_end(row, now_us, expire_us)

    def extended(self, each: Happening) -> None:
        """Let a hold run on, as far as it may; it may have ended before."""
        row = each.row
        is_held = self._at.ending[row] == Ending.HELD
        if not is_held or self._at.match_number[row] != each.number:
            return
        made_us, expire_us, policy = self._waiting.pop(row)
        extension = self._of(row).extension
        assert extension is not None, row
        latest_us = self._units.ship_by_us(int(self._at.state[row]))
        span_us = extension.span_us
        if policy is not None:
            latest_us -= policy.handling_duration_us
            span_us = min(span_us, policy.hold_duration_us)
        latest_us = min(latest_us, int(self._facts.items.deadline_us[row]))
        longer_us = max(expire_us, min(expire_us + span_us, latest_us))
        self._await_end(row, made_us, longer_us)

    def _await_end(self, row: int, now_us: int, expire_us: int) -> None:
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
