"""Candidates in the order that the solver scans them."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def _is_after(saving_a, column_a, saving_b, column_b):
    # Better savings first, equal ones by column.
    return saving_a < saving_b or (saving_a == saving_b and column_a > column_b)


@njit(cache=True, nogil=True)
def _insertion_sort(columns, saving, start, stop):
    for e in range(start + 1, stop):
        j, s = columns[e], saving[e]
        at = e
        while at > start and _is_after(saving[at - 1], columns[at - 1], s, j):
            columns[at] = columns[at - 1]
            saving[at] = saving[at - 1]
            at -= 1
        columns[at] = j
        saving[at] = s


@njit(cache=True, nogil=True)
def _sink(columns, saving, start, root, size):
    # Heap whose top comes last in the order.
    j, s = columns[start + root], saving[start + root]
    while 2 * root + 1 < size:
        child = 2 * root + 1
        e = start + child
        if child + 1 < size and _is_after(
            saving[e + 1], columns[e + 1], saving[e], columns[e]
        ):
            child += 1
            e += 1
        if not _is_after(saving[e], columns[e], s, j):
            break
        columns[start + root] = columns[e]
        saving[start + root] = saving[e]
        root = child
    columns[start + root] = j
    saving[start + root] = s


@njit(cache=True, nogil=True)
def _heap_sort(columns, saving, start, stop):
    size = stop - start
    for root in range(size // 2 - 1, -1, -1):
        _sink(columns, saving, start, root, size)
    for last in range(size - 1, 0, -1):
        e = start + last
        columns[start], columns[e] = columns[e], columns[start]
        saving[start], saving[e] = saving[e], saving[start]
        _sink(columns, saving, start, 0, last)


@njit(cache=True, nogil=True)
def order_kernel(graph, offsets, columns, saving):
    """
    Copy the candidates that may be taken, sorted within each row.

    Parameters
    ----------
    graph
        ``(row_offsets, columns, saving, capacity)`` as in ``CandidateGraph``.
    offsets
        ``int64 (n + 1,)``, written: where each row's candidates start.
    columns, saving
        ``int32`` and ``int64 (nnz,)``, written up to ``offsets[n]``: savings above
        zero on columns with a unit, the best first, equal ones by column.

    Notes
    -----
    In place; ``O(d log d)`` for a row of ``d`` candidates.
    """
    from_offsets, from_columns, from_saving, capacity = graph
    count = 0
    offsets[0] = 0
    for i in range(len(from_offsets) - 1):
        start = count
        for e in range(from_offsets[i], from_offsets[i + 1]):
            if from_saving[e] > 0 and capacity[from_columns[e]] > 0:
                columns[count] = from_columns[e]
                saving[count] = from_saving[e]
                count += 1
        offsets[i + 1] = count
        if count - start <= 32:
            _insertion_sort(columns, saving, start, count)
        else:
            _heap_sort(columns, saving, start, count)
