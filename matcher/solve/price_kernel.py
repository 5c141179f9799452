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
def _ground(graph, state, links, is_sorted, fall, lowered):
    # Columns that cannot fall at all: a row that holds nothing of price would come at
    # once, or one of a column that cannot fall either.
    offsets, columns, saving, _ = graph
    u, v = state
    column_of, head, after, _, _ = links
    ready = np.empty(len(v), np.int32)
    count = 0
    for i in range(len(u)):
        if column_of[i] == FREE or v[column_of[i]] == 0:
            found = _lower(
                i, 0, offsets, columns, saving, u, v, is_sorted, fall, lowered
            )
            count = _note(lowered[:found], fall, ready, count)
    while count > 0:
        count -= 1
        k = head[ready[count]]
        while k != FREE:
            found = _lower(
                k, 0, offsets, columns, saving, u, v, is_sorted, fall, lowered
            )
            count = _note(lowered[:found], fall, ready, count)
            k = after[k]


@njit(cache=True, nogil=True)
def _longest(offsets):
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    return longest


@njit(cache=True, nogil=True)
def price_kernel(graph, state, links, is_sorted):
    """
    Lower the prices of columns, and raise those of rows, as far as they prove it.

    Parameters
    ----------
    graph, links
        As in :func:`~.assignment_kernel.assign_kernel`; the assignment is optimal.
    state
        ``(u, v)``: any prices that prove it; the lowest ``v`` on return.
    is_sorted
        ``bool (n,)``: rows whose candidates come by falling saving.

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
    fall = v.copy()
    lowered = np.empty(_longest(offsets), np.int32)
    _ground(graph, state, links, is_sorted, fall, lowered)
    ahead = [(fall[j], np.int64(j)) for j in range(len(v)) if fall[j] > 0]
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
    for column in range(len(v)):
        if fall[column] > 0:
            v[column] -= fall[column]
            k = head[column]
            while k != FREE:
                u[k] += fall[column]
                k = after[k]
