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

# Columns touched in vain, per row to assign and beyond those touched with success,
# before no row searches any more.
_VAIN_PER_ROW = 0.1

# Longest row that is sorted by insertion.
_INSERTION_MAX = 32


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
def _is_sorted(saving, start, stop):
    for e in range(start + 1, stop):  # noqa: SIM110 - numba has no generators
        if saving[e - 1] < saving[e]:
            return False
    return True


@njit(cache=True, nogil=True)
def _insertion_sort(columns, saving, start, stop):
    for e in range(start + 1, stop):
        j, s = columns[e], saving[e]
        at = e
        while at > start and saving[at - 1] < s:
            columns[at] = columns[at - 1]
            saving[at] = saving[at - 1]
            at -= 1
        columns[at] = j
        saving[at] = s


@njit(cache=True, nogil=True)
def _sink(columns, saving, start, root, size):
    # Heap whose top saves least.
    j, s = columns[start + root], saving[start + root]
    while 2 * root + 1 < size:
        child = 2 * root + 1
        e = start + child
        if child + 1 < size and saving[e + 1] < saving[e]:
            child += 1
            e += 1
        if saving[e] >= s:
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
def _sort_row(i, graph, is_sorted):
    # Best savings first, in place.
    offsets, columns, saving, _ = graph
    start, stop = offsets[i], offsets[i + 1]
    if not _is_sorted(saving, start, stop):
        if stop - start <= _INSERTION_MAX:
            _insertion_sort(columns, saving, start, stop)
        else:
            _heap_sort(columns, saving, start, stop)
    is_sorted[i] = True


@njit(cache=True, nogil=True)
def sort_rows_kernel(rows, graph, is_sorted):
    """
    Sort the candidates of the given rows by falling saving, in place.

    Parameters
    ----------
    rows
        ``int64 (k,)``, the rows to sort.
    graph
        ``(offsets, columns, saving, capacity)`` as in :func:`assign_kernel`.
    is_sorted
        ``bool (n,)``: which rows are sorted already; set for those that now are.

    Notes
    -----
    ``O(d log d)`` for a row of ``d`` candidates, ``O(d)`` where they are in order.
    """
    for i in rows:
        if not is_sorted[i]:
            _sort_row(i, graph, is_sorted)


@njit(cache=True, nogil=True)
def _best_two(i, graph, v, used, is_sorted):
    # Best gain of the row over opting out; its column, one with a unit left if there
    # is one; and the second-best gain. A pair that is listed twice is one column.
    offsets, columns, saving, capacity = graph
    best = np.int64(0)
    second = np.int64(0)
    best_j = FREE
    open_j = FREE
    for e in range(offsets[i], offsets[i + 1]):
        s = saving[e]
        if s < best and s <= second:
            if is_sorted[i]:
                break
            continue
        j = columns[e]
        gain = s - v[j]
        if gain > best:
            if j != best_j:
                second = best
            best = gain
            best_j = j
            open_j = j if used[j] < capacity[j] else FREE
        elif j != best_j:
            second = max(second, gain)
            if gain == best and open_j == FREE and used[j] < capacity[j]:
                open_j = j
    return best, best_j, open_j, second


@njit(cache=True, nogil=True)
def _search(root, graph, state, links, work, touched_max, touched, heap):
    # Cheapest way to give the root a place: ends on a column with a unit left, or
    # where a row opts out. Returns (cost, column or FREE, row, columns touched and
    # the buffers, which may have grown); pred[j] is the row that led to column j.
    # The cost is -1 if too many columns were touched.
    offsets, columns, saving, capacity = graph
    u, v = state
    head, after, used = links[1], links[2], links[4]
    dist, place, pred, _, is_sorted = work
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
            if not is_sorted[k]:
                _sort_row(k, graph, is_sorted)
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
        if touched_count > touched_max:
            bound = np.int64(-1)
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
def _forget(work, touched, touched_count):
    place = work[1]
    for t in range(touched_count):
        place[touched[t]] = ABSENT


