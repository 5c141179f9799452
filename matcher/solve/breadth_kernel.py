"""Rows and columns numbered so that neighbours are close to one another in memory."""

from __future__ import annotations

import numpy as np
from numba import njit

NONE = -1


@njit(cache=True, nogil=True)
def _rows_by_column(graph):
    offsets, columns, _, capacity = graph
    to = np.zeros(len(capacity) + 2, np.int64)
    for j in columns:
        to[j + 2] += 1
    for j in range(2, len(to)):
        to[j] += to[j - 1]
    rows = np.empty(len(columns), np.int32)
    for i in range(len(offsets) - 1):
        for e in range(offsets[i], offsets[i + 1]):
            at = to[columns[e] + 1]
            rows[at] = i
            to[columns[e] + 1] = at + 1
    return to, rows


@njit(cache=True, nogil=True)
def breadth_kernel(graph, row_order, number):
    """
    Give rows and columns numbers in breadth-first order.

    Parameters
    ----------
    graph
        ``(row_offsets, columns, saving, capacity)`` as in ``CandidateGraph``.
    row_order
        ``int32 (n,)``, written: the row at each place of the new order.
    number
        ``int32 (m,)``, written: each column's new number.

    Notes
    -----
    Components follow one another by their lowest row, and the rows of a component by
    their distance to it. ``O(nnz + n + m)``.
    """
    offsets, columns, _, capacity = graph
    in_offsets, in_rows = _rows_by_column(graph)
    number[:] = NONE
    is_placed = np.zeros(len(offsets) - 1, np.bool_)
    placed = 0
    numbered = 0
    for start in range(len(is_placed)):
        if is_placed[start]:
            continue
        is_placed[start] = True
        row_order[placed] = start
        at = placed
        placed += 1
        while at < placed:
            i = row_order[at]
            at += 1
            for e in range(offsets[i], offsets[i + 1]):
                j = columns[e]
                if number[j] != NONE:
                    continue
                number[j] = numbered
                numbered += 1
                for f in range(in_offsets[j], in_offsets[j + 1]):
                    k = in_rows[f]
                    if not is_placed[k]:
                        is_placed[k] = True
                        row_order[placed] = k
                        placed += 1
    for j in range(len(capacity)):
        if number[j] == NONE:
            number[j] = numbered
            numbered += 1
