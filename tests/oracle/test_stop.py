"""A solve that is ended early: whole, feasible, and honest about what it may miss."""

from __future__ import annotations

from dataclasses import replace
from threading import Timer

import numba
import numpy as np
import pytest

from matcher.domain.errors import CertificateError
from matcher.solve import (
    Assignment,
    CandidateGraph,
    Stop,
    assign,
    check_certificate,
    dual_value,
)
from tests.oracle.assignment_families import FAMILIES, Family
from tests.oracle.naive_assignment import dense_assignment

# Without the compiler a row costs a hundred times as much.
SLOWER = 10 if numba.config.DISABLE_JIT else 1


def stopped() -> Stop:
    """Return a stop that was requested before anything began."""
    stop = Stop()
    stop.request()
    return stop


def contested(count: int) -> CandidateGraph:
    """Return as many rows as columns, all of which want a place at any price."""
    rng = np.random.default_rng(count)
    return CandidateGraph(
        np.arange(count + 1) * 12,
        rng.integers(0, count, count * 12).astype(np.int32),
        10**9 + rng.integers(0, 10**6, count * 12),
        np.ones(count, np.int32),
    )


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("threads", [1, 2])
def test_before_it_began(family: Family, threads: int) -> None:
    """Nothing is solved: rows choose in their order, and the gap covers the rest."""
    graph = family(np.random.default_rng(7), 200 // SLOWER)
    answer = assign(graph, threads=threads, stop=stopped())
    check_certificate(graph, answer)
    best = dense_assignment(graph)
    assert answer.value <= best <= answer.value + answer.gap
    assert dual_value(graph, answer) == answer.value + answer.gap
    assert answer.value > 0


def test_nobody_is_left_out_while_there_is_room() -> None:
    """Rows without a place have no candidate with a unit left."""
    graph = contested(400 // SLOWER)
    answer = assign(graph, stop=stopped())
    used = np.bincount(answer.column[answer.column >= 0], minlength=graph.column_count)
    out = np.nonzero(answer.column[graph.edge_rows] < 0)[0]
    assert len(out)
    assert (used[graph.columns[out]] == graph.capacity[graph.columns[out]]).all()


@pytest.mark.compiled
def test_in_the_middle_another_thread_ends_it() -> None:
    """A market of some seconds, ended after a tenth of one: a small, proven gap."""
    graph = contested(30_000)
    stop = Stop()
    timer = Timer(0.1, stop.request)
    timer.start()
    answer = assign(graph, threads=2, stop=stop)
    timer.join()
    check_certificate(graph, answer)
    best = assign(graph)
    assert answer.gap > 0
    assert answer.value <= best.value <= answer.value + answer.gap
    assert answer.gap < best.value / 10


def test_a_request_that_comes_too_late_changes_nothing() -> None:
    """Asked for after the end, the answer is the optimum as ever."""
    graph = contested(300 // SLOWER)
    stop = Stop()
    answer = assign(graph, stop=stop)
    stop.request()
    assert stop.is_requested
    assert answer.gap == 0
    assert answer.value == dense_assignment(graph)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_gap_is_checked_like_all_else(change: int) -> None:
    """One micro more or less than the prices prove is refused."""
    graph = contested(200 // SLOWER)
    answer = assign(graph, stop=stopped())
    with pytest.raises(CertificateError, match="totals differ"):
        check_certificate(graph, replace(answer, gap=answer.gap + change))


@pytest.mark.parametrize("gap", [True, 0.0, np.int64(0), None])
def test_a_gap_is_a_plain_integer(gap: object) -> None:
    """What only looks like 0 is refused."""
    graph = contested(50)
    answer = assign(graph)
    claim = Assignment(
        answer.column,
        answer.return_price,
        answer.demand_price,
        answer.value,
        gap,  # type: ignore[arg-type] - the point of the test
    )
    with pytest.raises(CertificateError, match="totals differ"):
        check_certificate(graph, claim)
