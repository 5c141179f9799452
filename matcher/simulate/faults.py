"""What is wrong with the return items that a programme must not match."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from matcher.simulate.draws import BoolArray, Draws


class Fault(IntEnum):
    """One thing about a return item that closes gate 1 or 2."""

    NOT_VERIFIED = 0
    VERIFICATION_FAILED = 1
    VERIFICATION_PENDING = 2
    VERIFICATION_OLD = 3
    LOW_CONFIDENCE = 4
    NO_EVIDENCE_ID = 5
    FACT_UNKNOWN = 6
    DAMAGED = 7
    DEFECTIVE = 8
    FRAGILE = 9
    REGULATED = 10
    CUSTOM_MADE = 11
    SEASON_OVER = 12
    ODD_REASON = 13
    WORN = 14
    NO_CONSENT = 15
    IN_TRANSIT = 16
    CHOSE_STORE = 17
    SEVERAL_ITEMS = 18


#: How often each fault occurs among faulty items, in parts of 100 in all.
WEIGHTS: dict[Fault, int] = {
    Fault.NOT_VERIFIED: 9,
    Fault.VERIFICATION_FAILED: 9,
    Fault.VERIFICATION_PENDING: 6,
    Fault.VERIFICATION_OLD: 5,
    Fault.LOW_CONFIDENCE: 8,
    Fault.NO_EVIDENCE_ID: 3,
    Fault.FACT_UNKNOWN: 4,
    Fault.DAMAGED: 6,
    Fault.DEFECTIVE: 5,
    Fault.FRAGILE: 4,
    Fault.REGULATED: 3,
    Fault.CUSTOM_MADE: 3,
    Fault.SEASON_OVER: 4,
    Fault.ODD_REASON: 8,
    Fault.WORN: 8,
    Fault.NO_CONSENT: 6,
    Fault.IN_TRANSIT: 3,
    Fault.CHOSE_STORE: 3,
    Fault.SEVERAL_ITEMS: 3,
}

#: Share of faulty items that have a second fault.
SECOND_FAULT_SHARE = 0.15


def draw_faults(draws: Draws, count: int, share_eligible: float) -> BoolArray:
    """
    Draw the faults of return items.

    Parameters
    ----------
    draws
        Four doubles per item.
    count
        Return items.
    share_eligible
        Share of them that has no fault.

    Returns
    -------
    numpy.ndarray
        Whether an item has a fault, ``bool (len(Fault), count)``. A faulty item
        has one, or in 15 % of cases two (which may be the same one).
    """
    weights = [WEIGHTS[fault] for fault in Fault]
    faulty = ~draws.chance(share_eligible, count)
    first = draws.index(weights, count)
    twice = draws.chance(SECOND_FAULT_SHARE, count)
    second = np.where(twice, draws.index(weights, count), first)
    kind = np.arange(len(Fault))[:, None]
    chosen: BoolArray = (kind == first) | (kind == second)
    return chosen & faulty
