"""The lowest prices of demands that prove an assignment optimal."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np
from numba import njit

FREE = -1
GROUNDED = -1


@njit(cache=True, nogil=True)
def _lower(i, cut, offsets, columns, saving, u, v, is_sorted, fall, lowered):
    # Column j may fall by no more than row i lets it: i stays with what it has while
    # that gains as much as j would, and what it has falls by ``cut``. Returns how many
    # columns may fall by less than before; they are in ``lowered``.
    count = 0
    least = u[i] + cut
    for e in range(offsets[i], offsets[i + 1]):
        # Beyond this, j would fall below zero first.
        if saving[e] <= least:
            if is_sorted[i]:
                break
            continue
        j = columns[e]
        limit = least + v[j] - saving[e]
        if limit < fall[j]:
            fall[j] = limit
            lowered[count] = j
            count += 1
    return count


@njit(cache=True, nogil=True)
def _note(lowered, fall, ready, count):
    # Add those that cannot fall to the ready ones, once each. Returns how many are.
    for j in lowered:
        if fall[j] == 0:
            fall[j] = GROUNDED
            ready[count] = j
            count += 1
    return count


@njit(cache=True, nogil=True)
def _longest(rows, offsets):
    longest = 0
    for i in rows:
        longest = max(longest, offsets[i + 1] - offsets[i])
    return longest


@njit(cache=True, nogil=True)
def ground_kernel(rows, graph, state, links, is_sorted, fall):
    """
    Find columns that cannot fall: a row that holds nothing of price would come at once.

    Parameters
    ----------
    rows
        ``int64``: rows to look at; threads may look at rows that share no column.
    graph, state, links, is_sorted, fall
        As in :func:`price_kernel`.

    Returns
    -------
    ``int32 (k,)``
        The columns, each once however often this is called.
    """
    offsets, columns, saving, _ = graph
    u, v = state
    column_of = links[0]
    lowered = np.empty(_longest(rows, offsets), np.int32)
    ready = np.empty(min(len(v), offsets[-1]), np.int32)
    count = 0
    for i in rows:
        if column_of[i] == FREE or v[column_of[i]] == 0:
            found = _lower(
                i, 0, offsets, columns, saving, u, v, is_sorted, fall, lowered
            )
            count = _note(lowered[:found], fall, ready, count)
    return ready[:count]


@njit(cache=True, nogil=True)
def _spread(ready, graph, state, links, is_sorted, fall, lowered, room):
    # Nor can columns fall that a row of one that cannot would come to at once.
    offsets, columns, saving, _ = graph
    u, v = state
    head, after = links[1], links[2]
    count = len(ready)
    stack = np.empty(room, np.int32)
    stack[:count] = ready
    while count > 0:
        count -= 1
        k = head[stack[count]]
        while k != FREE:
            found = _lower(
                k, 0, offsets, columns, saving, u, v, is_sorted, fall, lowered
            )
            count = _note(lowered[:found], fall, stack, count)
            k = after[k]


@njit(cache=True, nogil=True)
def price_kernel(part, ready, graph, state, links, is_sorted, fall):
    """
    Lower the prices of columns, and raise those of rows, as far as they prove it.

    Parameters
    ----------
    part
        ``(rows int64, first, stop)``: rows with candidates, and the columns, a range,
        that all of these lie in. No other row has a candidate there; several threads
        may work on different parts.
    ready
        ``int32``: columns of the part that cannot fall, found by
        :func:`ground_kernel` for all its rows.
    graph, links
        As in :func:`~.assignment_kernel.assign_kernel`; the assignment is optimal.
    state
        ``(u, v)``: any prices that prove it; the lowest ``v`` on return.
    is_sorted
        ``bool (n,)``: rows whose candidates come by falling saving.
    fall
        ``int64 (m,)``: a copy of ``v`` at first; used up.

    Notes
    -----
    Prices that prove an optimum form a lattice (Shapley and Shubik, "The assignment
    game", International Journal of Game Theory 1, 1971): the lowest are one vector,
    whatever solver found the optimum and whichever of several it found. ``v[j]`` is
    then exactly what one more unit of ``j`` would add to the total, ``u[i]`` exactly
    what the total would lose without row ``i``. How far each may fall is a shortest
    path, by Dijkstra's algorithm. ``O(nnz + m log m)``.
    """
    offsets, columns, saving, _ = graph
    u, v = state
    head, after = links[1], links[2]
    rows, first, stop = part
    lowered = np.empty(_longest(rows, offsets), np.int32)
    _spread(
        ready,
        graph,
        state,
        links,
        is_sorted,
        fall,
        lowered,
        max(len(ready), stop - first),
    )
    ahead = [(fall[j], np.int64(j)) for j in range(first, stop) if fall[j] > 0]
    heapify(ahead)
    while ahead:
        cut, j = heappop(ahead)
        if cut > fall[j]:
            continue
        k = head[j]
        while k != FREE:
            found = _lower(
                k, cut, offsets, columns, saving, u, v, is_sorted, fall, lowered
            )
            for t in range(found):
                heappush(ahead, (fall[lowered[t]], np.int64(lowered[t])))
            k = after[k]
    for column in range(first, stop):
        if fall[column] > 0:
            v[column] -= fall[column]
            k = head[column]
            while k != FREE:
                u[k] += fall[column]
                k = after[k]
