"""One row put somewhere else: what is left, held against trying everything."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from matcher.explain.rearrangement import NONE, Rearrangement, Rearranging
from matcher.solve import CandidateGraph, assign
from tests.oracle.naive_assignment import brute_force, dense_assignment
from tests.oracle.small_markets import small_market


def _without(graph: CandidateGraph, row: int, column: int = NONE) -> CandidateGraph:
    """Return the market without a row, and without a unit of a column."""
    keep = graph.edge_rows != row
    counts = np.diff(graph.row_offsets)
    counts[row] = 0
    capacity = graph.capacity.copy()
    if column != NONE:
        capacity[column] -= 1
    return CandidateGraph(
        np.append(0, np.cumsum(counts)),
        graph.columns[keep],
        graph.saving[keep],
        capacity,
    )


def _takeable(graph: CandidateGraph, row: int) -> dict[int, int]:
    """Return the columns that a row could have, with the best saving on each."""
    found: dict[int, int] = {}
    for edge in range(*graph.row_offsets[row : row + 2].tolist()):
        column, saving = int(graph.columns[edge]), int(graph.saving[edge])
        if saving > 0 and graph.capacity[column] > 0:
            found[column] = max(saving, found.get(column, 0))
    return found


def _check_moves(graph: CandidateGraph, row: int, found: Rearrangement) -> list[int]:
    """Do the moves: every one is from where the row was, on a candidate, with room."""
    answer = assign(graph)
    column = answer.column.tolist()
    for move in found.moves:
        assert column[move.row] == move.column
        assert move.column != move.to_column
        if move.to_column != NONE:
            saved = _takeable(graph, move.row)[move.to_column]
            assert saved == move.to_saving
        else:
            assert move.to_saving == 0
        column[move.row] = move.to_column
    used = Counter(each for each in column if each != NONE)
    assert all(count <= graph.capacity[each] for each, count in used.items())
    change = sum(move.to_saving - move.saving for move in found.moves)
    assert change == -found.loss <= 0
    return column


@pytest.mark.parametrize("seed", range(8))
def test_losses_are_those_of_trying_everything(seed: int) -> None:
    """On each candidate, on the best of them, and without it at all."""
    rng = np.random.default_rng(seed)
    met: Counter[str] = Counter()
    for _ in range(25):
        graph = small_market(rng)
        answer = assign(graph)
        for row in range(graph.row_count):
            moving = Rearranging(graph, answer, row)
            alone = moving.without()
            assert alone.loss == answer.value - brute_force(_without(graph, row))
            assert alone.loss == int(answer.return_price[row])
            assert _check_moves(graph, row, alone)[row] == NONE
            losses = {
                column: answer.value
                - saving
                - brute_force(_without(graph, row, column))
                for column, saving in _takeable(graph, row).items()
            }
            for column, loss in losses.items():
                found = moving.on(np.array([column], np.int32))
                assert found.loss == loss
                assert _check_moves(graph, row, found)[row] == column
                met["on a candidate"] += 1
            if losses:
                found = moving.on(np.array(list(losses), np.int32))
                assert found.loss == min(losses.values())
                _check_moves(graph, row, found)
                met["displaced"] += _is_chain(graph, found)
    assert met["on a candidate"] > 30
    assert met["displaced"] > 2, met


def _is_chain(graph: CandidateGraph, found: Rearrangement) -> bool:
    """Check the order of a row's way to a unit, if it had none; tell if it had none."""
    if not found.moves or found.moves[0].column != NONE:
        return False
    for move, after in zip(found.moves, found.moves[1:], strict=False):
        assert move.to_column == after.column
        assert after.row != move.row
    last = found.moves[-1].to_column
    used = int((assign(graph).column == last).sum())
    assert last == NONE or used < graph.capacity[last]
    return True


def test_a_contested_market_of_some_size() -> None:
    """400 rows want 150 places: losses against a second solver, chains of many."""
    rng = np.random.default_rng(11)
    rows, degree = 400, 5
    graph = CandidateGraph(
        np.arange(0, rows * degree + 1, degree),
        np.concatenate(
            [rng.choice(150, degree, replace=False) for _ in range(rows)]
        ).astype(np.int32),
        rng.integers(1, 1_000, rows * degree),
        np.ones(150, np.int32),
    )
    answer = assign(graph)
    longest = 0
    for row in rng.choice(rows, 40, replace=False).tolist():
        column, saving = next(iter(_takeable(graph, row).items()))
        moving = Rearranging(graph, answer, row)
        found = moving.on(np.array([column], np.int32))
        left = dense_assignment(_without(graph, row, column))
        assert found.loss == answer.value - saving - left
        _check_moves(graph, row, found)
        again = Rearranging(graph, answer, row).on(np.array([column], np.int32))
        assert again == found
        longest = max(longest, len(found.moves))
    assert longest > 3
