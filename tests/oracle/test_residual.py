"""One return somewhere else: what is lost, held against trying everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from matcher.solve import (
    Assignment,
    CandidateGraph,
    Limits,
    Objective,
    assign,
    assign_within,
    check_certificate,
    weigh,
)
from matcher.solve.limits import NONE
from matcher.solve.residual import FAR, Detour, Residual
from tests.oracle.limited_flow import limited_flow
from tests.oracle.naive_assignment import dense_assignment
from tests.oracle.small_limits import is_within, random_limits
from tests.oracle.small_markets import small_market

IntArray = NDArray[np.int64]
Score = tuple[int, int]
#: The best score of all assignments that have a row on a column, by both.
Best = dict[tuple[int, int], Score]


@dataclass(frozen=True, slots=True)
class _Case:
    # A market to the taste of an objective, within limits.
    graph: CandidateGraph
    metres: IntArray
    limits: Limits
    objective: Objective

    def score(self, edges: list[int]) -> Score:
        """Return what is to be greatest, the most important first."""
        saved = int(self.graph.saving[edges].sum())
        match self.objective:
            case Objective.MAX_SAVING:
                return saved, 0
            case Objective.MAX_MATCHES_THEN_SAVING:
                return len(edges), saved
            case _:
                return len(edges), -int(self.metres[edges].sum())

    def edge(self, row: int, column: int) -> int:
        """Return the candidate of two; the better of repeats."""
        edges = range(*self.graph.row_offsets[row : row + 2].tolist())
        return max(
            (
                e
                for e in edges
                if self.graph.columns[e] == column and self.graph.saving[e] > 0
            ),
            key=lambda e: self.score([e]),
        )

    def is_feasible(self, column: list[int]) -> bool:
        """Say whether units and limits allow it."""
        pairs = [(row, at) for row, at in enumerate(column) if at != NONE]
        used = np.bincount([at for _, at in pairs], minlength=self.graph.column_count)
        return bool((used <= self.graph.capacity).all()) and is_within(
            self.limits, pairs
        )

    def every(self) -> Best:
        """Try everything; -1 is the column of a row without one."""
        graph = self.graph
        choices = [
            [NONE, *(e for e in range(start, stop) if graph.saving[e] > 0)]
            for start, stop in zip(
                graph.row_offsets[:-1], graph.row_offsets[1:], strict=True
            )
        ]
        best: Best = {}
        for tried in product(*choices):
            column = [NONE if e == NONE else int(graph.columns[e]) for e in tried]
            if self.is_feasible(column):
                found = self.score([e for e in tried if e != NONE])
                for place in enumerate(column):
                    best[place] = max(best.get(place, found), found)
        return best


def _drawn(rng: np.random.Generator, objective: Objective) -> _Case:
    graph = small_market(rng)
    limits = random_limits(rng, graph, 3, int(rng.integers(0, 4)))
    if rng.random() < 0.5:
        # Nothing is shut: all are in each other's way.
        graph = replace(graph, capacity=graph.capacity.clip(1))
        limits = replace(limits, limit=limits.limit.clip(1))
    return _Case(graph, rng.integers(0, 9, len(graph.columns)), limits, objective)


def _solved(case: _Case) -> tuple[CandidateGraph, Assignment, int]:
    weighed = weigh(case.graph, case.objective, case.metres, case.limits)
    answer = assign_within(weighed.graph, case.limits)
    check_certificate(weighed.graph, answer, case.limits)
    return weighed.graph, answer, weighed.match_bonus


def _check(
    case: _Case, weights: CandidateGraph, answer: Assignment, found: Detour, best: Score
) -> list[int]:
    """Do the moves: from where each row was, feasible, as good as anything can be."""
    column = answer.column.tolist()
    rows = [move.row for move in found.moves]
    assert len(set(rows)) == len(rows)
    for move in found.moves:
        assert column[move.row] == move.column != move.to_column
        column[move.row] = move.to_column
    assert case.is_feasible(column)
    edges = [case.edge(row, at) for row, at in enumerate(column) if at != NONE]
    assert case.score(edges) == best
    before = int(answer.value)
    assert found.loss == before - int(weights.saving[edges].sum()) >= 0
    return column


@pytest.mark.parametrize("objective", [each for each in Objective if each])
@pytest.mark.parametrize("seed", range(8))
def test_losses_are_those_of_trying_everything(objective: Objective, seed: int) -> None:
    """On each candidate, on the best of them and without it, for each row of 50."""
    rng = np.random.default_rng([seed, objective])
    met: Counter[str] = Counter()
    for _ in range(50):
        case = _drawn(rng, objective)
        weights, answer, _ = _solved(case)
        best = case.every()
        residual = Residual(weights, answer, case.limits)
        for row in range(case.graph.row_count):
            met += _check_row(case, weights, answer, residual, row, best)
    assert met["on"] > 60, met
    assert met["cannot be"] > 20, met
    assert met["displaced"] > 5, met


def _check_row(
    case: _Case,
    weights: CandidateGraph,
    answer: Assignment,
    residual: Residual,
    row: int,
    best: Best,
) -> Counter[str]:
    met: Counter[str] = Counter()
    ways = residual.ways(row)
    start, stop = case.graph.row_offsets[row : row + 2]
    columns = case.graph.columns[start:stop].tolist()
    for at, column in enumerate(columns):
        found = ways.on([column])
        if (row, column) not in best:
            assert found is None
            assert ways.losses[at] == FAR
            met["cannot be"] += 1
            continue
        assert found is not None
        now = _check(case, weights, answer, found, best[row, column])
        assert now[row] == column
        assert found.loss == min(
            loss
            for loss, other in zip(ways.losses.tolist(), columns, strict=True)
            if other == column
        )
        met["on"] += 1
    places = [best[row, column] for column in columns if (row, column) in best]
    of_all = ways.on(columns)
    assert (of_all is None) == (not places)
    if of_all is not None:
        _check(case, weights, answer, of_all, max(places))
        met["displaced"] += answer.column[row] == NONE
    now = _check(case, weights, answer, ways.without(), best[row, NONE])
    assert now[row] == NONE
    return met


@pytest.mark.parametrize("seed", range(8))
def test_a_chain_goes_from_each_to_whoever_makes_room(seed: int) -> None:
    """Without limits what one leaves is what the one before it comes to."""
    rng = np.random.default_rng(seed)
    met = 0
    for _ in range(25):
        graph = small_market(rng)
        answer = assign(graph)
        residual = Residual(graph, answer)
        for row in np.nonzero(answer.column == NONE)[0].tolist():
            found = residual.ways(row).on(range(graph.column_count))
            if found is None:
                continue
            assert found.moves[0].row == row
            for move, after in zip(found.moves, found.moves[1:], strict=False):
                assert move.to_column == after.column
            used = np.count_nonzero(answer.column == found.moves[-1].to_column)
            last = found.moves[-1].to_column
            assert last == NONE or used < graph.capacity[last]
            met += 1
    assert met > 2


def test_of_equals_the_one_that_moves_fewest() -> None:
    """
    Row 0 may have column 0 of row 1, or column 1 of row 2, for the same loss.

    Row 1 would move on to column 2 in place of row 3; row 2 would have none.
    """
    graph = CandidateGraph(
        [0, 2, 4, 5, 6], [0, 1, 0, 2, 1, 2], [5, 5, 9, 9, 6, 6], [1, 1, 1]
    )
    answer = assign(graph)
    assert answer.column.tolist() == [NONE, 0, 1, 2]
    ways = Residual(graph, answer).ways(0)
    assert ways.losses.tolist() == [1, 1]
    found = ways.on([0, 1])
    assert found == Detour(1, ((0, NONE, 1), (2, 1, NONE)))


def _contested(rng: np.random.Generator) -> CandidateGraph:
    rows, degree = 400, 5
    return CandidateGraph(
        np.arange(0, rows * degree + 1, degree),
        np.concatenate(
            [rng.choice(150, degree, replace=False) for _ in range(rows)]
        ).astype(np.int32),
        rng.integers(1, 1_000, rows * degree),
        np.ones(150, np.int32),
    )


def _zoned(graph: CandidateGraph) -> Limits:
    # A day of 100 around 15 zones of 8.
    zone = np.arange(graph.column_count) % 15
    return Limits(
        [*[8] * 15, 100],
        [*[15] * 15, NONE],
        np.full(graph.row_count, NONE),
        zone,
    )


_Alone = Callable[[CandidateGraph, Limits], int]


@pytest.mark.parametrize(
    ("within", "second"),
    [
        (Limits.none, lambda graph, _: dense_assignment(graph)),
        (_zoned, limited_flow),
    ],
    ids=["without limits", "within limits"],
)
def test_a_contested_market_of_some_size(
    within: Callable[[CandidateGraph], Limits], second: _Alone
) -> None:
    """400 rows want 150 places: losses against a second solver, chains of many."""
    rng = np.random.default_rng(11)
    graph = _contested(rng)
    limits = within(graph)
    answer = assign_within(graph, limits)
    residual = Residual(graph, answer, limits)
    longest = 0
    for row in rng.choice(graph.row_count, 40, replace=False).tolist():
        edge = int(graph.row_offsets[row])
        column = int(graph.columns[edge])
        found = residual.ways(row).on([column])
        assert found is not None
        left = second(*_with(graph, limits, row, column))
        assert found.loss == answer.value - int(graph.saving[edge]) - left
        assert found == Residual(graph, answer, limits).ways(row).on([column])
        longest = max(longest, len(found.moves))
    assert longest > 3


def _with(
    graph: CandidateGraph, limits: Limits, row: int, column: int
) -> tuple[CandidateGraph, Limits]:
    """Return what is left with a row on a column: without it, its unit and places."""
    keep = graph.edge_rows != row
    counts = np.diff(graph.row_offsets)
    counts[row] = 0
    capacity = graph.capacity.copy()
    capacity[column] -= 1
    left = limits.limit.copy()
    for group in _around(limits, int(limits.column_group[column])):
        left[group] -= 1
    return (
        CandidateGraph(
            np.append(0, np.cumsum(counts)),
            graph.columns[keep],
            graph.saving[keep],
            capacity,
        ),
        Limits(left, limits.parent, limits.row_group, limits.column_group),
    )


def _around(limits: Limits, group: int) -> Iterator[int]:
    while group != NONE:
        yield group
        group = int(limits.parent[group])
