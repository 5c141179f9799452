"""
Cheapest moves between warehouses, one excess item after the other.

``at[k]`` is where row ``k`` is, ``cost[k, w]`` what it costs at ``w``. For each
ordered pair of warehouses a heap holds the rows that could move, by what the move
adds, then by row. A row that has moved on leaves stale entries behind, which are
dropped when they come up.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NOWHERE = -1
UNREACHED = np.int64(2**62)


@njit(cache=True, nogil=True)
def _is_before(j, k, a, b, cost):
    # Whether row j moves from a to b before row k.
    of_j = cost[j, b] - cost[j, a]
    of_k = cost[k, b] - cost[k, a]
    return of_j < of_k or (of_j == of_k and j < k)


@njit(cache=True, nogil=True)
def _sink(pool, start, root, size, a, b, cost):
    k = pool[start + root]
    while 2 * root + 1 < size:
        child = 2 * root + 1
        if child + 1 < size and _is_before(
            pool[start + child + 1], pool[start + child], a, b, cost
        ):
            child += 1
        if not _is_before(pool[start + child], k, a, b, cost):
            break
        pool[start + root] = pool[start + child]
        root = child
    pool[start + root] = k


@njit(cache=True, nogil=True)
def _push(pool, heaps, h, k, a, b, cost):
    # Heaps are (start, size, room) by pair; a full one moves to the end of what is
    # used of the pool, which stands in the last row.
    start, size, room = heaps[h]
    if size == room:
        used = heaps[-1, 0]
        room = 2 * room + 8
        if used + room > len(pool):
            grown = np.empty(2 * (used + room), np.int32)
            grown[:used] = pool[:used]
            pool = grown
        pool[used : used + size] = pool[start : start + size]
        start = used
        heaps[h, 0] = start
        heaps[h, 2] = room
        heaps[-1, 0] = used + room
    hole = size
    while hole > 0:
        above = (hole - 1) // 2
        if not _is_before(k, pool[start + above], a, b, cost):
            break
        pool[start + hole] = pool[start + above]
        hole = above
    pool[start + hole] = k
    heaps[h, 1] = size + 1
    return pool


@njit(cache=True, nogil=True)
def _top(pool, heaps, h, a, b, at, cost):
    # The row whose move from a to b adds least; stale entries are dropped.
    start = heaps[h, 0]
    while heaps[h, 1] > 0:
        k = pool[start]
        if at[k] == a:
            return k
        heaps[h, 1] -= 1
        size = heaps[h, 1]
        if size > 0:
            pool[start] = pool[start + size]
            _sink(pool, start, 0, size, a, b, cost)
    return NOWHERE


@njit(cache=True, nogil=True)
def _fill(cost, accepted, at):
    # Heaps of all pairs, with every row where it is.
    width = cost.shape[1]
    heaps = np.zeros((width * width + 1, 3), np.int64)
    for k in range(len(at)):
        if at[k] != NOWHERE:
            for b in range(width):
                if b != at[k] and accepted[k, b]:
                    heaps[at[k] * width + b, 2] += 1
    for h in range(1, width * width + 1):
        heaps[h, 0] = heaps[h - 1, 0] + heaps[h - 1, 2]
    pool = np.empty(heaps[-1, 0], np.int32)
    for k in range(len(at)):
        if at[k] != NOWHERE:
            for b in range(width):
                if b != at[k] and accepted[k, b]:
                    h = at[k] * width + b
                    pool[heaps[h, 0] + heaps[h, 1]] = k
                    heaps[h, 1] += 1
    for h in range(width * width):
        for root in range(heaps[h, 1] // 2 - 1, -1, -1):
            _sink(pool, heaps[h, 0], root, heaps[h, 1], h // width, h % width, cost)
    return pool, heaps


@njit(cache=True, nogil=True)
def _nearest_room(pool, heaps, cost, at, count, capacity, price, dist, via, is_done):
    # Dijkstra from the warehouses over capacity to the nearest one with room.
    width = len(capacity)
    for w in range(width):
        dist[w] = 0 if count[w] > capacity[w] else UNREACHED
        via[w] = NOWHERE
        is_done[w] = False
    while True:
        a = NOWHERE
        for w in range(width):
            is_open = not is_done[w] and dist[w] < UNREACHED
            if is_open and (a == NOWHERE or dist[w] < dist[a]):
                a = w
        if a == NOWHERE or count[a] < capacity[a]:
            return a
        is_done[a] = True
        for b in range(width):
            if is_done[b]:
                continue
            k = _top(pool, heaps, a * width + b, a, b, at, cost)
            if k != NOWHERE:
                d = dist[a] + cost[k, b] - cost[k, a] + price[a] - price[b]
                if d < dist[b]:
                    dist[b] = d
                    via[b] = a


@njit(cache=True, nogil=True)
def route_kernel(cost, accepted, capacity, at):
    """
    Move rows until no warehouse is over capacity, or none with room is in reach.

    Parameters
    ----------
    cost
        ``int64 (n, w)``, 0 to ``2**60 / w`` where accepted.
    accepted
        ``bool (n, w)``.
    capacity
        ``int64 (w,)``, 0 or more.
    at
        ``int32 (n,)``: where each row is cheapest, ``-1`` for nowhere; changed to
        where it goes.

    Notes
    -----
    Successive shortest paths over the ``w`` warehouses, with prices that keep moves
    non-negative (Edmonds and Karp, "Theoretical improvements in algorithmic
    efficiency for network flow problems", JACM 19, 1972). After every move the
    total is the least for the excess that is left. A warehouse over capacity is
    never moved to, so whoever stays in one is where it is cheapest. Ties: lowest
    warehouse, then earliest row. ``O(n w log n + x (w**2 + w log n))`` for an
    excess of ``x``.
    """
    width = len(capacity)
    pool, heaps = _fill(cost, accepted, at)
    count = np.zeros(width, np.int64)
    for k in range(len(at)):
        if at[k] != NOWHERE:
            count[at[k]] += 1
    price = np.zeros(width, np.int64)
    dist = np.empty(width, np.int64)
    via = np.empty(width, np.int64)
    is_done = np.empty(width, np.bool_)
    while True:
        end = _nearest_room(
            pool, heaps, cost, at, count, capacity, price, dist, via, is_done
        )
        if end == NOWHERE:
            return
        for w in range(width):
            price[w] += min(dist[w], dist[end])
        count[end] += 1
        b = end
        while via[b] != NOWHERE:
            a = via[b]
            k = _top(pool, heaps, a * width + b, a, b, at, cost)
            at[k] = b
            for other in range(width):
                if other != b and accepted[k, other]:
                    pool = _push(pool, heaps, b * width + other, k, b, other, cost)
            b = a
        count[b] -= 1
