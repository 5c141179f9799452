"""The assignment problem with limits as a flow of least cost, by OR-Tools."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.solve import CandidateGraph, Limits


def limited_flow(graph: CandidateGraph, limits: Limits) -> int:
    """Return the greatest total saving; skips where there is no OR-Tools."""
    flow = pytest.importorskip(
        "ortools.graph.python.min_cost_flow",
        reason="OR-Tools has no release for this Python that fits the other tools",
    )
    n, m, count = graph.row_count, graph.column_count, len(limits.limit)
    # Source, groups and rows on one side; columns, groups and sink on the other.
    source, sink = n + m + count, n + m + count + 1
    arcs: list[tuple[int, int, int, int]] = [
        (row, n + int(column), 1, -int(saving))
        for row, column, saving in zip(
            graph.edge_rows, graph.columns, graph.saving, strict=True
        )
    ]
    is_of_rows = np.zeros(count, bool)
    for row, first in enumerate(limits.row_group.tolist()):
        arcs.append((n + m + first if first >= 0 else source, row, 1, 0))
        group = first
        while group >= 0:
            is_of_rows[group] = True
            group = int(limits.parent[group])
    for column, group in enumerate(limits.column_group.tolist()):
        to = n + m + group if group >= 0 else sink
        arcs.append((n + column, to, int(graph.capacity[column]), 0))
    for group, above in enumerate(limits.parent.tolist()):
        limit = int(limits.limit[group])
        if is_of_rows[group]:
            arcs.append(
                (n + m + above if above >= 0 else source, n + m + group, limit, 0)
            )
        else:
            arcs.append(
                (n + m + group, n + m + above if above >= 0 else sink, limit, 0)
            )
    arcs.append((source, sink, n, 0))
    problem = flow.SimpleMinCostFlow()
    tail, head, capacity, cost = np.array(arcs, np.int64).T
    problem.add_arcs_with_capacity_and_unit_cost(tail, head, capacity, cost)
    problem.set_nodes_supplies(np.array([source, sink]), np.array([n, -n]))
    status = problem.solve()
    assert status == problem.OPTIMAL, status
    return -int(problem.optimal_cost())
