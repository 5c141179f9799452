"""The three objectives against trying everything, and against OR-Tools at size."""

from __future__ import annotations

from itertools import pairwise, product

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
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
from tests.oracle.assignment_families import FAMILIES, Family
from tests.oracle.flow_assignment import flow_assignment
from tests.oracle.small_limits import is_within, random_limits
from tests.oracle.small_markets import small_market

# Without the compiler a row costs a hundred times as much.
SLOWER = 10 if numba.config.DISABLE_JIT else 1

IntArray = NDArray[np.int64]
Score = tuple[int, ...]


def tiny(seed: int) -> tuple[CandidateGraph, IntArray]:
    """Return up to 6 rows and 4 columns, and the metres of each candidate."""
    rng = np.random.default_rng(seed)
    graph = small_market(rng)
    return graph, rng.integers(0, 9, len(graph.columns))


def apart(rng: np.random.Generator) -> CandidateGraph:
    """Return 2 to 5 rows of 1 or 2 candidates each, on demands that nobody shares."""
    degree = rng.integers(1, 3, int(rng.integers(2, 6)))
    count = int(degree.sum())
    return CandidateGraph(
        np.append(0, np.cumsum(degree)),
        rng.permutation(count).astype(np.int32),
        rng.integers(1, 20, count),
        np.ones(count, np.int32),
    )


def score(objective: Objective, saving: list[int], metres: list[int]) -> Score:
    """Return what is to be greatest, the most important first."""
    return {
        Objective.MAX_SAVING: (sum(saving),),
        Objective.MAX_MATCHES_THEN_SAVING: (len(saving), sum(saving)),
        Objective.MAX_MATCHES_THEN_DISTANCE: (len(saving), -sum(metres)),
    }[objective]


def best_score(
    graph: CandidateGraph,
    metres: IntArray,
    objective: Objective,
    limits: Limits | None = None,
) -> Score:
    """Try everything that is within the limits."""
    limits = limits or Limits.none(graph)
    offsets = graph.row_offsets.tolist()
    choices = [
        [None, *(e for e in range(a, b) if graph.saving[e] > 0)]
        for a, b in pairwise(offsets)
    ]
    best = score(objective, [], [])
    for chosen in product(*choices):
        taken = [e for e in chosen if e is not None]
        used = np.bincount(graph.columns[taken], minlength=graph.column_count)
        pairs = [
            (row, int(graph.columns[e]))
            for row, e in enumerate(chosen)
            if e is not None
        ]
        if (used <= graph.capacity).all() and is_within(limits, pairs):
            found = score(
                objective, graph.saving[taken].tolist(), metres[taken].tolist()
            )
            best = max(best, found)
    return best


def taken_edges(
    graph: CandidateGraph, weights: CandidateGraph, answer: Assignment
) -> list[int]:
    """Return the candidate of each match, the heaviest of repeats."""
    taken = []
    for row in np.nonzero(answer.column >= 0)[0]:
        edges = range(graph.row_offsets[row], graph.row_offsets[row + 1])
        same = [e for e in edges if graph.columns[e] == answer.column[row]]
        taken.append(max(same, key=lambda e: int(weights.saving[e])))
    return taken


@pytest.mark.parametrize("objective", [each for each in Objective if each])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_better(objective: Objective, seed: int) -> None:
    """On 40 tiny markets per seed, the best score of all that can be tried."""
    for part in range(40):
        graph, metres = tiny(1_000 * seed + part)
        weighed = weigh(graph, objective, metres)
        answer = assign(weighed.graph)
        check_certificate(weighed.graph, answer)
        taken = taken_edges(graph, weighed.graph, answer)
        found = score(objective, graph.saving[taken].tolist(), metres[taken].tolist())
        assert found == best_score(graph, metres, objective), (seed, part)


@pytest.mark.parametrize("objective", [each for each in Objective if each])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_better_within_limits(objective: Objective, seed: int) -> None:
    """On 80 tiny markets per seed, half of them tied together by nothing but groups."""
    for part in range(80):
        rng = np.random.default_rng(1_000 * seed + part)
        graph = apart(rng) if part % 2 else small_market(rng)
        limits = random_limits(rng, graph, 2, int(rng.integers(1, 4)))
        metres = rng.integers(0, 20, len(graph.columns))
        weighed = weigh(graph, objective, metres, limits)
        answer = assign_within(weighed.graph, limits)
        check_certificate(weighed.graph, answer, limits)
        taken = taken_edges(graph, weighed.graph, answer)
        found = score(objective, graph.saving[taken].tolist(), metres[taken].tolist())
        assert found == best_score(graph, metres, objective, limits), (
            seed,
            part,
        )


