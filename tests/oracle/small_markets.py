"""Markets small enough to try everything, and answers to the last bit."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from matcher.solve import Assignment, CandidateGraph


def small_market(rng: Generator) -> CandidateGraph:
    """Return up to 6 rows and 4 columns of 0 to 2 units, losses and ties likely."""
    n, m = int(rng.integers(0, 7)), int(rng.integers(1, 5))
    degree = rng.integers(0, 4, n)
    count = int(degree.sum())
    return CandidateGraph(
        np.append(0, np.cumsum(degree)),
        rng.integers(0, m, count).astype(np.int32),
        rng.integers(-1, 9, count),
        rng.integers(0, 3, m).astype(np.int32),
    )


def as_bytes(answer: Assignment) -> tuple[bytes, bytes, bytes, int]:
    """Return all of an answer, to be compared to the last bit."""
    return (
        answer.column.tobytes(),
        answer.return_price.tobytes(),
        answer.demand_price.tobytes(),
        answer.value,
    )
