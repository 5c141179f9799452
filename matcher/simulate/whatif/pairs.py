"""Every pair of a return item and a demand that any variant may consider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.policy import MatchKey
from matcher.index import DemandIndex
from matcher.simulate.whatif.timeline import Timeline

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]

#: Items whose pairs are looked up at once; bounds the memory.
_ROWS_AT_ONCE = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """
    Pairs within the widest radius that meet in time, by match key, item and demand.

    Parameters
    ----------
    keys
        The match keys that they were found by, ``k`` of them.
    start, stop
        ``int64 (k, n)``: the pairs of an item by a key.
    row, state, distance_m
        ``int32 (e,)``: item, position of the demand's state in the timeline, metres.
    item_key, state_key
        ``int64 (k, n)`` and ``(k, v)``: what is equal in a pair, as numbers.
    """

    keys: tuple[MatchKey, ...]
    start: IntArray
    stop: IntArray
    row: Int32Array
    state: Int32Array
    distance_m: Int32Array
    item_key: IntArray
    state_key: IntArray


#: The widest radius of each category, by the match keys that variants open it with.
Reach = Mapping[MatchKey, Mapping[str, int]]


def find_pairs(
    timeline: Timeline,
    reach: Reach,
    *,
    threads: int = 1,
    step: Callable[[int], None] = lambda _: None,
) -> Pairs:
    """
    Find the pairs of a timeline.

    Parameters
    ----------
    timeline
        Whose items and demands.
    reach
        What to look for.
    threads
        How many look; without influence on what is found.
    step
        Told of so many items looked at.

    Returns
    -------
    Pairs
        Exact in metres: a variant with a smaller radius takes those within it, and
        finds what it would have found by itself.
    """
    finder = _Finder(timeline, threads, step)
    keys = tuple(sorted(reach))
    parts = [finder.find(key, reach[key]) for key in keys]
    before = np.cumsum([0] + [len(part.row) for part in parts])
    count, states = len(timeline.arrivals), len(timeline.demands)
    starts = [part.starts + at for part, at in zip(parts, before, strict=False)]
    empty = [np.empty(0, np.int32)]
    return Pairs(
        keys=keys,
        start=_grid([each[:-1] for each in starts], count),
        stop=_grid([each[1:] for each in starts], count),
        row=np.concatenate([part.row for part in parts] or empty),
        state=np.concatenate([part.state for part in parts] or empty),
        distance_m=np.concatenate([part.distance_m for part in parts] or empty),
        item_key=_grid([part.item_key for part in parts], count),
        state_key=_grid([part.state_key for part in parts], states),
    )


def _grid(rows: list[IntArray], width: int) -> IntArray:
    # Also of no rows, and of rows of no width.
    return np.array(rows, np.int64).reshape(len(rows), width)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The pairs of one match key; ``starts`` is ``int64 (n + 1,)``."""

    starts: IntArray
    row: Int32Array
    state: Int32Array
    distance_m: Int32Array
    item_key: IntArray
    state_key: IntArray


class _Finder:
    # What the look-ups of one timeline share.
    def __init__(
        self, timeline: Timeline, threads: int, step: Callable[[int], None]
    ) -> None:
        self._threads = threads
        self._step = step
        self._items = [each.item for each in timeline.arrivals]
        self._demands = [each.demand for each in timeline.demands]
        self._lat = np.array([i.location.lat for i in self._items], np.float64)
        self._lng = np.array([i.location.lng for i in self._items], np.float64)
        times_us = np.array(timeline.times_us, np.int64)
        states = timeline.demands
        self._come_us = np.array([a.created_us for a in timeline.arrivals], np.int64)
        self._go_us = np.array([i.decide_by_us for i in self._items], np.int64)
        self._from_us = times_us[np.array([s.from_order for s in states], np.int64)]
        self._until_us = np.array([d.ship_by_us for d in self._demands], np.int64)

    def find(self, key: MatchKey, radius_m: Mapping[str, int]) -> _Part:
        names: dict[str, int] = {}
        by_sku = key is MatchKey.SKU
        state_key, item_key = (
            np.array(
                [
                    names.setdefault(v.sku if by_sku else v.category, len(names))
                    for v in values
                ],
                np.int64,
            )
            for values in (self._demands, self._items)
        )
        index, state_of_slot = self._indexed(state_key)
        radius = np.array([radius_m.get(i.category, 0) for i in self._items], np.int64)
        found = [np.empty((3, 0), np.int32)]
        asked = np.nonzero(radius)[0]
        for start in range(0, len(asked), _ROWS_AT_ONCE):
            rows = asked[start : start + _ROWS_AT_ONCE]
            near = index.within(
                item_key[rows],
                self._lat[rows],
                self._lng[rows],
                radius[rows],
                threads=self._threads,
            )
            row = np.repeat(rows, np.diff(near.row_offsets))
            state = state_of_slot[near.slots]
            meets = np.nonzero(self._meet(row, state))[0]
            order = meets[np.lexsort((state[meets], row[meets]))]
            found.append(
                np.array([row[order], state[order], near.distance_m[order]], np.int32)
            )
            self._step(len(rows))
        row, state, distance = np.concatenate(found, axis=1)
        starts = np.zeros(len(self._items) + 1, np.int64)
        np.cumsum(np.bincount(row, minlength=len(self._items)), out=starts[1:])
        return _Part(starts, row, state, distance, item_key, state_key)

    def _indexed(self, state_key: IntArray) -> tuple[DemandIndex, IntArray]:
        # An index of the demands whose buyers consent, and the state of each slot.
        index = DemandIndex()
        consents = np.nonzero([d.accepts_returned_item for d in self._demands])[0]
        places = [self._demands[at].location for at in consents.tolist()]
        slots = index.insert(
            state_key[consents], [p.lat for p in places], [p.lng for p in places]
        )
        state_of_slot = np.zeros(int(slots.max(initial=-1)) + 1, np.int64)
        state_of_slot[slots] = consents
        return index, state_of_slot

    def _meet(self, row: IntArray, state: IntArray) -> NDArray[np.bool_]:
        # Whether an item and a demand may be there at the same time. A change of the
        # demand does not end its state for certain: a variant may have to refuse it.
        in_time: NDArray[np.bool_] = (self._from_us[state] <= self._go_us[row]) & (
            self._come_us[row] <= self._until_us[state]
        )
        return in_time
