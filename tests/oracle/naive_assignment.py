"""The assignment problem solved the obvious way: slow, and plain to read."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from matcher.solve import CandidateGraph


def brute_force(graph: CandidateGraph) -> int:
    """Return the greatest total saving, having tried every assignment."""
    choices = [
        [None, *range(start, stop)]
        for start, stop in zip(
            graph.row_offsets[:-1], graph.row_offsets[1:], strict=True
        )
    ]
    best = 0
    for taken in product(*choices):
        edges = [edge for edge in taken if edge is not None]
        used = [0] * graph.column_count
        for edge in edges:
            used[graph.columns[edge]] += 1
        if all(
            count <= limit for count, limit in zip(used, graph.capacity, strict=True)
        ):
            best = max(best, sum(int(graph.saving[edge]) for edge in edges))
    return best


def dense_assignment(graph: CandidateGraph) -> int:
    """Return the greatest total saving by SciPy's dense solver, exact in integers."""
    return int(_dense_savings(graph).sum())


def _dense_savings(graph: CandidateGraph) -> NDArray[np.int64]:
    # One column per unit; what is no candidate is worth as much as opting out.
    units = np.repeat(np.arange(graph.column_count), graph.capacity)
    table = np.zeros((graph.row_count, graph.column_count), np.int64)
    np.maximum.at(table, (graph.edge_rows, graph.columns), graph.saving)
    table = table[:, units]
    # SciPy works in floats, which hold integers up to 2**53.
    assert not table.size or int(table.max()) * graph.row_count < 2**53
    rows, columns = linear_sum_assignment(table, maximize=True)
    return table[rows, columns]
