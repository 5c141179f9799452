"""The assignment problem as a flow of least cost, solved by OR-Tools."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.solve import CandidateGraph


def flow_assignment(graph: CandidateGraph) -> int:
    """Return the greatest total saving; skips where there is no OR-Tools."""
    flow = pytest.importorskip(
        "ortools.graph.python.min_cost_flow",
        reason="OR-Tools has no release for this Python that fits the other tools",
    )
    n, m = graph.row_count, graph.column_count
    sink = n + m
    rows, columns = np.arange(n), np.arange(n, n + m)
    problem = flow.SimpleMinCostFlow()
    # Row to column, row to sink (opting out), column to sink.
    problem.add_arcs_with_capacity_and_unit_cost(
        np.concatenate((graph.edge_rows, rows, columns)).astype(np.int32),
        np.concatenate((graph.columns + n, np.full(n + m, sink))).astype(np.int32),
        np.concatenate((np.ones(len(graph.columns) + n), graph.capacity)).astype(
            np.int64
        ),
        np.concatenate((-graph.saving, np.zeros(n + m, np.int64))),
    )
    problem.set_nodes_supplies(
        np.append(rows, sink).astype(np.int32),
        np.append(np.ones(n), -n).astype(np.int64),
    )
    status = problem.solve()
    assert status == problem.OPTIMAL, status
    return -int(problem.optimal_cost())