@njit(cache=True, nogil=True)
def assign_kernel(rows, graph, state, links, work, touched_max, late, stop):
    """
    Assign rows one by one, each time along a cheapest augmenting path.

    Parameters
    ----------
    rows
        ``int64 (k,)``, the rows to assign in this order, none of them assigned yet.
        No other thread is at work on a row that shares a column with them.
    graph
        ``(offsets int64 (n + 1,), columns int32 (e,), saving int64 (e,), capacity
        int32 (m,))``. Savings above 0, in any order: rows are sorted when that is
        first needed. Capacities above 0 where a column occurs.
    state
        ``(u int64 (n,), v int64 (m,))``: prices of what is assigned already, zeros
        in the beginning; the new ones on return.
    links
        ``(column_of (n,), head (m,), after (n,), before (n,), used (m,))``, all
        int32; -1 and 0 for ``used`` in the beginning; the assignment in
        ``column_of`` on return.
    work
        ``(dist int64 (m,), place int32 (m,), pred int32 (m,), takes int8 (n,),
        is_sorted bool (n,))``; ``place`` is -1, the last two 0.
    touched_max
        Columns that one search may touch. Where all is contested a search sees most
        of the market: such rows are left to the forest, which searches for all of
        them at once.
    late
        ``int64 (k,)``, written: rows whose search was given up for its length.
    stop
        ``int8 (1,)``: another thread sets it to 1 to end this one early.

    Returns
    -------
    int
        Entries of ``late``. They are unassigned, as is every row that was not
        reached before ``stop`` was set; all others are settled.

    Notes
    -----
    Deterministic unless stopped. Time ``O(k d)`` for taking, and for each search
    ``O(t d log t)`` over the ``t`` columns that it touches and their rows of
    ``d`` candidates. Shortest augmenting paths after Jonker and Volgenant, "A
    shortest augmenting path algorithm for dense and sparse linear assignment
    problems", Computing 38, 1987, with a unit's alternative of going nowhere in
    place of a full matching, and columns of many units. Every row may first take a
    column of one unit from its holder at a price that leaves it the second-best
    gain.
    """
    u, v = state
    column_of, head, after, before, used = links
    capacity = graph[3]
    takes, is_sorted = work[3], work[4]
    count = len(rows)
    queue = rows.copy()
    touched = np.empty(64, np.int32)
    heap = np.empty(64, np.int32)
    late_count = 0
    vain = 0
    useful = 0
    first = 0
    waiting = count
    while waiting > 0 and stop[0] == 0:
        i = queue[first]
        first = first + 1 if first + 1 < count else 0
        waiting -= 1
        best, best_j, open_j, second = _best_two(i, graph, v, used, is_sorted)
        u[i] = best
        if best == 0:
            continue
        if open_j != FREE:
            _link(i, open_j, column_of, head, after, before, used)
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
        cost = np.int64(-1)
        if vain <= useful // 4 + _VAIN_PER_ROW * count:
            cost, end_column, end_row, touched_count, touched, heap = _search(
                i, graph, state, links, work, touched_max, touched, heap
            )
            if cost < 0:
                vain += touched_count
                _forget(work, touched, touched_count)
        if cost < 0:
            late[late_count] = i
            late_count += 1
            continue
        useful += touched_count
        _shift_prices(i, cost, state, links, work, touched, touched_count)
        _augment(i, end_column, end_row, links, work[2])
    return late_count


@njit(cache=True, nogil=True)
def link_kernel(links):
    """Make the lists of columns from ``column_of``; as in :func:`assign_kernel`."""
    column_of, head, after, before, used = links
    for i in range(len(column_of)):
        j = column_of[i]
        if j != FREE:
            _link(i, j, column_of, head, after, before, used)


@njit(cache=True, nogil=True)
def fill_kernel(graph, state, links):
    """
    End a solve that was stopped: bound every row's gain, and fill what is left open.

    Parameters
    ----------
    graph, state, links
        As in :func:`assign_kernel`, stopped between two rows. On return the prices
        are feasible, and no row without a place has a candidate with a unit left.

    Notes
    -----
    Rows choose in their order, the best saving first, the lowest column of equals.
    ``O(nnz)``.
    """
    offsets, columns, saving, capacity = graph
    u, v = state
    column_of, head, after, before, used = links
    for i in range(len(u)):
        if column_of[i] != FREE:
            continue
        u[i] = 0
        best = np.int64(0)
        best_j = FREE
        for e in range(offsets[i], offsets[i + 1]):
            j, s = columns[e], saving[e]
            u[i] = max(u[i], s - v[j])
            if used[j] < capacity[j] and (s > best or (s == best and j < best_j)):
                best = s
                best_j = j
        if best_j != FREE:
            _link(i, best_j, column_of, head, after, before, used)
