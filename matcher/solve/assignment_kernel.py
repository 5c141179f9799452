"""
Shortest augmenting paths with implicit opt-out and column capacities.

Names: row ``i`` with price ``u[i]``, column ``j`` with price ``v[j]``, saving ``s``;
the reduced cost of a candidate is ``u[i] + v[j] - s >= 0``, and 0 where it is taken.
``v[j] > 0`` only on columns without a unit left, ``u[i] > 0`` only on rows that hold
one. Prices of columns never fall, so a row that opted out stays out with price 0.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FREE = -1
ABSENT = -1

# Times that one row may take a column away before it searches for a path.
_TAKES_MAX = 2


@njit(cache=True, nogil=True)
def _sift_up(heap, at, dist, place):
    # 4-ary heap of columns by (distance, column).
    j = heap[at]
    while at > 0:
        above = (at - 1) // 4
        k = heap[above]
        if dist[k] < dist[j] or (dist[k] == dist[j] and k < j):
            break
        heap[at] = k
        place[k] = at
        at = above
    heap[at] = j
    place[j] = at


@njit(cache=True, nogil=True)
def _sift_down(heap, size, dist, place):
    at = 0
    j = heap[0]
    while True:
        first = 4 * at + 1
        if first >= size:
            break
        best = first
        for child in range(first + 1, min(first + 4, size)):
            k, b = heap[child], heap[best]
            if dist[k] < dist[b] or (dist[k] == dist[b] and k < b):
                best = child
        k = heap[best]
        if dist[j] < dist[k] or (dist[j] == dist[k] and j < k):
            break
        heap[at] = k
        place[k] = at
        at = best
    heap[at] = j
    place[j] = at


@njit(cache=True, nogil=True)
def _link(i, j, column_of, head, after, before, used):
    # Put row i on column j.
    column_of[i] = j
    after[i] = head[j]
    before[i] = FREE
    if head[j] != FREE:
        before[head[j]] = i
    head[j] = i
    used[j] += 1


@njit(cache=True, nogil=True)
def _unlink(i, column_of, head, after, before, used):
    # Take row i off its column.
    j = column_of[i]
    if before[i] == FREE:
        head[j] = after[i]
    else:
        after[before[i]] = after[i]
    if after[i] != FREE:
        before[after[i]] = before[i]
    column_of[i] = FREE
    used[j] -= 1


@njit(cache=True, nogil=True)
def _best_two(i, offsets, columns, saving, v):
    # Best gain of the row over opting out, the column, and the second-best gain.
    best = np.int64(0)
    second = np.int64(0)
    best_j = FREE
    for e in range(offsets[i], offsets[i + 1]):
        if saving[e] <= second:
            break
        j = columns[e]
        gain = saving[e] - v[j]
        if gain > best:
            if j != best_j:
                second = best
            best = gain
            best_j = j
        elif gain > second and j != best_j:
            second = gain
    return best, best_j, second


@njit(cache=True, nogil=True)
def _open_best(i, best, offsets, columns, saving, capacity, used):
    # Lowest column of the best gain that has a unit left. Its price is 0, so that
    # its saving is the gain, and equal savings stand by column: the first one.
    for e in range(offsets[i], offsets[i + 1]):
        if saving[e] < best:
            break
        j = columns[e]
        if saving[e] == best and used[j] < capacity[j]:
            return j
    return FREE


@njit(cache=True, nogil=True)
def _search(root, graph, state, links, work, touched, heap):
    # Cheapest way to give the root a place: ends on a column with a unit left, or
    # where a row opts out. Returns (cost, column or FREE, row, columns touched and
    # the buffers, which may have grown); pred[j] is the row that led to column j.
    offsets, columns, saving, capacity = graph
    u, v = state
    head, after, used = links[1], links[2], links[4]
    dist, place, pred, _ = work
    bound = u[root]
    end_row = root
    end_column = FREE
    touched_count = 0
    size = 0
    k = root
    base = np.int64(0)
    while True:
        # Scan the rows of the column taken last; in the beginning, the root.
        while k != FREE:
            level = base + u[k]
            for e in range(offsets[k], offsets[k + 1]):
                if level - saving[e] >= bound:
                    break
                j = columns[e]
                d = level - saving[e] + v[j]
                if d >= bound or place[j] == -2:
                    continue
                if used[j] < capacity[j]:
                    bound = d
                    end_column = j
                    end_row = k
                    continue
                if place[j] == ABSENT:
                    if touched_count == len(touched):
                        touched = np.append(touched, np.empty_like(touched))
                        heap = np.append(heap, np.empty_like(heap))
                    touched[touched_count] = j
                    touched_count += 1
                    dist[j] = d
                    pred[j] = k
                    heap[size] = j
                    size += 1
                    _sift_up(heap, size - 1, dist, place)
                elif d < dist[j]:
                    dist[j] = d
                    pred[j] = k
                    _sift_up(heap, place[j], dist, place)
            k = after[k] if k != root else FREE
        if size == 0 or dist[heap[0]] >= bound:
            break
        j = heap[0]
        size -= 1
        if size > 0:
            heap[0] = heap[size]
            place[heap[0]] = 0
            _sift_down(heap, size, dist, place)
        place[j] = -2
        base = dist[j]
        k = head[j]
        while k != FREE:
            if base + u[k] < bound:
                bound = base + u[k]
                end_row = k
                end_column = FREE
            k = after[k]
        k = head[j]
    return bound, end_column, end_row, touched_count, touched, heap


@njit(cache=True, nogil=True)
def _shift_prices(root, cost, state, links, work, touched, touched_count):
    # Move prices so that the found path costs nothing; forget the search.
    u, v = state
    after, head = links[2], links[1]
    dist, place = work[0], work[1]
    u[root] -= cost
    for t in range(touched_count):
        j = touched[t]
        if place[j] == -2:
            shift = cost - dist[j]
            v[j] += shift
            k = head[j]
            while k != FREE:
                u[k] -= shift
                k = after[k]
        place[j] = ABSENT


@njit(cache=True, nogil=True)
def _augment(root, end_column, end_row, links, pred):
    # Shift units along the path, from its end back to the root.
    column_of, head, after, before, used = links
    row = end_row
    to = end_column
    while True:
        left = column_of[row]
        if left != FREE:
            _unlink(row, column_of, head, after, before, used)
        if to != FREE:
            _link(row, to, column_of, head, after, before, used)
        if row == root:
            break
        to = left
        row = pred[left]


@njit(cache=True, nogil=True)
def assign_kernel(rows, graph, state, links, work):
    """
    Assign rows one by one, each time along a cheapest augmenting path.

    Parameters
    ----------
    rows
        ``int64 (k,)``, the rows to assign in this order, none of them assigned yet,
        closed under connection: no other row shares a column with them.
    graph
        ``(offsets int64 (n + 1,), columns int32 (e,), saving int64 (e,), capacity
        int32 (m,))``. Savings above 0, falling within a row, equal ones by column;
        capacities above 0 where a column occurs.
    state
        ``(u int64 (n,), v int64 (m,))``, zeros; the prices on return.
    links
        ``(column_of (n,), head (m,), after (n,), before (n,), used (m,))``, all
        int32; -1 and 0 for ``used``; the assignment in ``column_of`` on return.
    work
        ``(dist int64 (m,), place int32 (m,), pred int32 (m,), takes int8 (n,))``;
        ``place`` is -1, ``takes`` 0.

    Notes
    -----
    Deterministic. Time ``O(k (e' + m' log m'))`` over the component's ``e'``
    candidates and ``m'`` columns at worst. Shortest augmenting paths after Jonker
    and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
    assignment problems", Computing 38, 1987, with a unit's alternative of going
    nowhere in place of a full matching, and columns of many units. Every row may
    first take a column of one unit from its holder at a price that leaves it the
    second-best gain.
    """
    offsets, columns, saving, capacity = graph
    u, v = state
    column_of, head, after, before, used = links
    takes = work[3]
    count = len(rows)
    queue = rows.copy()
    touched = np.empty(64, np.int32)
    heap = np.empty(64, np.int32)
    first = 0
    waiting = count
    while waiting > 0:
        i = queue[first]
        first = first + 1 if first + 1 < count else 0
        waiting -= 1
        best, best_j, second = _best_two(i, offsets, columns, saving, v)
        u[i] = best
        if best == 0:
            continue
        j = _open_best(i, best, offsets, columns, saving, capacity, used)
        if j != FREE:
            _link(i, j, column_of, head, after, before, used)
            continue
        if capacity[best_j] == 1 and best > second and takes[i] < _TAKES_MAX:
            takes[i] += 1
            k = head[best_j]
            _unlink(k, column_of, head, after, before, used)
            _link(i, best_j, column_of, head, after, before, used)
            v[best_j] += best - second
            u[i] = second
            u[k] = 0
            last = first + waiting
            queue[last if last < count else last - count] = k
            waiting += 1
            continue
        cost, end_column, end_row, touched_count, touched, heap = _search(
            i, graph, state, links, work, touched, heap
        )
        _shift_prices(i, cost, state, links, work, touched, touched_count)
        _augment(i, end_column, end_row, links, work[2])
