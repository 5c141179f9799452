"""Decides about items outside rounds: as they come in, and when their time is up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.domain.reason import ReasonCode
from matcher.simulate.whatif.codes import bit
from matcher.simulate.whatif.course import Ending
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.market import Scene, found_bits
from matcher.simulate.whatif.reception import PAUSED, PENDING, Reception
from matcher.simulate.whatif.standings import Standings
from matcher.simulate.whatif.terms import Terms
from matcher.simulate.whatif.timeline import Setting
from matcher.simulate.whatif.watch import Watch
from matcher.simulate.whatif.yard import Exit, Yard

IntArray = NDArray[np.int64]

_LATE = bit(ReasonCode.DECIDE_BY_REACHED)
_CANCELLED = bit(ReasonCode.RETURN_CANCELLED)


class Desk:
    """
    Lets items wait or leave, as the gates find.

    Attributes
    ----------
    yard
        The warehouses that they leave for.
    scene
        The market of the last round.
    round_count
        Rounds that have begun.
    """

    def __init__(
        self,
        facts: Facts,
        at: Standings,
        reception: Reception,
        watch: Watch,
        setting: Setting,
    ) -> None:
        self._items = facts.items
        self._at = at
        self._reception = reception
        self._watch = watch
        self.yard = Yard(facts, setting.network, facts.timeline.warehouse_days)
        self.scene: Scene | None = None
        self.round_count = 0
        self._exits: list[Exit] = []
        self._deadline_at = 0
        self._by_deadline = np.argsort(facts.items.deadline_us, kind="stable")
        self._deadlines_sorted = facts.items.deadline_us[self._by_deadline]

    def arrive(self, rows: IntArray) -> None:
        """Decide about items as they come in."""
        items = self._items
        now_us = items.created_us[rows]
        bits, valid_until_us = self._reception.first_looks(rows)
        late = now_us >= items.deadline_us[rows]
        bits = self._reception.admit(rows, bits, now_us, ~late)
        waits = ((bits == 0) | (bits == PENDING)) & ~late
        self._wait(rows[waits], bits[waits], valid_until_us[waits])
        reasons = bits | np.where(late, _LATE, 0)
        gone = ~waits
        self.leave(rows[gone], now_us[gone], items.order[rows[gone]], reasons[gone])

    def decide(self, row: int, now_us: int, order: int, happened: int = 0) -> None:
        """Decide about one item, to which something has happened."""
        bits, valid_until_us = self._reception.look(row, now_us)
        rows, now = np.array([row]), np.array([now_us])
        is_late = now_us >= self._items.deadline_us[row]
        (bits,) = self._reception.admit(
            rows, np.array([bits]), now, np.array([not is_late])
        ).tolist()
        # Whoever waits keeps the place during a pause; nobody new comes in.
        stays = bits & PAUSED and self._at.ending[row] == Ending.WAITING
        waits = not bits & ~((PAUSED if stays else 0) | PENDING)
        if waits and not is_late:
            self._wait(rows, np.array([bits]), np.array([valid_until_us]))
            return
        reasons = bits | happened | (_LATE if is_late else 0)
        self.leave(rows, now, np.array([order]), np.array([reasons]))

    def leave(
        self, rows: IntArray, now_us: IntArray, order: IntArray, reasons: IntArray
    ) -> None:
        """Send items to warehouses."""
        self._at.end(rows, Ending.WAREHOUSE, now_us, reasons)
        exits = zip(now_us.tolist(), order.tolist(), rows.tolist(), strict=True)
        self._exits.extend(exits)
        self._watch.left(rows)

    def cancel(self, row: int, now_us: int) -> None:
        """Let an item go that its customer called off."""
        rows = np.array([row])
        self._at.end(rows, Ending.CANCELLED, np.array([now_us]), np.array([_CANCELLED]))
        self._watch.left(rows)

    def expire(self, until_us: int) -> None:
        """Send away the items whose time is up."""
        deadlines = self._items.deadline_us
        at = int(np.searchsorted(self._deadlines_sorted, until_us, side="right"))
        rows = self._by_deadline[self._deadline_at : at]
        self._deadline_at = max(self._deadline_at, at)
        rows = np.sort(rows[self._at.ending[rows] == Ending.WAITING])
        if not len(rows):
            return
        bits = self._at.bits[rows]
        known = (
            ((bits == 0) | (bits == PENDING))
            & ~self._at.is_stale[rows]
            & (self._at.valid_until_us[rows] > deadlines[rows])
        )
        for place in np.nonzero(~known)[0].tolist():
            row = int(rows[place])
            bits[place], _ = self._reception.look(row, int(deadlines[row]))
        seen = self._at.since[rows] < self.round_count
        if self.scene is not None:
            bits[seen] |= found_bits(self.scene, rows[seen])
        bits[~seen] |= self._at.found_before[rows[~seen]]
        self.leave(rows, deadlines[rows], np.zeros_like(rows), bits | _LATE)

    def flush(self, terms: Terms | None) -> None:
        """Count who went to warehouses since this was last done."""
        if self._exits:
            standard = terms.policy.cost_model.standard_return_micros if terms else 0
            self.yard.take(self._exits, standard)
            self._exits = []

    def _wait(self, rows: IntArray, bits: IntArray, valid_until_us: IntArray) -> None:
        self._at.wait(rows, bits, valid_until_us, self.round_count)
        # Only who could find a buyer makes a round due.
        open_to = rows[bits == 0]
        self._watch.left(rows[bits != 0])
        self._watch.entered(open_to, self._items.deadline_us[open_to])
