"""
Shortest augmenting paths for many rows at once: a forest of alternating trees.

Where all is contested, the search of one row sees most of the market before it finds
a place. Here all rows without a place search together. Each is the root of a tree;
the trees share the market between them and grow at one pace: at time ``t`` the rows
of the forest have given up, and its columns gained, what the clock has run since
they joined. A column joins the tree whose row is first to bid its price. When a tree
comes upon a column with a unit left, or one of its rows would rather opt out, its
root has its place: the path is augmented, the tree dissolved, and its neighbours may
have what it held.

Names as in :mod:`~.assignment_kernel`. Columns and rows are nodes ``j`` and ``m + i``,
with a price each: outside the forest ``v[j]`` for a column, inside ``price + t`` for a
column and ``price - t`` for a row. The events ahead are in one heap: a column joins,
or the tree of a root ends by an opt-out. The last entry of the heap is its size.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NONE = -1


@njit(cache=True, nogil=True)
def _sift_up(at, heap, time, place):
    # 4-ary heap of nodes by (time, node).
    x = heap[at]
    time_x = time[x]
    while at > 0:
        above = (at - 1) // 4
        y = heap[above]
        if time[y] < time_x or (time[y] == time_x and y < x):
            break
        heap[at] = y
        place[y] = at
        at = above
    heap[at] = x
    place[x] = at


@njit(cache=True, nogil=True)
def _sift_down(at, heap, time, place):
    x = heap[at]
    time_x = time[x]
    size = heap[-1]
    while True:
        first = 4 * at + 1
        if first >= size:
            break
        best = first
        y = heap[first]
        time_y = time[y]
        for child in range(first + 1, min(first + 4, size)):
            z = heap[child]
            if time[z] < time_y or (time[z] == time_y and z < y):
                best = child
                y = z
                time_y = time[z]
        if time_x < time_y or (time_x == time_y and x < y):
            break
        heap[at] = y
        place[y] = at
        at = best
    heap[at] = x
    place[x] = at


@njit(cache=True, nogil=True)
def _schedule(x, at_time, heap, time, place):
    # Set the time of node x's event, new or known.
    if place[x] == NONE:
        at = heap[-1]
        heap[-1] = at + 1
        heap[at] = x
        time[x] = at_time
        _sift_up(at, heap, time, place)
        return
    is_sooner = at_time < time[x]
    time[x] = at_time
    if is_sooner:
        _sift_up(place[x], heap, time, place)
    else:
        _sift_down(place[x], heap, time, place)


@njit(cache=True, nogil=True)
def _cancel(x, heap, time, place):
    # Take node x's event out.
    at = place[x]
    place[x] = NONE
    size = heap[-1] - 1
    heap[-1] = size
    if at < size:
        y = heap[size]
        heap[at] = y
        place[y] = at
        _sift_up(at, heap, time, place)
        _sift_down(place[y], heap, time, place)


@njit(cache=True, nogil=True)
def _move(i, to, links):
    # Take row i off its column, if it has one, and put it on another or on none.
    column_of, head, after, before, used = links
    j = column_of[i]
    if j != NONE:
        if before[i] == NONE:
            head[j] = after[i]
        else:
            after[before[i]] = after[i]
        if after[i] != NONE:
            before[after[i]] = before[i]
        used[j] -= 1
    column_of[i] = to
    if to != NONE:
        after[i] = head[to]
        before[i] = NONE
        if head[to] != NONE:
            before[head[to]] = i
        head[to] = i
        used[to] += 1


@njit(cache=True, nogil=True)
def _incoming(rows, graph):
    # Candidates by column: offsets from the lowest column that occurs, rows, savings.
    offsets, columns, saving, capacity = graph
    low, high = len(capacity), 0
    for i in rows:
        for e in range(offsets[i], offsets[i + 1]):
            low = min(low, columns[e])
            high = max(high, columns[e] + 1)
    to = np.zeros(max(high - low, 0) + 2, np.int64)
    for i in rows:
        for e in range(offsets[i], offsets[i + 1]):
            to[columns[e] - low + 2] += 1
    for j in range(2, len(to)):
        to[j] += to[j - 1]
    in_rows = np.empty(to[-1], np.int32)
    in_saving = np.empty(to[-1], np.int64)
    for i in rows:
        for e in range(offsets[i], offsets[i + 1]):
            at = to[columns[e] - low + 1]
            in_rows[at] = i
            in_saving[at] = saving[e]
            to[columns[e] - low + 1] = at + 1
    return low, to, in_rows, in_saving


@njit(cache=True, nogil=True)
def _bid(i, offsets, columns, saving, price, tree, pred, bid, heap, time, place):
    # Row i of the forest bids for all columns outside. What would come after the end
    # of its tree is left: the tree can only end sooner.
    m = len(pred)
    level = price[m + i]
    end = time[m + tree[m + i]]
    for e in range(offsets[i], offsets[i + 1]):
        early = level - saving[e]
        if early >= end:
            break
        j = columns[e]
        if tree[j] != NONE:
            continue
        joins = early + price[j]
        if joins < end and (place[j] == NONE or joins < time[j]):
            pred[j] = i
            bid[j] = saving[e]
            _schedule(j, joins, heap, time, place)


@njit(cache=True, nogil=True)
def _reopen(j, start, stop, in_rows, in_saving, price, tree, pred, bid, events):
    # Column j is outside: find the first of the forest's rows to bid its price.
    heap, time, place = events
    m = len(pred)
    best = np.int64(0)
    best_e = NONE
    for e in range(start, stop):
        row = m + in_rows[e]
        if tree[row] == NONE:
            continue
        joins = price[row] - in_saving[e]
        if (best_e == NONE or joins < best) and joins + price[j] < time[m + tree[row]]:
            best = joins
            best_e = e
    if best_e == NONE:
        if place[j] != NONE:
            _cancel(j, heap, time, place)
        return
    pred[j] = in_rows[best_e]
    bid[j] = in_saving[best_e]
    _schedule(j, best + price[j], heap, time, place)


@njit(cache=True, nogil=True)
def _join(j, now, graph, u, links, nodes, bids, members, events):
    # Column j, of no unit left, and its rows join the tree of its first bidder.
    offsets, columns, saving, capacity = graph
    head, after = links[1], links[2]
    price, tree = nodes
    pred, bid = bids
    last, previous, ending = members
    heap, time, place = events
    m = len(capacity)
    root = tree[m + pred[j]]
    tree[j] = root
    price[j] -= now
    previous[j] = last[root]
    last[root] = j
    k = head[j]
    while k != NONE:
        level = u[k] + now
        tree[m + k] = root
        price[m + k] = level
        if level < time[m + root]:
            ending[root] = k
            _schedule(m + root, level, heap, time, place)
        k = after[k]
    k = head[j]
    while k != NONE:
        _bid(k, offsets, columns, saving, price, tree, pred, bid, heap, time, place)
        k = after[k]


@njit(cache=True, nogil=True)
def _dissolve(root, now, u, links, nodes, members, left):
    # Fix the prices of a tree and release it. Returns how many columns are in left.
    head, after = links[1], links[2]
    price, tree = nodes
    last, previous, _ = members
    m = len(previous)
    count = 0
    j = last[root]
    while j != NONE:
        tree[j] = NONE
        price[j] += now
        k = head[j]
        while k != NONE:
            u[k] = price[m + k] - now
            tree[m + k] = NONE
            k = after[k]
        left[count] = j
        count += 1
        j = previous[j]
    u[root] = price[m + root] - now
    tree[m + root] = NONE
    last[root] = NONE
    return count


@njit(cache=True, nogil=True)
def _augment(root, end_column, end_row, links, pred):
    column_of = links[0]
    row = end_row
    to = end_column
    while True:
        old = column_of[row]
        _move(row, to, links)
        if row == root:
            break
        to = old
        row = pred[old]


@njit(cache=True, nogil=True)
def _plant(roots, graph, state, nodes, bids, ending, events):
    # Each root at its best gain; those that gain nothing opt out at once. Returns how
    # many there are.
    offsets, columns, saving, capacity = graph
    u, v = state
    price, tree = nodes
    pred, bid = bids
    heap, time, place = events
    m = len(capacity)
    for i in roots:
        best = np.int64(0)
        for e in range(offsets[i], offsets[i + 1]):
            if saving[e] <= best:
                break
            best = max(best, saving[e] - v[columns[e]])
        u[i] = best
        if best > 0:
            tree[m + i] = i
            price[m + i] = best
            ending[i] = i
            _schedule(m + i, best, heap, time, place)
    alive = heap[-1]
    for i in roots:
        if tree[m + i] != NONE:
            _bid(i, offsets, columns, saving, price, tree, pred, bid, heap, time, place)
    return alive


@njit(cache=True, nogil=True)
def forest_kernel(roots, rows, graph, state, links, stop):
    """
    Give every root the place that raises the total most, all together.

    Parameters
    ----------
    roots
        ``int64 (k,)``, distinct rows without a place.
    rows
        ``int64 (r,)``, all rows that share a column with a root or with one another
        by any chain: those that may have to move. The roots are among them. No other
        thread is at work on them.
    graph
        ``(offsets, columns, saving, capacity)`` as in
        :func:`~.assignment_kernel.assign_kernel`, each of ``rows`` sorted by falling
        saving.
    state, links
        As there: feasible prices and an assignment that they support; those with the
        roots' places on return.
    stop
        ``int8 (1,)``: another thread sets it to 1 to end this one early. The prices
        are then feasible all the same, and what they prove too little is the sum of
        ``u`` over the roots that have no place yet.

    Notes
    -----
    Deterministic unless stopped. Time ``O(k (e + m log m))`` at worst, for ``e``
    candidates and ``m`` columns; in practice a tree that is dissolved holds about
    ``m / k'`` columns while ``k'`` are left, so that the whole comes to ``O((e + m
    log m) log k)``. The trees are those of the Hungarian method; growing them at one
    pace and dissolving one at a time is how Kolmogorov, "Blossom V", Mathematical
    Programming Computation 1, 2009, matches general graphs.
    """
    u, v = state
    capacity, used = graph[3], links[4]
    m, n = len(v), len(u)
    low, in_offsets, in_rows, in_saving = _incoming(rows, graph)
    price, tree = np.zeros(m + n, np.int64), np.full(m + n, NONE, np.int32)
    price[:m] = v
    heap = np.zeros(m + n + 1, np.int32)
    time, place = np.zeros(m + n, np.int64), np.full(m + n, NONE, np.int32)
    # Of each column its first bidder, and what that pair saves.
    pred, bid = np.empty(m, np.int32), np.empty(m, np.int64)
    # Of each root the column that joined its tree last; of each column the one that
    # joined before; of each root the row of its tree to opt out first.
    last, previous = np.full(n, NONE, np.int32), np.empty(m, np.int32)
    ending = np.empty(n, np.int32)
    left = np.empty(m + 1, np.int32)
    nodes, bids = (price, tree), (pred, bid)
    members, events = (last, previous, ending), (heap, time, place)
    alive = _plant(roots, graph, state, nodes, bids, ending, events)
    now = np.int64(0)
    while alive > 0 and stop[0] == 0:
        x = heap[0]
        now = time[x]
        count = 0
        if x < m:
            end_row, end_column = pred[x], x
            root = tree[m + end_row]
            is_stale = root == NONE or price[m + end_row] + price[x] - bid[x] != now
            if is_stale:
                # Its bidder has left the forest, and may be back at another level.
                left[0] = x
                count = 1
            else:
                _cancel(x, heap, time, place)
                if used[x] >= capacity[x]:
                    _join(x, now, graph, u, links, nodes, bids, members, events)
                    continue
                _cancel(m + root, heap, time, place)
        else:
            root, end_column = x - m, NONE
            end_row = ending[root]
            is_stale = False
            _cancel(x, heap, time, place)
        if not is_stale:
            count = _dissolve(root, now, u, links, nodes, members, left)
            _augment(root, end_column, end_row, links, pred)
            alive -= 1
            if end_column != NONE:
                left[count] = end_column
                count += 1
        for at in range(count):
            j = left[at]
            start, end = in_offsets[j - low], in_offsets[j - low + 1]
            _reopen(j, start, end, in_rows, in_saving, price, tree, pred, bid, events)
    if alive > 0:
        for root in roots:
            if tree[m + root] == root:
                _dissolve(root, now, u, links, nodes, members, left)
    v[:] = price[:m]
