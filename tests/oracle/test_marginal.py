"""One row, unit or place more: what it changes, held against solving again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from matcher.domain.errors import InvalidProblemError
from matcher.solve import (
    CandidateGraph,
    Limits,
    Objective,
    Stop,
    assign_within,
    part,
    second_of,
)
from matcher.solve.limits import NONE
from matcher.solve.marginal import FAR, Growth, Marginal
from tests.oracle.small_limits import random_limits
from tests.oracle.small_markets import small_market

# More than any total of a small market: a row that may be matched is.
_MUCH = 1_000
_Market = tuple[CandidateGraph, Limits]


def _drawn(rng: np.random.Generator) -> _Market:
    graph = small_market(rng)
    limits = random_limits(rng, graph, 3, int(rng.integers(0, 4)))
    if rng.random() < 0.5:
        # Nothing is shut: all are in each other's way.
        graph = replace(graph, capacity=graph.capacity.clip(1))
        limits = replace(limits, limit=limits.limit.clip(1))
    return graph, limits


def _added(market: _Market, row: int) -> int | None:
    """Return what a row adds where it has to be matched; ``None`` if it cannot be."""
    graph, limits = market
    own = (graph.edge_rows == row) & (graph.saving > 0)
    with_row = np.where(own, graph.saving + _MUCH, graph.saving)
    without = np.where(own, 0, graph.saving)
    value, rest = (
        assign_within(replace(graph, saving=saving), limits).value
        for saving in (with_row, without)
    )
    return value - rest - _MUCH if value - rest > _MUCH // 2 else None


def _alone(graph: CandidateGraph, row: int, column: int, weight: int) -> CandidateGraph:
    """Return a graph in which a row has one candidate."""
    start, stop = graph.row_offsets[row : row + 2]
    offsets = graph.row_offsets.copy()
    offsets[row + 1 :] += 1 - (stop - start)
    return CandidateGraph(
        offsets,
        np.concatenate((graph.columns[:start], [column], graph.columns[stop:])),
        np.concatenate((graph.saving[:start], [weight], graph.saving[stop:])),
        graph.capacity,
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_charge_is_what_a_row_has_to_weigh(seed: int) -> None:
    """With as much it adds nothing, with one more it adds one: on every column."""
    rng = np.random.default_rng(seed)
    met: Counter[str] = Counter()
    for _ in range(10):
        graph, limits = _drawn(rng)
        answer = assign_within(graph, limits)
        marginal = Marginal(graph, answer, limits)
        for row in np.nonzero(answer.column == NONE)[0].tolist():
            charges = marginal.charges(row, int(marginal.nodes.above_row[row]))
            for column in range(graph.column_count):
                charge = int(charges[graph.row_count + column])
                weights = [_MUCH // 4] if charge == FAR else [charge, charge + 1]
                for weight in filter(None, weights):
                    changed = _alone(graph, row, column, weight)
                    added = _added((changed, limits), row)
                    assert added == (None if charge == FAR else weight - charge)
                    met["FAR" if charge == FAR else "charge"] += 1
    assert min(met["FAR"], met["charge"]) > 8, met


def _wider(market: _Market, kind: str, at: int, more: int) -> _Market:
    graph, limits = market
    if kind == "column":
        capacity = graph.capacity.copy()
        capacity[at] += more
        return replace(graph, capacity=capacity), limits
    limit = limits.limit.copy()
    limit[at] += more
    return graph, replace(limits, limit=limit)


def _sign(added: int | None) -> int:
    return -1 if added is None or added < 0 else int(added > 0)


def _grown(market: _Market, visit: Callable[[Growth, str, int, int], None]) -> None:
    """Visit each row without a column, with each column and each group that grows."""
    graph, limits = market
    answer = assign_within(graph, limits)
    marginal = Marginal(graph, answer, limits)
    for row in np.nonzero(answer.column == NONE)[0].tolist():
        for column in range(graph.column_count):
            visit(marginal.of_column(row, column), "column", column, row)
        for group in range(limits.count):
            visit(marginal.of_group(row, group), "group", group, row)


@pytest.mark.parametrize("seed", range(6))
def test_units_and_places_one_by_one(seed: int) -> None:
    """Four more of each column and group: the row gains, loses, or ties."""
    rng = np.random.default_rng(seed)
    met: Counter[tuple[str, int]] = Counter()
    for _ in range(6):
        market = _drawn(rng)

        def visit(
            growth: Growth, kind: str, at: int, row: int, market: _Market = market
        ) -> None:
            for more in range(1, 5):
                growth.grow()
                assert growth.more == more
                gain = growth.gain()
                added = _added(_wider(market, kind, at, more), row)
                assert _sign(gain) == _sign(added)
                assert gain < 0 or gain == added
                if growth.has_left:
                    assert _sign(_added(_wider(market, kind, at, 9), row)) == _sign(
                        gain
                    )
                met[kind, _sign(gain)] += 1

        _grown(market, visit)
    assert met["column", 1] + met["group", 1] > 5, met


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_leap_is_as_good_as_one_by_one(seed: int) -> None:
    """At each price below its own: the same market as after as many single steps."""
    rng = np.random.default_rng([seed, 1])
    leaps = 0
    for _ in range(25):
        market = _drawn(rng)

        def visit(
            growth: Growth, kind: str, at: int, row: int, market: _Market = market
        ) -> None:
            nonlocal leaps
            for price in range(growth.price):
                there = growth.at_price(price, Stop())
                if there is None:
                    continue
                assert kind == "group"
                leaps += 1
                for _ in range(2):
                    added = _added(_wider(market, kind, at, there.more), row)
                    assert _sign(there.gain()) == _sign(added)
                    there.grow()

        _grown(market, visit)
    assert leaps > 3, leaps


def test_what_one_is_worth() -> None:
    """
    Three rows, one place: of 9, 6 and 4 the first has it.

    To the last a place is worth 4; once others have all that is worth more, two more,
    it would get the next.
    """
    graph = CandidateGraph([0, 1, 2, 3], [0, 0, 0], [9, 6, 4], [3])
    limits = Limits([1], [NONE], [NONE] * 3, [0])
    marginal = Marginal(graph, assign_within(graph, limits), limits)
    growth = marginal.of_group(2, 0)
    assert (growth.price, growth.worth(), growth.gain()) == (6, 4, -1)
    there = growth.at_price(growth.worth(), Stop())
    assert there is not None
    assert (there.more, there.gain()) == (1, -1)
    there.grow()
    assert (there.more, there.gain()) == (2, 4)


def test_a_stopped_leap_leads_nowhere() -> None:
    """What a stopped solve had found by then is no answer."""
    graph = CandidateGraph([0, 1, 2], [0, 0], [9, 6], [2])
    limits = Limits([1], [NONE], [NONE] * 2, [0])
    growth = Marginal(graph, assign_within(graph, limits), limits).of_group(1, 0)
    stop = Stop()
    stop.request()
    assert growth.at_price(0, stop) is None
    assert growth.at_price(0, Stop()) is None, "nobody else wants it"


@pytest.mark.parametrize("objective", list(Objective)[2:])
def test_totals_come_apart(objective: Objective) -> None:
    """A difference of two assignments: matches, and what comes second of them."""
    rng = np.random.default_rng(3)
    met: Counter[int] = Counter()
    for _ in range(50):
        graph = small_market(rng)
        metres = rng.integers(0, 9, len(graph.columns))
        parted = part(graph, objective, metres)
        second = second_of(objective, graph.saving, metres)
        edges = np.nonzero(graph.saving > 0)[0]
        # Of each row its first candidate; of the other some, and of none the rest.
        _, first = np.unique(graph.edge_rows[edges], return_index=True)
        one = edges[first]
        other = one[rng.random(len(one)) < 0.5]
        weight = parted.graph.saving
        for some, others in ((one, other), (other, one), (one, one[:0])):
            total = np.array([weight[some].sum() - weight[others].sum()])
            count, rest = parted.parted(total)
            assert count[0] == len(some) - len(others)
            told = rest[0] + parted.least * count[0]
            assert told == second[some].sum() - second[others].sum()
            met[int(np.sign(count[0]))] += 1
    assert min(met[-1], met[0], met[1]) > 5, met


def test_what_takes_more_than_64_bits_is_refused() -> None:
    """Savings so far apart that no sum of so many would come apart."""
    graph = CandidateGraph([0, 1, 2], [0, 0], [1 << 58, 1], [1])
    with pytest.raises(InvalidProblemError, match="accepted"):
        part(graph, Objective.MAX_MATCHES_THEN_SAVING, np.zeros(2, np.int64))
