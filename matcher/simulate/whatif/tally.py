"""What a course comes to, in numbers: in all, and by group of items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from matcher.domain.reason import ReasonCode
from matcher.engine.network_book import DAY_US
from matcher.geo import latlng_to_cells
from matcher.simulate.whatif.codes import count_codes
from matcher.simulate.whatif.course import Course, Ending
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.interval import Interval, mean_interval, share_interval

IntArray = NDArray[np.int64]

#: What stands for the groups that are not named.
OTHERS = ""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Dimension(IntEnum):
    """What items are grouped by."""

    CATEGORY = 1
    SKU = 2
    ZONE = 3
    DAY = 4


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Median and 95th percentile, by nearest rank; 0 of nothing."""

    p50: int
    p95: int


@dataclass(frozen=True, slots=True)
class Tally:
    """
    Items of a course in numbers.

    Parameters
    ----------
    return_count, eligible_count, matched_count, warehouse_count, undecided_count
        Items; eligible ones passed gates 1 and 2, rollout and cap left aside.
    match_rate
        Matched items of all.
    saving_micros
        In all: an estimate, it prices two ways of which only one is gone.
    saving_per_return
        Over all items, those without a buyer at 0.
    distance_sum_m
        Metres from items to their buyers, in all.
    distance_m
        Of the matches.
    waiting_us
        From coming in to the match, of the matches.
    reasons
        Items by reason; one item may have several.
    """

    return_count: int
    eligible_count: int
    matched_count: int
    warehouse_count: int
    undecided_count: int
    match_rate: Interval
    saving_micros: int
    saving_per_return: Interval
    distance_sum_m: int
    distance_m: Quantiles
    waiting_us: Quantiles
    reasons: tuple[tuple[ReasonCode, int], ...]


def tally(facts: Facts, course: Course, rows: IntArray | None = None) -> Tally:
    """Count a course, or some items of it; else all that are counted."""
    if rows is None:
        rows = facts.counted
    matched = rows[course.is_matched[rows]]
    saving = np.zeros(len(course.ending), np.int64)
    saving[matched] = course.saving_micros[matched]
    ending = course.ending[rows]
    warehouse_count = int(np.count_nonzero(ending == Ending.WAREHOUSE))
    cancelled_count = int(np.count_nonzero(ending == Ending.CANCELLED))
    waited_us = course.decided_us[matched] - facts.items.created_us[matched]
    return Tally(
        return_count=len(rows),
        eligible_count=int(np.count_nonzero(course.is_eligible[rows])),
        matched_count=len(matched),
        warehouse_count=warehouse_count,
        undecided_count=len(rows) - len(matched) - warehouse_count - cancelled_count,
        match_rate=share_interval(len(matched), len(rows)),
        saving_micros=int(saving[matched].sum()),
        saving_per_return=mean_interval(saving[rows]),
        distance_sum_m=int(course.distance_m[matched].sum()),
        distance_m=_quantiles(course.distance_m[matched]),
        waiting_us=_quantiles(waited_us),
        reasons=count_codes(course.bits[rows]),
    )


class Groups:
    """
    The items of a timeline by category, SKU, zone and day.

    Parameters
    ----------
    facts
        Whose items.
    zone_resolution
        H3 resolution of zones, 0 to 15.
    group_count_max
        Groups of a dimension that are named; the smaller ones go together.
    """

    def __init__(
        self, facts: Facts, *, zone_resolution: int = 5, group_count_max: int = 50
    ) -> None:
        items = [facts.items.items[row] for row in facts.counted.tolist()]
        lat = np.array([item.location.lat for item in items], np.float64)
        lng = np.array([item.location.lng for item in items], np.float64)
        cells = latlng_to_cells(lat, lng, zone_resolution).tolist() if items else []
        days = (facts.items.created_us[facts.counted] // DAY_US).tolist()
        names = {
            Dimension.CATEGORY: [item.category for item in items],
            Dimension.SKU: [item.sku for item in items],
            Dimension.ZONE: [f"{cell:x}" for cell in cells],
            Dimension.DAY: [_day_name(day) for day in days],
        }
        self._rows = {
            dimension: {
                name: facts.counted[at] for name, at in _named(values, group_count_max)
            }
            for dimension, values in names.items()
        }

    def tallies(
        self, facts: Facts, course: Course
    ) -> Iterator[tuple[Dimension, str, Tally]]:
        """Yield the tally of each group, by dimension, then by name, others last."""
        for dimension, groups in self._rows.items():
            for name, rows in groups.items():
                yield dimension, name, tally(facts, course, rows)


def _named(values: Sequence[str], count_max: int) -> Iterator[tuple[str, IntArray]]:
    # The largest groups by name, and the rest together.
    counts = Counter(values)
    largest = sorted(counts, key=lambda name: (-counts[name], name))[:count_max]
    number = {name: at for at, name in enumerate(sorted(largest))}
    other = len(number)
    of_row = np.array([number.get(value, other) for value in values], np.int64)
    by_group = np.argsort(of_row, kind="stable")
    ends = np.searchsorted(of_row[by_group], np.arange(other + 2))
    for name, at in (*number.items(), (OTHERS, other)):
        rows = by_group[ends[at] : ends[at + 1]]
        if len(rows):
            yield name, rows


def _quantiles(values: IntArray) -> Quantiles:
    if not len(values):
        return Quantiles(0, 0)
    ordered = np.sort(values)
    # The nearest rank: the first value that so many are not above.
    p50, p95 = (ordered[-(-len(ordered) * part // 100) - 1] for part in (50, 95))
    return Quantiles(int(p50), int(p95))


def _day_name(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()
