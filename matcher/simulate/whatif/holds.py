"""The matches of a life, from the promise to how they end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.domain.policy import Policy
from matcher.domain.reason import ReasonCode
from matcher.simulate.whatif.codes import bit
from matcher.simulate.whatif.course import Ending
from matcher.simulate.whatif.demand_units import DemandUnits
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.fates import Fates
from matcher.simulate.whatif.guard import Guard
from matcher.simulate.whatif.happenings import Happening, Happenings
from matcher.simulate.whatif.market import Matched
from matcher.simulate.whatif.match_places import MatchPlaces
from matcher.simulate.whatif.standings import Standings
from matcher.simulate.whatif.terms import Terms

IntArray = NDArray[np.int64]

_RELEASED = bit(ReasonCode.MATCH_RELEASED)
_HOLD_EXPIRED = bit(ReasonCode.HOLD_EXPIRED)


class Holds:
    """
    Promises units of demands to items, and lets callers do what they did.

    Attributes
    ----------
    units, places
        What is promised of demands, and of match limits.
    """

    def __init__(
        self,
        facts: Facts,
        at: Standings,
        units: DemandUnits,
        happenings: Happenings,
        guard: Guard,
    ) -> None:
        self._facts = facts
        self._at = at
        self._guard = guard
        self._fates = Fates(facts, at, units, happenings)
        self.units = units
        self.places = MatchPlaces(facts)
        self._unit_of = {each: at for at, each in enumerate(facts.orders.demand_ids)}
        self._released: dict[int, frozenset[int]] = {}
        # What was said of an item before it is handed over in this life.
        self._early: dict[int, list[int]] = {}

    @property
    def released(self) -> dict[int, frozenset[int]]:
        """The demands that each item is not to be matched with again."""
        return dict(self._released)

    def know_released(self, row: int, demand_ids: tuple[str, ...]) -> None:
        """Take the pairs that are not to be made again, from before the start."""
        gone = (self._unit_of[each] for each in demand_ids if each in self._unit_of)
        if units := frozenset(gone):
            self._released[row] = units

    def begin(self) -> None:
        """Hold what was held at the start."""
        timeline = self._facts.timeline
        for match in timeline.held:
            row = self._facts.items.row_of[match.return_id]
            self._at.is_stale[row] = False
            self._at.match(
                np.array([row]),
                state=self._facts.orders.first_state[self._unit_of[match.demand_id]],
                distance_m=match.distance_m,
                saving=match.saving_micros,
                label=match.match_cost_micros,
                now_us=timeline.start_us,
            )
            self._hold(row, timeline.start_us, match.hold_expire_us, None)

    def promise(self, matched: Matched, terms: Terms, now_us: int) -> None:
        """Hold what a round has matched."""
        row, edge = matched.row, matched.edge
        state = terms.pairs.state[edge]
        self.units.take(state.astype(np.int64))
        self.places.take(row.tolist(), matched.places)
        self._at.match(
            row,
            state=state.astype(np.int64),
            distance_m=terms.pairs.distance_m[edge].astype(np.int64),
            saving=matched.saving_micros,
            label=terms.prices.label_micros[edge],
            now_us=now_us,
        )
        policy = terms.policy
        expire_us = np.minimum(
            np.minimum(
                now_us + policy.hold_duration_us, self._facts.items.deadline_us[row]
            ),
            self._facts.orders.ship_by_us[state] - policy.handling_duration_us,
        )
        for at, its_expire_us in zip(row.tolist(), expire_us.tolist(), strict=True):
            self._hold(at, now_us, its_expire_us, policy)

    def extended(self, each: Happening) -> None:
        """Let a hold run on."""
        self._fates.extended(each)

    def confirm(self, each: Happening) -> None:
        """Hand an item over, if it is still held by this match."""
        if self._is_held(each):
            self._confirm(each.row, each.at_us)

    def free(self, each: Happening) -> int | None:
        """
        End a hold by release or expiry, if it still stands.

        Returns
        -------
        int | None
            What is to be said of it where the item is decided about anew; ``None`` if
            the hold had ended before.
        """
        if not self._is_held(each):
            return None
        row, is_released = each.row, each.order > 0
        if is_released:
            unit = int(self._facts.orders.unit[self._at.state[row]])
            self._released[row] = self._released.get(row, frozenset()) | {unit}
        self._guard.hold_ended(row, each.at_us, expired=not is_released)
        self._at.match_number[row] += 1
        return _RELEASED if is_released else _HOLD_EXPIRED

    def give_back(self, row: int, now_us: int) -> IntArray:
        """Open the unit of an item again; return the states of its demand."""
        state = int(self._at.state[row])
        self.places.give_back(row, now_us)
        self.units.give_back(state)
        return self._facts.orders.states_like(state)

    def report(self, each: Happening) -> None:
        """
        Take what was said of an item.

        It tells of this life if the item went to the same buyer. Of one that has not
        been handed over yet it is kept until then.
        """
        report = self._facts.timeline.reports[each.number]
        if report.demand_id is None:
            self._guard.report(report, each.at_us)
        elif self._at.ending[each.row] == Ending.CONFIRMED:
            self._report(each.row, each.number, each.at_us)
        else:
            self._early.setdefault(each.row, []).append(each.number)

    def _hold(
        self, row: int, now_us: int, expire_us: int, policy: Policy | None
    ) -> None:
        if self._fates.is_at_once(row) and now_us < expire_us:
            self._confirm(row, now_us)
        else:
            self._fates.await_fate(row, now_us, expire_us, policy)

    def _is_held(self, each: Happening) -> bool:
        is_held = self._at.ending[each.row] == Ending.HELD
        return bool(is_held and self._at.match_number[each.row] == each.number)

    def _confirm(self, row: int, now_us: int) -> None:
        self.units.fulfil(int(self._at.state[row]))
        self._at.ending[row] = Ending.CONFIRMED
        self._guard.hold_ended(row, now_us, expired=False)
        for number in self._early.pop(row, ()):
            self._report(row, number, now_us)

    def _report(self, row: int, number: int, now_us: int) -> None:
        report = self._facts.timeline.reports[number]
        unit = int(self._facts.orders.unit[self._at.state[row]])
        if self._facts.orders.demand_ids[unit] == report.demand_id:
            self._guard.report(report, now_us)
