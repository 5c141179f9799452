"""matcher/solve/prepared.py: the same candidates, in an order that suits memory."""

from __future__ import annotations

import numpy as np
import pytest

from matcher import parallel
from matcher.solve import CandidateGraph
from matcher.solve.parts import split
from matcher.solve.prepared import Prepared, inverse, prepare, renumber

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


def islands(count: int, size: int) -> CandidateGraph:
    """Return shuffled markets that know nothing of each other, each a chain."""
    rng = np.random.default_rng(2)
    row = np.repeat(np.arange(count * size), 2)
    column = np.minimum(
        row + np.tile([0, 1], count * size), row // size * size + size - 1
    )
    rows, columns = rng.permutation(count * size), rng.permutation(count * size)
    return CandidateGraph(
        np.arange(count * size + 1) * 2,
        columns[column.reshape(-1, 2)[rows]].ravel().astype(np.int32),
        rng.integers(1, 9, len(row)),
        np.ones(count * size, np.int32),
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_a_component_keeps_together(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are a range, and its columns the same one."""
    monkeypatch.setattr(parallel, "_SMALL", 0)
    graph = islands(30, 40)
    row_order, number = renumber(graph, threads, few=0)
    assert sorted(row_order.tolist()) == sorted(number.tolist()) == list(range(1200))
    columns = number[graph.columns.reshape(-1, 2)[row_order]]
    for start in range(0, 1200, 40):
        here = columns[start : start + 40]
        assert (here.min(), here.max()) == (start, start + 39)


def test_without_candidates_all_has_a_number() -> None:
    """Rows and columns that nobody knows of come somewhere, once."""
    graph = CandidateGraph(
        np.zeros(6, np.int64),
        np.empty(0, np.int32),
        np.empty(0, np.int64),
        np.ones(4, np.int32),
    )
    row_order, number = renumber(graph, few=0)
    assert sorted(row_order.tolist()) == list(range(5))
    assert sorted(number.tolist()) == list(range(4))


@pytest.mark.compiled
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_parts_share_nothing_but_the_border(threads: int) -> None:
    """Each row with candidates is in one part, and a leaf's columns are its own."""
    found = prepare(market(shuffled=True), threads)
    parts = split(found, threads)
    assert sorted(parts.rows.tolist()) == np.nonzero(found.high >= 0)[0].tolist()
    assert (len(parts.leaves) > 1) == (len(parts.border) > 0) == (threads > 1)
    stop = 0
    for leaf in parts.leaves:
        assert leaf.first == stop
        stop = leaf.stop
        assert (found.low[leaf.rows] >= leaf.first).all()
        assert (found.high[leaf.rows] < leaf.stop).all()
    assert stop == COLUMNS
    sizes = [len(leaf.rows) for leaf in parts.leaves]
    assert min(sizes) > ROWS / len(sizes) / 2


@pytest.mark.compiled
def test_markets_on_their_own_are_cut_between_them() -> None:
    """Where components lie side by side no row is left to the border."""
    found = prepare(islands(300, 100), 2)
    parts = split(found, 2)
    assert len(parts.leaves) == 4
    assert not len(parts.border)
    assert min(len(leaf.rows) for leaf in parts.leaves) > 6_000
