"""The optimum that comes first, and what prices mean: by trying everything."""

from __future__ import annotations

from itertools import product

import numpy as np

from matcher.solve import CandidateGraph
from tests.oracle.naive_assignment import dense_assignment


def first_optimum(graph: CandidateGraph) -> list[int]:
    """
    Return the first of the best assignments, row by row; -1 is after all columns.

    Rows choose one after the other, the lowest column that some optimum gives them.
    """
    choices = []
    for row in range(graph.row_count):
        edges = range(graph.row_offsets[row], graph.row_offsets[row + 1])
        pairs = [(int(graph.columns[each]), int(graph.saving[each])) for each in edges]
        choices.append([pair for pair in pairs if pair[1] > 0])
        choices[-1].append((graph.column_count, 0))
    limits = [*graph.capacity.tolist(), graph.row_count]
    best: tuple[int, list[int]] = (0, [graph.column_count] * graph.row_count)
    for taken in product(*choices):
        columns = [column for column, _ in taken]
        if all(columns.count(column) <= limits[column] for column in set(columns)):
            best = min(best, (-sum(saving for _, saving in taken), columns))
    return [-1 if column == graph.column_count else column for column in best[1]]


def worth_of_unit(graph: CandidateGraph, column: int) -> int:
    """Return what one more unit of a column adds to the best total."""
    capacity = graph.capacity.copy()
    capacity[column] += 1
    more = CandidateGraph(graph.row_offsets, graph.columns, graph.saving, capacity)
    return dense_assignment(more) - dense_assignment(graph)


def worth_of_row(graph: CandidateGraph, row: int) -> int:
    """Return what the best total loses without a row."""
    saving = np.where(graph.edge_rows == row, 0, graph.saving)
    less = CandidateGraph(graph.row_offsets, graph.columns, saving, graph.capacity)
    return dense_assignment(graph) - dense_assignment(less)
