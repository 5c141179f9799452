"""What one writes first: each return takes its best open demand, in its turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.solve import CandidateGraph


def greedy(graph: CandidateGraph) -> NDArray[np.int32]:
    """
    Give each row the best column that is left, in the order of rows.

    Returns
    -------
    numpy.ndarray
        ``int32 (n,)``, -1 for none; ties go to the lower column.
    """
    left = graph.capacity.copy()
    column = np.full(graph.row_count, -1, np.int32)
    for row in range(graph.row_count):
        at = slice(graph.row_offsets[row], graph.row_offsets[row + 1])
        columns, saving = graph.columns[at], graph.saving[at]
        is_open = (left[columns] > 0) & (saving > 0)
        if is_open.any():
            best = saving[is_open].max()
            column[row] = columns[is_open & (saving == best)].min()
            left[column[row]] -= 1
    return column


def saved(graph: CandidateGraph, column: NDArray[np.int32]) -> int:
    """Return what an assignment saves, micros."""
    taken = graph.columns == column[graph.edge_rows]
    best = np.zeros(graph.row_count, np.int64)
    np.maximum.at(best, graph.edge_rows[taken], graph.saving[taken])
    return int(best.sum())
