"""Warehouse routing against brute force and OR-Tools: totals equal to the micro."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from matcher.routing import RoutingProblem, route
from tests.oracle.naive_routing import (
    brute_force,
    check_routing,
    flow_routing,
    total_of,
)

# Without the compiler an item costs a hundred times as much.
SLOWER = 10 if numba.config.DISABLE_JIT else 1


def tiny(seed: int) -> RoutingProblem:
    """Return up to 5 items and 3 warehouses of 0 to 2 places, ties likely."""
    rng = np.random.default_rng(seed)
    n, width = int(rng.integers(0, 6)), int(rng.integers(1, 4))
    return RoutingProblem(
        rng.integers(0, 5, (n, width)),
        rng.random((n, width)) < 0.7,
        rng.integers(0, 3, width),
    )


def regional(seed: int, n: int, fill: float) -> RoutingProblem:
    """Return items around warehouses of their region, filled to the given share."""
    rng = np.random.default_rng(seed)
    width = 12
    places, sites = rng.random((n, 2)) ** 2, rng.random((width, 2))
    distance = np.hypot(*(places[:, None, :] - sites[None, :, :]).transpose(2, 0, 1))
    share = rng.dirichlet(np.full(width, 2.0))
    return RoutingProblem(
        (distance * 10_000_000).astype(np.int64) + rng.integers(0, 4, width) * 500_000,
        rng.random((n, width)) < 0.6,
        (share * n / fill).astype(np.int64),
    )


@pytest.mark.parametrize("seed", range(8))
def test_equals_brute_force(seed: int) -> None:
    """On 20 tiny problems per seed nothing that can be tried is better."""
    for part in range(20):
        problem = tiny(100 * seed + part)
        routing = route(problem)
        check_routing(problem, routing)
        assert total_of(routing) == brute_force(problem), (seed, part)


def test_the_flow_agrees_with_brute_force() -> None:
    """The oracle for larger problems is right itself, on 40 tiny ones."""
    for seed in range(40):
        problem = tiny(10_000 + seed)
        assert flow_routing(problem) == brute_force(problem), seed


# Half empty, nearly full, and with items for which there is no place.
@pytest.mark.parametrize("fill", [0.5, 0.9, 0.99, 1.3])
@pytest.mark.parametrize("seed", [1, 2])
def test_equals_flow(seed: int, fill: float) -> None:
    """OR-Tools finds the same total with 2,000 items and 12 warehouses."""
    problem = regional(seed, 2_000 // SLOWER, fill)
    routing = route(problem)
    check_routing(problem, routing)
    assert total_of(routing) == flow_routing(problem)


def test_equals_flow_where_all_costs_are_few() -> None:
    """Costs of 0, 1 and 2 only: moves of equal cost everywhere."""
    rng = np.random.default_rng(5)
    n = 1_000 // SLOWER
    problem = RoutingProblem(
        rng.integers(0, 3, (n, 8)), rng.random((n, 8)) < 0.5, np.full(8, n // 9)
    )
    routing = route(problem)
    check_routing(problem, routing)
    assert total_of(routing) == flow_routing(problem)
