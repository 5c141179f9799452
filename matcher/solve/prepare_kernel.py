"""The candidates that may be taken, copied into the order that the solver wants."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def count_kernel(start, stop, graph, row_order, counts):
    """
    Count the candidates that may be taken: they save something, on a unit there is.

    Parameters
    ----------
    start, stop
        Rows in the new order.
    graph
        ``(row_offsets, columns, saving, capacity)`` as in ``CandidateGraph``.
    row_order
        ``int32 (n,)``: the old row at each place of the new order.
    counts
        ``int64 (n,)``, written from ``start`` to ``stop``.

    Notes
    -----
    ``O(nnz)``; several threads may work on different rows.
    """
    offsets, columns, saving, capacity = graph
    for p in range(start, stop):
        i = row_order[p]
        count = 0
        for e in range(offsets[i], offsets[i + 1]):
            if saving[e] > 0 and capacity[columns[e]] > 0:
                count += 1
        counts[p] = count


@njit(cache=True, nogil=True)
def copy_kernel(start, stop, graph, order, to, span):
    """
    Copy the candidates that :func:`count_kernel` counted.

    Parameters
    ----------
    start, stop
        Rows in the new order.
    graph
        As there.
    order
        ``(row_order int32 (n,), number int32 (m,))``: the old row at each new place,
        and each old column's new number.
    to
        ``(offsets int64 (n + 1,), columns int32 (e,), saving int64 (e,))``: where
        the rows start, given; the last two are written.
    span
        ``(low int32 (n,), high int32 (n,))``, written: each row's lowest and highest
        new column; ``m`` and -1 for a row without any.

    Notes
    -----
    ``O(nnz)``; several threads may work on different rows.
    """
    from_offsets, from_columns, from_saving, capacity = graph
    row_order, number = order
    offsets, columns, saving = to
    low, high = span
    for p in range(start, stop):
        i = row_order[p]
        at = offsets[p]
        least, most = len(capacity), -1
        for e in range(from_offsets[i], from_offsets[i + 1]):
            j = from_columns[e]
            if from_saving[e] > 0 and capacity[j] > 0:
                new = number[j]
                columns[at] = new
                saving[at] = from_saving[e]
                least = min(least, new)
                most = max(most, new)
                at += 1
        low[p] = least
        high[p] = most
