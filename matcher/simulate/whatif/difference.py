"""In what two courses of the same items differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.reason import ReasonCode
from matcher.simulate.whatif.codes import codes_of
from matcher.simulate.whatif.course import Course, Ending
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.interval import Interval, mean_interval


@dataclass(frozen=True, slots=True)
class Side:
    """What one of two courses made of an item; no demand without a match."""

    ending: Ending
    demand_id: str
    distance_m: int
    saving_micros: int
    reasons: tuple[ReasonCode, ...]


@dataclass(frozen=True, slots=True)
class ItemDifference:
    """An item that ended otherwise, or with another buyer."""

    return_id: str
    before: Side
    after: Side


@dataclass(frozen=True, slots=True)
class Difference:
    """
    How one course differs from another.

    Parameters
    ----------
    moves
        Items by the two endings, those that are the same left out.
    same_count
        Items with the same ending and the same buyer.
    other_buyer_count
        Items that are matched in both, to different buyers.
    saving_per_return
        What the other saves more, an item: the mean of the items' own differences, for
        both courses are about the same items.
    """

    moves: tuple[tuple[Ending, Ending, int], ...]
    same_count: int
    other_buyer_count: int
    saving_per_return: Interval


def compare(facts: Facts, before: Course, after: Course) -> Difference:
    """Tell how a course differs from one before, in the items that are counted."""
    rows = facts.counted
    endings = zip(
        before.ending[rows].tolist(), after.ending[rows].tolist(), strict=True
    )
    counted = Counter((a, b) for a, b in endings if a != b)
    same_ending = before.ending[rows] == after.ending[rows]
    other_buyer = same_ending & (_buyers(facts, before) != _buyers(facts, after))[rows]
    same_count = int(np.count_nonzero(same_ending & ~other_buyer))
    more = (_savings(after) - _savings(before))[rows]
    return Difference(
        moves=tuple(
            (Ending(a), Ending(b), count) for (a, b), count in sorted(counted.items())
        ),
        same_count=same_count,
        other_buyer_count=int(np.count_nonzero(other_buyer)),
        saving_per_return=mean_interval(more),
    )


def item_differences(
    facts: Facts, before: Course, after: Course
) -> Iterator[ItemDifference]:
    """Yield the items that differ, in canonical order."""
    differs = before.ending != after.ending
    differs |= _buyers(facts, before) != _buyers(facts, after)
    for row in facts.counted[differs[facts.counted]].tolist():
        yield ItemDifference(
            facts.items.items[row].return_id,
            _side(facts, before, row),
            _side(facts, after, row),
        )


def _side(facts: Facts, course: Course, row: int) -> Side:
    orders, state = facts.orders, int(course.state[row])
    is_matched = state >= 0
    return Side(
        ending=Ending(int(course.ending[row])),
        demand_id=orders.demand_ids[orders.unit[state]] if is_matched else "",
        distance_m=int(course.distance_m[row]) if is_matched else 0,
        saving_micros=int(course.saving_micros[row]) if is_matched else 0,
        reasons=codes_of(int(course.bits[row])),
    )


def _buyers(facts: Facts, course: Course) -> NDArray[np.int64]:
    # The demand of each item by its number, -1 without one.
    return np.where(course.state >= 0, facts.orders.unit[course.state], -1)


def _savings(course: Course) -> NDArray[np.int64]:
    return np.where(course.is_matched, course.saving_micros, 0)
