"""Limits of zones, SKUs and days as part of the optimum: against all that can be."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from matcher.domain.errors import CertificateError, InvalidProblemError
from matcher.solve import (
    Assignment,
    CandidateGraph,
    Limits,
    Stop,
    assign,
    assign_within,
    check_certificate,
    dual_value,
    warm_up_within,
)
from tests.oracle.assignment_families import FAMILIES, Family
from tests.oracle.limited_flow import limited_flow
from tests.oracle.small_limits import is_within, random_limits
from tests.oracle.small_markets import small_market

# Without the compiler a row costs a hundred times as much.
SLOWER = 10 if numba.config.DISABLE_JIT else 1

IntArray = NDArray[np.int64]


@pytest.fixture(params=["simplex", "search"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Solve one overfull group as large markets do, or as small ones."""
    rows = 0 if request.param == "search" else 1_000_000
    monkeypatch.setattr("matcher.solve.limited._SEARCH_MIN", rows)


def tiny(seed: int) -> tuple[CandidateGraph, Limits]:
    """Return up to 6 rows and 4 columns, and up to 6 groups of limits 0 to 3."""
    rng = np.random.default_rng(seed)
    graph = small_market(rng)
    return graph, random_limits(rng, graph, 3, int(rng.integers(0, 4)))


def best_within(graph: CandidateGraph, limits: Limits) -> int:
    """Try everything."""
    offsets = graph.row_offsets
    choices = [
        [None, *range(offsets[row], offsets[row + 1])]
        for row in range(len(offsets) - 1)
    ]
    best = 0
    for taken in product(*choices):
        pairs = [
            (row, int(graph.columns[e])) for row, e in enumerate(taken) if e is not None
        ]
        used = np.bincount([j for _, j in pairs], minlength=graph.column_count)
        if (used <= graph.capacity).all() and is_within(limits, pairs):
            best = max(best, sum(int(graph.saving[e]) for e in taken if e is not None))
    return best


def proven(graph: CandidateGraph, limits: Limits) -> Assignment:
    """Return an answer that the independent checker accepts as the optimum."""
    answer = assign_within(graph, limits)
    check_certificate(graph, answer, limits)
    assert answer.gap == 0
    assert dual_value(graph, answer, limits) == answer.value
    return answer


@pytest.mark.parametrize("seed", range(10))
def test_nothing_saves_more(seed: int) -> None:
    """On 60 tiny markets per seed, full of ties and of limits of 0."""
    for part in range(60):
        graph, limits = tiny(1_000 * seed + part)
        answer = proven(graph, limits)
        assert answer.value == best_within(graph, limits), (seed, part)


def worth(graph: CandidateGraph, limits: Limits, group: int, step: int) -> int:
    """Return what the total gains if a limit changes by so much."""
    limit = limits.limit.copy()
    limit[group] += step
    other = Limits(limit, limits.parent, limits.row_group, limits.column_group)
    return proven(graph, other).value - proven(graph, limits).value


