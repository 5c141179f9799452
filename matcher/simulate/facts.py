"""Condition, reason and facts of a scenario's return items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.domain.item import Condition, Fact, ItemAttributes, ReturnReason
from matcher.simulate.draws import BoolArray, Draws, IntArray
from matcher.simulate.faults import Fault

#: Weights in hundredths, of items without and with the fault.
CONDITIONS = ((Condition.NEW, 35), (Condition.LIKE_NEW, 45), (Condition.GOOD, 20))
WORN_CONDITIONS = ((Condition.FAIR, 60), (Condition.POOR, 40))
REASONS = (
    (ReturnReason.FIT, 50),
    (ReturnReason.PREFERENCE, 30),
    (ReturnReason.NO_LONGER_NEEDED, 20),
)
ODD_REASONS = (
    (ReturnReason.NOT_AS_DESCRIBED, 35),
    (ReturnReason.WRONG_ITEM, 25),
    (ReturnReason.ARRIVED_LATE, 20),
    (ReturnReason.OTHER, 15),
    (ReturnReason.UNSPECIFIED, 5),
)
#: Share of damaged and defective items whose customer gave it as the reason.
TOLD_SHARE = 0.5
#: Share of items that state when their season ends instead of a fact.
DATED_SHARE = 0.3
#: Hours until, or since, the end of the season.
SEASON_AHEAD_HOURS = ((20 * 24, 120 * 24, 1),)
SEASON_OVER_HOURS = ((24, 60 * 24, 1),)

_YES_OR_NO = (
    ("fragile", Fault.FRAGILE),
    ("regulated", Fault.REGULATED),
    ("custom_made", Fault.CUSTOM_MADE),
    ("damaged", Fault.DAMAGED),
    ("defective", Fault.DEFECTIVE),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about each return item, one entry per item."""

    condition: list[Condition]
    reason: list[ReturnReason]
    attributes: list[ItemAttributes]
    season_end_us: list[int | None]


def make_facts(draws: Draws, faults: BoolArray, now_us: int) -> Facts:
    """
    Draw condition, reason, attributes and end of season of return items.

    Parameters
    ----------
    draws
        Twelve doubles per item.
    faults
        ``bool (len(Fault), n)``; those of the item itself are followed.
    now_us
        Instant that the season is counted from.
    """
    count = faults.shape[1]
    fine, fine_grades = draws.pick(CONDITIONS, count)
    worn, worn_grades = draws.pick(WORN_CONDITIONS, count)
    grade = np.where(
        faults[Fault.WORN],
        np.array(worn_grades, np.int64)[worn],
        np.array(fine_grades, np.int64)[fine],
    )
    season_over = faults[Fault.SEASON_OVER]
    dated = draws.chance(DATED_SHARE, count)
    ahead = draws.spell_us(SEASON_AHEAD_HOURS, count)
    ended = draws.spell_us(SEASON_OVER_HOURS, count)
    season_end_us = now_us + np.where(season_over, -ended, ahead)
    return Facts(
        condition=[Condition(value) for value in grade.tolist()],
        reason=[ReturnReason(value) for value in _reasons(draws, faults).tolist()],
        attributes=_attributes(draws, faults, dated),
        season_end_us=[
            end_us if known else None
            for end_us, known in zip(
                season_end_us.tolist(), dated.tolist(), strict=True
            )
        ],
    )


def _reasons(draws: Draws, faults: BoolArray) -> IntArray:
    count = faults.shape[1]
    usual, usual_reasons = draws.pick(REASONS, count)
    odd, odd_reasons = draws.pick(ODD_REASONS, count)
    told = draws.chance(TOLD_SHARE, count)
    reason = np.where(
        faults[Fault.ODD_REASON],
        np.array(odd_reasons, np.int64)[odd],
        np.array(usual_reasons, np.int64)[usual],
    )
    reason[told & faults[Fault.DAMAGED]] = ReturnReason.DAMAGED
    reason[told & faults[Fault.DEFECTIVE]] = ReturnReason.DEFECTIVE
    return reason


def _attributes(
    draws: Draws, faults: BoolArray, dated: BoolArray
) -> list[ItemAttributes]:
    count = faults.shape[1]
    unknown = np.where(
        faults[Fault.FACT_UNKNOWN], draws.whole(0, len(_YES_OR_NO) - 1, count), -1
    )
    columns = []
    for index, (_, fault) in enumerate(_YES_OR_NO):
        fact = np.where(faults[fault], Fact.YES, Fact.NO)
        columns.append(np.where(unknown == index, Fact.UNKNOWN, fact))
    # An item that states its season's end leaves the fact to the clock.
    season = np.where(faults[Fault.SEASON_OVER], Fact.YES, Fact.NO)
    columns.append(np.where(dated, Fact.UNKNOWN, season))
    names = (*(name for name, _ in _YES_OR_NO), "end_of_season")
    # Few combinations occur: each is built once and shared.
    known: dict[tuple[int, ...], ItemAttributes] = {}
    made = []
    for row in zip(*(column.tolist() for column in columns), strict=True):
        if row not in known:
            known[row] = ItemAttributes(**dict(zip(names, map(Fact, row), strict=True)))
        made.append(known[row])
    return made
