"""The routing problem solved the obvious way, and as a flow of least cost."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from matcher.routing import Routing, RoutingProblem

#: How many items are over capacity, then what all of them cost.
Total = tuple[int, int]


def total_of(routing: Routing) -> Total:
    """Return the two numbers that routing makes least, in this order."""
    return int(routing.over_capacity.sum()), int(routing.cost_micros.sum())


def brute_force(problem: RoutingProblem) -> Total:
    """Return the least total, having tried every warehouse for every item."""
    rows = [row for row in range(len(problem.accepted)) if problem.accepted[row].any()]
    cheapest = {row: _cheapest(problem, row) for row in rows}
    # An item is within capacity at an accepting warehouse, or over it (None).
    choices = [[None, *np.nonzero(problem.accepted[row])[0].tolist()] for row in rows]
    best: Total | None = None
    for taken in product(*choices):
        used = np.bincount(
            [at for at in taken if at is not None], minlength=len(problem.capacity)
        )
        if (used > problem.capacity).any():
            continue
        cost = sum(
            cheapest[row] if at is None else int(problem.cost_micros[row, at])
            for row, at in zip(rows, taken, strict=True)
        )
        total = (taken.count(None), cost)
        best = total if best is None else min(best, total)
    assert best is not None
    return best


def flow_routing(problem: RoutingProblem) -> Total:
    """Return the least total by OR-Tools; skips where there is no OR-Tools."""
    flow = pytest.importorskip(
        "ortools.graph.python.min_cost_flow",
        reason="OR-Tools has no release for this Python that fits the other tools",
    )
    rows = np.nonzero(problem.accepted.any(axis=1))[0]
    n, width = len(rows), len(problem.capacity)
    if not n:
        return 0, 0
    accepted, cost = problem.accepted[rows], problem.cost_micros[rows]
    item, warehouse = np.nonzero(accepted)
    sink = n + width
    # Being over capacity is dearer than anything that avoids it.
    penalty = n * (int(cost[accepted].max()) + 1)
    cheapest = np.array([_cheapest(problem, row) for row in rows], np.int64)
    solver = flow.SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(
        np.concatenate((item, np.arange(n + width))).astype(np.int32),
        np.concatenate((warehouse + n, np.full(n + width, sink))).astype(np.int32),
        np.concatenate(
            (np.ones(len(item) + n, np.int64), np.minimum(problem.capacity, n))
        ),
        np.concatenate(
            (cost[item, warehouse], cheapest + penalty, np.zeros(width, np.int64))
        ),
    )
    solver.set_nodes_supplies(
        np.append(np.arange(n), sink).astype(np.int32),
        np.append(np.ones(n), -n).astype(np.int64),
    )
    status = solver.solve()
    assert status == solver.OPTIMAL, status
    return divmod(int(solver.optimal_cost()), penalty)


def check_routing(problem: RoutingProblem, routing: Routing) -> None:
    """Assert all that is promised about a routing but that it is the cheapest."""
    accepts_any = problem.accepted.any(axis=1)
    assert ((routing.warehouse >= 0) == accepts_any).all()
    for row in np.nonzero(~accepts_any)[0]:
        assert routing.cost_micros[row] == 0
        assert not routing.over_capacity[row]
    for row in np.nonzero(accepts_any)[0]:
        at = routing.warehouse[row]
        assert problem.accepted[row, at]
        assert routing.cost_micros[row] == problem.cost_micros[row, at]
        if routing.over_capacity[row]:
            assert routing.cost_micros[row] == _cheapest(problem, row)
    for at, limit in enumerate(problem.capacity.tolist()):
        here = routing.warehouse == at
        assert int((here & ~routing.over_capacity).sum()) <= limit


def _cheapest(problem: RoutingProblem, row: int) -> int:
    return int(problem.cost_micros[row][problem.accepted[row]].min())