@pytest.mark.parametrize("seed", range(4))
def test_prices_are_what_one_more_is_worth(seed: int) -> None:
    """Between one place more and one less; one more, for demands in no other group."""
    for part in range(30):
        graph, limits = tiny(70_000 + 1_000 * seed + part)
        answer = proven(graph, limits)
        for group in np.nonzero(limits.limit)[0]:
            more, less = (
                worth(graph, limits, group, 1),
                -worth(graph, limits, group, -1),
            )
            price = answer.limit_price[group]
            assert more <= price <= less, (seed, part, group)
            is_of_demands = group >= len(limits.limit) // 2
            if is_of_demands and limits.parent[group] < 0:
                assert price == more, (seed, part, group)
        for column in np.nonzero(graph.capacity)[0]:
            capacity = graph.capacity.copy()
            capacity[column] += 1
            more = proven(replace(graph, capacity=capacity), limits).value
            assert answer.demand_price[column] >= more - answer.value, (seed, part)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_equals_flow(family: Family, share: float) -> None:
    """OR-Tools finds the same total with 1,000 rows of each family and 40 groups."""
    rng = np.random.default_rng(21)
    graph = family(rng, 1_000 // SLOWER)
    top = max(1, round(share * graph.row_count / 5))
    limits = random_limits(rng, graph, top, 20)
    assert proven(graph, limits).value == limited_flow(graph, limits)


@pytest.mark.parametrize("seed", range(3))
def test_groups_whose_groups_are_too_small_to_fill_them(seed: int) -> None:
    """100 small markets a seed: what a group inside stops costs the outer nothing."""
    rng = np.random.default_rng(90 + seed)
    for _ in range(100):
        family = list(FAMILIES.values())[int(rng.integers(len(FAMILIES)))]
        graph = family(rng, int(rng.integers(2, 60)))
        top = int(rng.choice([1, 3, 20, 200]))
        limits = random_limits(rng, graph, top, int(rng.integers(0, 12)))
        answer = proven(graph, limits)
        slack = limits.used(answer.column) < limits.limit
        assert not answer.limit_price[slack].any()


@pytest.mark.parametrize("limit", [0, 1, 37, 200, 10_000])
def test_a_day_with_so_many_matches(limit: int) -> None:
    """One limit on everything, of rows or of columns alike: the same total."""
    graph = FAMILIES["clusters"](np.random.default_rng(22), 400 // SLOWER)
    n, m = graph.row_count, graph.column_count
    none = np.array([-1])
    by_rows = Limits(np.array([limit]), none, np.zeros(n, int), np.full(m, -1))
    by_columns = Limits(np.array([limit]), none, np.full(n, -1), np.zeros(m, int))
    values = {proven(graph, each).value for each in (by_rows, by_columns)}
    assert len(values) == 1
    matched = np.count_nonzero(proven(graph, by_rows).column >= 0)
    assert matched == min(limit, np.count_nonzero(assign(graph).column >= 0))


def test_limits_that_nothing_reaches_change_nothing() -> None:
    """The answer of a solve without limits, to the last bit, on any thread count."""
    graph = FAMILIES["same_places"](np.random.default_rng(23), 500 // SLOWER)
    limits = Limits(
        np.array([graph.row_count]),
        np.array([-1]),
        np.zeros(graph.row_count, int),
        np.full(graph.column_count, -1),
    )
    free = assign(graph)
    for threads in (1, 2):
        answer = assign_within(graph, limits, threads=threads)
        assert np.array_equal(answer.column, free.column)
        assert np.array_equal(answer.demand_price, free.demand_price)
        assert answer.limit_price.tolist() == [0]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_same_input_gives_the_same_answer(family: Family) -> None:
    """I5: whatever the threads."""
    rng = np.random.default_rng(24)
    graph = family(rng, 400 // SLOWER)
    limits = random_limits(rng, graph, 20, 10)
    answers = [assign_within(graph, limits, threads=each) for each in (1, 2, 3)]
    for answer in answers[1:]:
        assert np.array_equal(answer.column, answers[0].column)
        assert np.array_equal(answer.return_price, answers[0].return_price)
        assert np.array_equal(answer.demand_price, answers[0].demand_price)
        assert np.array_equal(answer.limit_price, answers[0].limit_price)


def test_warm_up_solves_a_market_that_a_limit_binds() -> None:
    """So that the first round under a limit does not wait for the compiler."""
    warm_up_within()


def test_a_stopped_solve_keeps_the_limits() -> None:
    """What comes in time is within the limits, and its gap covers the optimum."""
    rng = np.random.default_rng(25)
    graph = FAMILIES["clusters"](rng, 600 // SLOWER)
    limits = random_limits(rng, graph, 30, 10)
    stop = Stop()
    stop.request()
    answer = assign_within(graph, limits, stop=stop)
    check_certificate(graph, answer, limits)
    best = proven(graph, limits).value
    assert answer.gap > 0
    assert answer.value <= best <= answer.value + answer.gap


def test_the_checker_refuses_what_breaks_a_limit() -> None:
    """A match too many, a price below zero, and prices that prove too little."""
    graph = CandidateGraph([0, 1, 2], [0, 1], [5, 4], [1, 1])
    limits = Limits(np.array([1]), np.array([-1]), np.array([0, 0]), np.array([-1, -1]))
    answer = assign_within(graph, limits)
    assert answer.column.tolist() == [0, -1]
    assert answer.limit_price.tolist() == [5]
    check_certificate(graph, answer, limits)
    for wrong, message in (
        (replace(answer, column=np.array([0, 1])), "group 0 has 2 matches"),
        (replace(answer, limit_price=np.array([-1])), r"limit_price\[0\]: got -1"),
        (replace(answer, limit_price=np.array([4])), "would save"),
        (replace(answer, limit_price=np.array([6])), "totals differ"),
        (replace(answer, limit_price=np.zeros(2, int)), r"limit_price: got shape"),
    ):
        with pytest.raises(CertificateError, match=message):
            check_certificate(graph, wrong, limits)


def test_limits_that_do_not_fit_are_refused() -> None:
    """The field, what it got, and what is accepted."""
    one, none = np.array([1]), np.array([-1])
    for given, message in (
        ((np.array([-1]), none, none, none), r"limit\[0\]: got -1; accepted: 0 to"),
        ((one, np.array([0]), none, none), r"parent\[0\]: groups hold each other"),
        ((one, np.array([1]), none, none), r"parent\[0\]: got 1; accepted: -1 to 0"),
        ((one, np.array([-1, -1]), none, none), "parent: got 2 entries; accepted: 1"),
        ((one, none, np.array([0]), np.array([0])), "group 0: got returns and demands"),
        ((one, none, np.array([0.5]), none), "row_group: got 1 dimensions of float64"),
    ):
        with pytest.raises(InvalidProblemError, match=message):
            Limits(*given)
    graph = CandidateGraph([0, 1], [0], [5], [1])
    limits = Limits(one, none, np.array([0, 0]), none)
    with pytest.raises(InvalidProblemError, match="row_group: got 2 entries"):
        assign_within(graph, limits)
    large = CandidateGraph([0, 1, 2], [0, 0], [1 << 60, 1 << 60], [2])
    limits = Limits(one, none, np.array([0, 0]), none)
    with pytest.raises(InvalidProblemError, match=r"saving: got 11529.* by limits"):
        assign_within(large, limits)
