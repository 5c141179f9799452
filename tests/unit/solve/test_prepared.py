"""matcher/solve/prepared.py: the same candidates, in an order that suits memory."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.solve import CandidateGraph
from matcher.solve.prepared import Prepared, inverse, prepare

ROWS, COLUMNS, DEGREE = 40_000, 30_000, 6


def market(*, shuffled: bool) -> CandidateGraph:
    """Return rows along a line with columns near each; some losses, some without."""
    rng = np.random.default_rng(1)
    row = np.repeat(np.arange(ROWS), DEGREE)
    near = row * COLUMNS // ROWS + rng.integers(-20, 20, len(row))
    column = np.clip(near, 0, COLUMNS - 1)
    if shuffled:
        column = rng.permutation(COLUMNS)[column]
        column = column.reshape(ROWS, DEGREE)[rng.permutation(ROWS)].ravel()
    return CandidateGraph(
        np.arange(ROWS + 1) * DEGREE,
        column.astype(np.int32),
        rng.integers(-3, 9, len(row)),
        rng.integers(0, 3, COLUMNS).astype(np.int32),
    )


def pairs(graph: CandidateGraph, found: Prepared) -> list[tuple[int, int, int]]:
    """Return the prepared candidates by the caller's rows and columns, sorted."""
    row = found.row_order[np.repeat(np.arange(ROWS), np.diff(found.offsets))]
    column = inverse(found.number)[found.columns]
    assert np.array_equal(found.capacity[found.number], graph.capacity)
    return sorted(
        zip(row.tolist(), column.tolist(), found.saving.tolist(), strict=True)
    )


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.compiled
def test_what_may_be_taken_is_kept_and_nothing_else(
    shuffled: bool, threads: int
) -> None:
    """Losses and demands without a unit are left out, whatever the order."""
    graph = market(shuffled=shuffled)
    found = prepare(graph, threads)
    kept = (graph.saving > 0) & (graph.capacity[graph.columns] > 0)
    expected = zip(
        graph.edge_rows[kept].tolist(),
        graph.columns[kept].tolist(),
        graph.saving[kept].tolist(),
        strict=True,
    )
    assert pairs(graph, found) == sorted(expected)
    filled = np.nonzero(np.diff(found.offsets))[0]
    low = np.minimum.reduceat(found.columns, found.offsets[filled])
    high = np.maximum.reduceat(found.columns, found.offsets[filled])
    assert np.array_equal(found.low[filled], low)
    assert np.array_equal(found.high[filled], high)
    assert set(np.delete(found.high, filled).tolist()) <= {-1}


@pytest.mark.compiled
def test_neighbours_come_to_lie_close_together() -> None:
    """Shuffled, rows span half of all columns; prepared, less than a hundredth."""
    graph = market(shuffled=True)
    found = prepare(graph, 1)
    span = (found.high - found.low)[found.high >= 0]
    assert np.median(span) < COLUMNS / 100


@pytest.mark.compiled
def test_rows_in_good_order_stay_as_they_are() -> None:
    """Where neighbouring rows have neighbouring columns, nothing is renumbered."""
    found = prepare(market(shuffled=False), 1)
    assert np.array_equal(found.row_order, np.arange(ROWS))
    assert np.array_equal(found.number, np.arange(COLUMNS))
