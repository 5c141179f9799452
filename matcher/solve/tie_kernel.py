"""
One assignment out of those of equal total: the first in the order of rows.

Optimal assignments come from one another by turning along cycles of moves
(:mod:`~.peel_kernel`). Nodes of different parts are on no common cycle; a node of part
-1 is on none, or its row has chosen.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NONE = -1


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
def _see(y, x, part, side):
    # See node y from x if it is of this side's part and not seen yet.
    seen, queue, ends = side
    if part[y] == ends[2] and seen[y] == NONE:
        seen[y] = x
        queue[ends[1]] = y
        ends[1] += 1


@njit(cache=True, nogil=True)
def _begin(x, goal, part, side):
    # The next to see beyond, how many are seen, and the part to stay in.
    ends = side[2]
    ends[0], ends[1], ends[2] = 0, 0, part[goal]
    _see(x, goal, part, side)


@njit(cache=True, nogil=True)
def _ahead(x, tight, state, links, capacity, free, part, side):
    # See all nodes that node x leads to. Returns how many were looked at.
    to, columns = tight
    column_of, head, after, _, used = links
    n, pool = len(to) - 1, len(part) - 1
    if x == pool:
        for i in free[0]:
            if column_of[i] == NONE:
                _see(i, x, part, side)
        for j in free[1]:
            if used[j] > 0:
                _see(n + j, x, part, side)
        return len(free[0]) + len(free[1])
    if x < n:
        for e in range(to[x], to[x + 1]):
            if columns[e] != column_of[x]:
                _see(n + columns[e], x, part, side)
        if column_of[x] != NONE and state[0][x] == 0:
            _see(pool, x, part, side)
        return to[x + 1] - to[x]
    count = 1
    k = head[x - n]
    while k != NONE:
        _see(k, x, part, side)
        k = after[k]
        count += 1
    if used[x - n] < capacity[x - n]:
        _see(pool, x, part, side)
    return count


@njit(cache=True, nogil=True)
def _behind(x, by_column, state, links, capacity, free, part, side):
    # See all nodes that lead to node x. Returns how many were looked at.
    in_to, in_rows = by_column
    column_of, used = links[0], links[4]
    pool = len(part) - 1
    n = pool - len(capacity)
    if x == pool:
        for i in free[0]:
            if column_of[i] != NONE:
                _see(i, x, part, side)
        for j in free[1]:
            if used[j] < capacity[j]:
                _see(n + j, x, part, side)
        return len(free[0]) + len(free[1])
    if x < n:
        _see(n + column_of[x] if column_of[x] != NONE else pool, x, part, side)
        return 1
    j = x - n
    for e in range(in_to[j], in_to[j + 1]):
        if column_of[in_rows[e]] != j:
            _see(in_rows[e], x, part, side)
    if used[j] > 0 and state[1][j] == 0:
        _see(pool, x, part, side)
    return in_to[j + 1] - in_to[j] + 1


@njit(cache=True, nogil=True)
def _next_cost(work, side, pool, pool_cost):
    # What this side will have looked at when it has seen beyond its next node.
    _, queue, ends = side
    return work + (pool_cost if queue[ends[0]] == pool else 1)


@njit(cache=True, nogil=True)
def _meet(start, goal, tight, by_column, state, links, capacity, free, part, sides):
    # Look for moves from a column to a row, from both ends, the one that has less to
    # look at first. Returns the node where they meet, or -1: then one side has seen
    # all that it ever can, which is a part of its own.
    ahead, behind = sides
    pool = len(part) - 1
    _begin(start, goal, part, ahead)
    _begin(goal, goal, part, behind)
    work_ahead, work_behind = 0, 0
    pool_cost = len(free[0]) + len(free[1])
    while True:
        for side in sides:
            if side[2][0] == side[2][1]:
                return NONE
        if _next_cost(work_ahead, ahead, pool, pool_cost) <= _next_cost(
            work_behind, behind, pool, pool_cost
        ):
            side, other = ahead, behind
            known = side[2][1]
            x = side[1][side[2][0]]
            work_ahead += _ahead(x, tight, state, links, capacity, free, part, side)
        else:
            side, other = behind, ahead
            known = side[2][1]
            x = side[1][side[2][0]]
            work_behind += _behind(
                x, by_column, state, links, capacity, free, part, side
            )
        side[2][0] += 1
        for at in range(known, side[2][1]):
            if other[0][side[1][at]] != NONE:
                return side[1][at]


@njit(cache=True, nogil=True)
def _turn(meeting, goal, n, pool, links, sides):
    # Make the moves of the cycle through the goal and the meeting.
    ahead, behind = sides[0][0], sides[1][0]
    y = meeting
    while True:
        x = ahead[y]
        if x < n:
            _move(x, y - n if y != pool else NONE, links)
        if x == goal:
            break
        y = x
    x = meeting
    while x != goal:
        y = behind[x]
        if x < n:
            _move(x, y - n if y != pool else NONE, links)
        x = y


@njit(cache=True, nogil=True)
def _forget(meeting, part, parts, sides):
    # Forget what both sides have seen. If they did not meet, one of them has seen all
    # that it can, which becomes a part. Returns the number of parts.
    is_split = meeting != NONE
    for seen, queue, ends in sides:
        is_done = ends[0] == ends[1] and not is_split
        for at in range(ends[1]):
            seen[queue[at]] = NONE
            if is_done:
                part[queue[at]] = parts
        is_split = is_split or is_done
    return parts + (meeting == NONE)


@njit(cache=True, nogil=True)
def _free_ends(part, price, first):
    # Rows, or columns, of price 0 that a cycle may lead to, the first being a node.
    found = np.empty(len(price), np.int32)
    count = 0
    for x in range(len(price)):
        if part[first + x] != NONE and price[x] == 0:
            found[count] = x
            count += 1
    return found[:count]


@njit(cache=True, nogil=True)
def _sort_by(rank, columns, start, stop):
    for e in range(start + 1, stop):
        j = columns[e]
        at = e
        while at > start and rank[columns[at - 1]] > rank[j]:
            columns[at] = columns[at - 1]
            at -= 1
        columns[at] = j


@njit(cache=True, nogil=True)
def tie_kernel(capacity, state, links, moves, row_order, rank):
    """
    Of the assignments of this total, make the first in the order of rows.

    Parameters
    ----------
    capacity, links
        As in :func:`~.assignment_kernel.assign_kernel`; the assignment is optimal,
        and another of the same total on return.
    state
        ``(u, v)``: any prices that prove it.
    moves
        ``(tight, by_column, part)`` from :func:`~.peel_kernel.peel_kernel`; changed.
    row_order
        ``int32 (n,)``: all rows, the first to choose first.
    rank
        ``int32 (m,)``: rows choose columns by rank, the lowest first.

    Notes
    -----
    The first row is on the lowest column that it has in any optimum, or has none
    only if it has none in all of them; the second likewise, given the first; and so
    on. One answer, whatever solver found the optimum. A choice is possible if the
    pair is on a cycle of moves; where there is none, one of the two ends of the
    search has seen a set of nodes that no cycle leaves, and the search has cost as
    much as the smaller of the two: all that fail cost ``O(e log e)`` together, for
    ``e`` tight pairs.
    """
    tight, by_column, part = moves
    to, columns = tight
    column_of = links[0]
    n, m = len(row_order), len(capacity)
    pool = n + m
    if part.max() == NONE:
        return
    free = (_free_ends(part, state[0], 0), _free_ends(part, state[1], n))
    ahead = (np.full(pool + 1, NONE, np.int32), np.empty(pool + 1, np.int32))
    behind = (np.full(pool + 1, NONE, np.int32), np.empty(pool + 1, np.int32))
    sides = (
        (ahead[0], ahead[1], np.zeros(3, np.int64)),
        (behind[0], behind[1], np.zeros(3, np.int64)),
    )
    parts = 1
    for i in row_order:
        if part[i] == NONE:
            continue
        _sort_by(rank, columns, to[i], to[i + 1])
        for e in range(to[i], to[i + 1]):
            j = columns[e]
            if j == column_of[i]:
                break
            if part[n + j] != part[i]:
                continue
            meeting = _meet(
                n + j,
                i,
                tight,
                by_column,
                state,
                links,
                capacity,
                free,
                part,
                sides,
            )
            if meeting != NONE:
                _turn(meeting, i, n, pool, links, sides)
            parts = _forget(meeting, part, parts, sides)
            if meeting != NONE:
                break
        part[i] = NONE