def test_a_place_given_up_far_away_counts_as_a_match() -> None:
    """
    Two zones with one place each: who moves to the other zone lets another match.

    Row 0 saves 10 in zone 0 and 1 in zone 1, row 1 saves 5 in zone 0; the two share no
    demand.
    """
    graph = CandidateGraph([0, 2, 3], [0, 1, 2], [10, 1, 5], [1, 1, 1])
    limits = Limits([1, 1], [-1, -1], [-1, -1], [0, 1, 0])
    weighed = weigh(
        graph, Objective.MAX_MATCHES_THEN_SAVING, np.zeros(3, np.int64), limits
    )
    assert assign_within(weighed.graph, limits).column.tolist() == [1, 2]


def test_a_limit_around_all_keeps_the_bonus_small() -> None:
    """A day's limit over a thousand pairs apart needs no more than one pair does."""
    count = 1_000
    pairs = CandidateGraph(
        np.arange(count + 1),
        np.arange(count),
        np.full(count, 10**15),
        np.ones(count).astype(int),
    )
    metres = np.where(np.arange(count) % 2, 7, 3)
    inside = np.zeros(count).astype(int)
    for row_group, column_group in ((inside - 1, inside), (inside, inside - 1)):
        limits = Limits([10], [-1], row_group, column_group)
        weighed = weigh(pairs, Objective.MAX_MATCHES_THEN_DISTANCE, metres, limits)
        assert weighed.match_bonus == 8


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_most_matches_come_first(family: Family) -> None:
    """As many matches as a flow of one micro for each finds, and two threads agree."""
    graph = family(np.random.default_rng(8), 2_000 // SLOWER)
    ones = CandidateGraph(
        graph.row_offsets,
        graph.columns,
        np.sign(graph.saving).clip(0),
        graph.capacity,
    )
    most = flow_assignment(ones)
    metres = np.random.default_rng(9).integers(0, 50_000, len(graph.columns))
    for objective in (
        Objective.MAX_MATCHES_THEN_SAVING,
        Objective.MAX_MATCHES_THEN_DISTANCE,
    ):
        weighed = weigh(graph, objective, metres)
        answer = assign(weighed.graph)
        check_certificate(weighed.graph, answer)
        assert answer.value == flow_assignment(weighed.graph)
        assert np.count_nonzero(answer.column >= 0) == most
        again = assign(weighed.graph, threads=2)
        assert np.array_equal(again.column, answer.column)


def test_more_matches_against_more_saving() -> None:
    """Two small savings beat a large one only where matches come first."""
    graph = CandidateGraph([0, 2, 3], [0, 1, 0], [100, 1, 98], [1, 1])
    metres = np.array([5, 9, 7])
    columns = {
        objective: assign(weigh(graph, objective, metres).graph).column.tolist()
        for objective in Objective
        if objective
    }
    assert columns == {
        Objective.MAX_SAVING: [0, -1],
        Objective.MAX_MATCHES_THEN_SAVING: [1, 0],
        Objective.MAX_MATCHES_THEN_DISTANCE: [1, 0],
    }


def test_components_keep_the_bonus_small() -> None:
    """A thousand pairs apart need no more than one pair does."""
    count = 1_000
    pairs = CandidateGraph(
        np.arange(count + 1),
        np.arange(count),
        np.full(count, 10**15),
        np.ones(count).astype(int),
    )
    metres = np.full(count, 7)
    assert weigh(pairs, Objective.MAX_MATCHES_THEN_DISTANCE, metres).match_bonus == 8


def test_refuses_what_does_not_fit() -> None:
    """The field, what it got, and what is accepted."""
    graph = CandidateGraph([0, 2, 3], [0, 1, 0], [1, 1 << 60, 1], [1, 1])
    metres = np.zeros(3, np.int64)
    with pytest.raises(InvalidProblemError, match="MAX_MATCHES_THEN_SAVING needs"):
        weigh(graph, Objective.MAX_MATCHES_THEN_SAVING, metres)
    with pytest.raises(InvalidProblemError, match=r"objective: got .*UNSPECIFIED"):
        weigh(graph, Objective.UNSPECIFIED, metres)
    by_distance = Objective.MAX_MATCHES_THEN_DISTANCE
    with pytest.raises(InvalidProblemError, match=r"distance_m: got shape \(2,\)"):
        weigh(graph, by_distance, metres[:2])
    with pytest.raises(InvalidProblemError, match=r"distance_m\[1\]: got -4"):
        weigh(graph, by_distance, np.array([0, -4, 0]))
    with pytest.raises(InvalidProblemError, match="distance_m: got float64"):
        weigh(graph, by_distance, np.array([0.0, np.nan, 1.0]))
