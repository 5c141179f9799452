"""Where each return item of a life stands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.domain.program import Pause
from matcher.domain.reason import ReasonCode
from matcher.simulate.whatif.codes import bit
from matcher.simulate.whatif.course import Course, Ending, SolvedRound
from matcher.simulate.whatif.timeline import NEVER

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_WAITS = bit(ReasonCode.AWAITING_ROUND)
_MATCHED = bit(ReasonCode.MATCHED_BEST_SAVING)


class Standings:
    """
    What a life knows of its items, as arrays by item.

    Attributes
    ----------
    ending, reasons, state, distance_m, saving, label, decided_us
        As in :class:`~.course.Course`.
    bits, valid_until_us
        What gates 1 and 2 found last, and until when that holds.
    since
        Rounds that had begun when an item came to be one for buyers; ``NEVER`` if it
        is none.
    is_dirty
        Whether a round has to look for a buyer: something near has changed.
    is_stale
        Whether the gates have to be asked again.
    found_before
        What a round from before the start had found of who waited then.
    match_number
        Matches that have come to nothing.
    """

    def __init__(self, count: int) -> None:
        self.ending = np.zeros(count, np.int8)
        self.state = np.full(count, -1, np.int32)
        self.bits: IntArray = np.zeros(count, np.int64)
        self.reasons: IntArray = np.zeros(count, np.int64)
        self.found_before: IntArray = np.zeros(count, np.int64)
        self.distance_m: IntArray = np.zeros(count, np.int64)
        self.saving: IntArray = np.zeros(count, np.int64)
        self.label: IntArray = np.zeros(count, np.int64)
        self.decided_us: IntArray = np.zeros(count, np.int64)
        self.match_number: IntArray = np.zeros(count, np.int64)
        self.valid_until_us = np.full(count, NEVER, np.int64)
        self.since = np.full(count, NEVER, np.int64)
        self.is_dirty, self.is_stale = (np.zeros(count, np.bool_) for _ in range(2))

    def waiting(self) -> BoolArray:
        """Return which items wait."""
        return np.asarray(self.ending == Ending.WAITING, np.bool_)

    def pool(self) -> BoolArray:
        """Return which items wait for a buyer and nothing else."""
        return self.waiting() & np.equal(self.bits, 0)

    def wait(
        self, rows: IntArray, bits: IntArray, valid_until_us: IntArray, round_count: int
    ) -> None:
        """Let items wait, from the round on that is number ``round_count``."""
        self.ending[rows] = Ending.WAITING
        self.state[rows] = -1
        self.reasons[rows] = bits | _WAITS
        self.bits[rows] = bits
        self.valid_until_us[rows] = valid_until_us
        self.since[rows] = np.where(bits == 0, round_count, NEVER)
        self.is_dirty[rows] = True
        self.is_stale[rows] = False
        self.found_before[rows] = 0

    def match(
        self,
        rows: IntArray,
        *,
        state: IntArray | int,
        distance_m: IntArray | int,
        saving: IntArray | int,
        label: IntArray | int,
        now_us: int,
    ) -> None:
        """Let items be held for a buyer each."""
        self.ending[rows] = Ending.HELD
        self.reasons[rows] = _MATCHED
        self.state[rows] = state
        self.distance_m[rows] = distance_m
        self.saving[rows] = saving
        self.label[rows] = label
        self.decided_us[rows] = now_us

    def end(
        self, rows: IntArray, ending: Ending, now_us: IntArray, reasons: IntArray
    ) -> None:
        """Let items end without a buyer."""
        self.ending[rows] = ending
        self.reasons[rows] = reasons
        self.decided_us[rows] = now_us
        self.state[rows] = -1

    def course(
        self,
        is_eligible: BoolArray,
        rounds: list[SolvedRound],
        round_count: int,
        tripped: tuple[Pause, ...],
    ) -> Course:
        """Return how it all ended."""
        return Course(
            ending=self.ending,
            bits=self.reasons,
            is_eligible=is_eligible,
            state=self.state,
            distance_m=self.distance_m,
            saving_micros=self.saving,
            label_micros=self.label,
            decided_us=self.decided_us,
            rounds=tuple(rounds),
            round_count=round_count,
            tripped=tripped,
        )
