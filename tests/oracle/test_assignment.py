"""The solver against brute force, SciPy and OR-Tools: totals equal to the micro."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from matcher.solve import (
    CandidateGraph,
    assign,
    check_certificate,
    dual_value,
)
from tests.oracle.assignment_families import FAMILIES, Family
from tests.oracle.flow_assignment import flow_assignment
from tests.oracle.naive_assignment import brute_force, dense_assignment

# Without the compiler a row costs a hundred times as much.
SLOWER = 10 if numba.config.DISABLE_JIT else 1


def proven_value(graph: CandidateGraph, *, threads: int = 1) -> int:
    """Return the value of an assignment that the independent checker accepts."""
    answer = assign(graph, threads=threads)
    check_certificate(graph, answer)
    assert dual_value(graph, answer) == answer.value
    return answer.value


def tiny(seed: int) -> CandidateGraph:
    """Return up to 5 rows and 4 columns of 0 to 2 units, ties and losses likely."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(0, 6)), int(rng.integers(1, 5))
    degree = rng.integers(0, 5, n)
    count = int(degree.sum())
    return CandidateGraph(
        np.append(0, np.cumsum(degree)),
        rng.integers(0, m, count).astype(np.int32),
        rng.integers(-2, 6, count),
        rng.integers(0, 3, m).astype(np.int32),
    )


@pytest.mark.parametrize("seed", range(8))
def test_equals_brute_force(seed: int) -> None:
    """On 20 tiny markets per seed nothing that can be tried saves more."""
    for part in range(20):
        graph = tiny(100 * seed + part)
        assert proven_value(graph) == brute_force(graph), (seed, part)


def test_oracles_agree_with_brute_force() -> None:
    """The faster oracles are right themselves, on 40 tiny markets."""
    for seed in range(40):
        graph = tiny(10_000 + seed)
        expected = brute_force(graph)
        assert dense_assignment(graph) == expected, seed
        assert flow_assignment(graph) == expected, seed


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("seed", [1, 2])
def test_equals_scipy(family: Family, seed: int) -> None:
    """SciPy's dense solver finds the same total with 200 rows of each family."""
    graph = family(np.random.default_rng(seed), 200 // SLOWER)
    assert proven_value(graph) == dense_assignment(graph)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_equals_flow(family: Family) -> None:
    """OR-Tools finds the same total with 3,000 rows of each family, on two threads."""
    graph = family(np.random.default_rng(3), 3_000 // SLOWER)
    assert proven_value(graph, threads=2) == flow_assignment(graph)


def test_nobody_can_be_placed() -> None:
    """With all quantities 0, or all savings losses, the oracles too find 0."""
    full = FAMILIES["quantities"](np.random.default_rng(4), 50)
    empty = CandidateGraph(
        full.row_offsets, full.columns, full.saving, np.zeros_like(full.capacity)
    )
    losing = CandidateGraph(
        full.row_offsets, full.columns, -np.abs(full.saving), full.capacity
    )
    for graph in (empty, losing):
        assert proven_value(graph) == flow_assignment(graph) == 0
        assert dense_assignment(graph) == 0
