"""What became of every return item under one variant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from matcher.domain.program import Pause

IntArray = NDArray[np.int64]


class Ending(IntEnum):
    """Where an item ended; ``WAITING`` and ``HELD`` were undecided at the end."""

    ABSENT = 0
    WAITING = 1
    HELD = 2
    CONFIRMED = 3
    WAREHOUSE = 4
    CANCELLED = 5


@dataclass(frozen=True, slots=True)
class SolvedRound:
    """
    One round of a variant, with what proves it.

    ``saving_micros`` is what its matches save. ``value`` and ``dual`` are what the
    certificate is about, in the weights of the objective: the savings, for MAX_SAVING.
    They are equal, for the checker has accepted it.
    """

    at_us: int
    return_count: int
    candidate_count: int
    matched_count: int
    saving_micros: int
    value: int
    dual: int


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """
    A life under one variant, by item in canonical order.

    Parameters
    ----------
    ending
        ``int8 (n,)``, of :class:`Ending`.
    bits
        ``int64 (n,)``: the reasons of the last decision (:mod:`~.codes`).
    is_eligible
        ``bool (n,)``: passed gates 1 and 2, rollout and cap left aside.
    state
        ``int32 (n,)``: the demand of a held or confirmed match, -1 without one.
    distance_m, saving_micros, label_micros
        ``int64 (n,)``, of the match.
    decided_us
        ``int64 (n,)``: when it was matched, or went to a warehouse.
    rounds
        Those that had a candidate to decide about.
    round_count
        All of them.
    tripped
        The pauses that guardrails made, in order, those that have ended too.
    """

    ending: NDArray[np.int8]
    bits: IntArray
    is_eligible: NDArray[np.bool_]
    state: NDArray[np.int32]
    distance_m: IntArray
    saving_micros: IntArray
    label_micros: IntArray
    decided_us: IntArray
    rounds: tuple[SolvedRound, ...]
    round_count: int
    tripped: tuple[Pause, ...] = ()

    @property
    def is_matched(self) -> NDArray[np.bool_]:
        """Whether each item has a buyer at the end."""
        return np.isin(self.ending, (Ending.HELD, Ending.CONFIRMED))
