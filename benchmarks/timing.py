"""Repeated timings of two ways to do the same thing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians of ours and the peer's seconds on one input."""

    name: str
    peer: str
    size: str
    ours_s: float
    peer_s: float

    @property
    def ratio(self) -> float:
        """The peer's time over ours: above 1, ours is faster."""
        return self.peer_s / self.ours_s


def compare(
    name: str,
    peer: str,
    size: str,
    ours: Callable[[], int],
    theirs: Callable[[], int],
    repetitions: int,
) -> Comparison:
    """
    Time both by turns; their answers must be one number.

    Raises
    ------
    AssertionError
        If the answers differ.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repetitions):
        answers = []
        for run, taken in zip((ours, theirs), seconds, strict=True):
            started = time.perf_counter()
            answers.append(run())
            taken.append(time.perf_counter() - started)
        assert answers[0] == answers[1], f"{name}: {answers[0]} is not {answers[1]}"
    medians = [statistics.median(taken) for taken in seconds]
    return Comparison(name, peer, size, *medians)
