"""Places under a volume cap, as the engine gives them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matcher.domain.policy import VolumeCap
from matcher.engine.archive import LiveRows
from matcher.engine.journal import Checkpoint
from matcher.engine.ledger import Ledger
from matcher.engine.records import VolumeHour
from matcher.engine.volume_book import VolumeBook
from matcher.policy.volume import hour_of
from matcher.simulate.replay_store import ReplayStore

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Admissions:
    """Counts eligible items, and gives places to those that ask."""

    def __init__(self, hours: tuple[VolumeHour, ...]) -> None:
        rows = LiveRows(volume_hours=hours)
        store = ReplayStore(Checkpoint(0, 0, rows))
        self._book = VolumeBook(Ledger(store, rows), rows)

    def start_anew(self) -> None:
        """Forget all counts: another cap is in force from now on."""
        self._book.start_anew()

    def count(self, cap: VolumeCap, asks: BoolArray, now_us: IntArray) -> BoolArray:
        """
        Count items in their order; return which of those that ask get a place.

        ``now_us`` never falls. Items of one hour are counted together: the window
        moves by the hour.
        """
        gets = np.zeros(len(asks), np.bool_)
        hours = np.array([hour_of(each) for each in now_us.tolist()], np.int64)
        starts = [*np.nonzero(np.diff(hours, prepend=-1))[0].tolist(), len(asks)]
        for start, stop in pairwise(starts):
            at = slice(start, stop)
            gets[at] = self._book.count(cap, asks[at].tolist(), int(now_us[start]))
        return gets
