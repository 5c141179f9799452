"""
What optimal assignments may differ in: tight pairs on cycles of moves.

Given prices that prove the optimum, exactly those assignments are optimal that use
tight pairs only (``u[i] + v[j]`` is what the pair saves), give every row with
``u > 0`` a place and fill every column with ``v > 0``. One comes from another by
turning along cycles of a graph of moves:

- row ``i`` to column ``j``: the pair is tight, and ``i`` is not on ``j``;
- column ``j`` to row ``k``: ``k`` is on ``j`` and would have to leave;
- into the pool: from a column with a unit left, or from a row that has a place at
  price 0 and may as well go without;
- out of the pool: to a row without a place at price 0, or to a column of price 0 that
  need not keep its rows.

Nodes are rows from 0, columns from ``n``, and the pool last.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NONE = -1


@njit(cache=True, nogil=True)
def tight_kernel(start, stop, graph, state, is_sorted, counts):
    """
    Find the columns that each row could be on at no loss, its own among them.

    Parameters
    ----------
    start, stop
        Rows to look at; several threads may look at different ones.
    graph
        As in :func:`~.assignment_kernel.assign_kernel`.
    state
        ``(u, v)``: prices that prove an optimum.
    is_sorted
        ``bool (n,)``: rows whose candidates come by falling saving.
    counts
        ``int64 (n,)``, written from ``start`` to ``stop``: columns of each row.

    Returns
    -------
    ``int32 (k,)``
        The columns, by row.
    """
    offsets, columns, saving, _ = graph
    u, v = state
    found = np.empty(1024, np.int32)
    count = 0
    for i in range(start, stop):
        before = count
        for e in range(offsets[i], offsets[i + 1]):
            if saving[e] < u[i]:
                if is_sorted[i]:
                    break
                continue
            j = columns[e]
            if u[i] + v[j] == saving[e]:
                if count == len(found):
                    found = np.append(found, np.empty_like(found))
                found[count] = j
                count += 1
        counts[i] = count - before
    return found[:count]


@njit(cache=True, nogil=True)
def _by_column(tight, part, m):
    # Rows of the tight pairs of each column, but for rows on no cycle: offsets, rows.
    to, columns = tight
    n = len(to) - 1
    in_to = np.zeros(m + 2, np.int64)
    for i in range(n):
        if part[i] != NONE:
            for e in range(to[i], to[i + 1]):
                in_to[columns[e] + 2] += 1
    for j in range(2, m + 2):
        in_to[j] += in_to[j - 1]
    rows = np.empty(in_to[-1], np.int32)
    for i in range(n):
        if part[i] != NONE:
            for e in range(to[i], to[i + 1]):
                at = in_to[columns[e] + 1]
                rows[at] = i
                in_to[columns[e] + 1] = at + 1
    return in_to[: m + 1], rows


@njit(cache=True, nogil=True)
def _leave(i, tight, state, column_of, into, dead):
    # Row i is on no cycle: its moves come to nothing. Returns the end of ``dead``.
    to, columns = tight
    n, pool = len(to) - 1, len(into) - 1
    count = 0
    for e in range(to[i], to[i + 1]):
        j = columns[e]
        if j != column_of[i]:
            into[n + j] -= 1
            if into[n + j] == 0:
                dead[count] = n + j
                count += 1
    if column_of[i] != NONE and state[0][i] == 0:
        into[pool] -= 1
        if into[pool] == 0:
            dead[count] = pool
            count += 1
    return count


@njit(cache=True, nogil=True)
def _first_parts(tight, state, links, capacity):
    # Part 0 for what a cycle may lead to, -1 for the rest: without end, what no move
    # leads to is taken out. Linear, and leaves nothing where no savings tie.
    to, columns = tight
    u, v = state
    column_of, head, after, _, used = links
    n, m = len(to) - 1, len(capacity)
    pool = n + m
    part = np.zeros(pool + 1, np.int32)
    into = np.zeros(pool + 1, np.int32)
    for i in range(n):
        for e in range(to[i], to[i + 1]):
            into[n + columns[e]] += columns[e] != column_of[i]
        into[pool] += column_of[i] != NONE and u[i] == 0
    for j in range(m):
        into[pool] += used[j] < capacity[j]
        into[n + j] += used[j] > 0 and v[j] == 0
    dead = np.empty(pool + 1, np.int32)
    count = 0
    for x in range(n, pool + 1):
        if into[x] == 0:
            dead[count] = x
            count += 1
    while count > 0:
        count -= 1
        x = dead[count]
        part[x] = NONE
        if x == pool:
            for i in range(n):
                if column_of[i] == NONE:
                    part[i] = NONE
                    count += _leave(i, tight, state, column_of, into, dead[count:])
            for j in range(m):
                if used[j] > 0 and v[j] == 0:
                    into[n + j] -= 1
                    if into[n + j] == 0:
                        dead[count] = n + j
                        count += 1
            continue
        if used[x - n] < capacity[x - n]:
            into[pool] -= 1
            if into[pool] == 0:
                dead[count] = pool
                count += 1
        k = head[x - n]
        while k != NONE:
            part[k] = NONE
            count += _leave(k, tight, state, column_of, into, dead[count:])
            k = after[k]
    return part


@njit(cache=True, nogil=True)
def _reach_less(x, by_column, state, links, capacity, part, out, dead):
    # Node x is on no cycle: what leads to it has a move less. Returns the end of
    # ``dead``.
    in_to, in_rows = by_column
    column_of, used = links[0], links[4]
    pool = len(part) - 1
    n = pool - len(capacity)
    count = 0
    if x < n:
        y = n + column_of[x] if column_of[x] != NONE else pool
        out[y] -= 1
        if out[y] == 0:
            dead[count] = y
            count += 1
        return count
    j = x - n
    for e in range(in_to[j], in_to[j + 1]):
        i = in_rows[e]
        if column_of[i] != j:
            out[i] -= 1
            if out[i] == 0:
                dead[count] = i
                count += 1
    if used[j] > 0 and state[1][j] == 0:
        out[pool] -= 1
        if out[pool] == 0:
            dead[count] = pool
            count += 1
    return count


@njit(cache=True, nogil=True)
def _drop_dead_ends(tight, by_column, state, links, capacity, part):
    # The same the other way round: without end, what leads nowhere is taken out.
    to, columns = tight
    u, v = state
    column_of, used = links[0], links[4]
    n, m = len(to) - 1, len(capacity)
    pool = n + m
    out = np.zeros(pool + 1, np.int32)
    for i in range(n):
        if part[i] != NONE:
            for e in range(to[i], to[i + 1]):
                out[i] += columns[e] != column_of[i] and part[n + columns[e]] != NONE
            out[i] += column_of[i] != NONE and u[i] == 0 and part[pool] != NONE
            out[n + column_of[i] if column_of[i] != NONE else pool] += 1
    for j in range(m):
        if part[n + j] != NONE:
            out[n + j] += used[j] < capacity[j] and part[pool] != NONE
            out[pool] += used[j] > 0 and v[j] == 0
    dead = np.empty(pool + 1, np.int32)
    count = 0
    for x in range(pool + 1):
        if part[x] != NONE and out[x] == 0:
            dead[count] = x
            count += 1
    while count > 0:
        count -= 1
        x = dead[count]
        part[x] = NONE
        if x < pool:
            count += _reach_less(
                x, by_column, state, links, capacity, part, out, dead[count:]
            )
            continue
        for i in range(n):
            if part[i] != NONE and column_of[i] != NONE and u[i] == 0:
                out[i] -= 1
                if out[i] == 0:
                    dead[count] = i
                    count += 1
        for j in range(m):
            if part[n + j] != NONE and used[j] < capacity[j]:
                out[n + j] -= 1
                if out[n + j] == 0:
                    dead[count] = n + j
                    count += 1


@njit(cache=True, nogil=True)
def peel_kernel(tight, capacity, state, links):
    """
    Find what may be on a cycle of moves.

    Parameters
    ----------
    tight
        Columns that each row could be on at no loss, its own among them: offsets
        ``int64 (n + 1,)`` and columns ``int32`` (:func:`tight_kernel`).
    capacity, links
        As in :func:`~.assignment_kernel.assign_kernel`; the assignment is optimal.
    state
        ``(u, v)``: any prices that prove it.

    Returns
    -------
    by_column
        The tight pairs by column, but for rows that no move leads to: offsets ``int64
        (m + 1,)`` and rows ``int32``.
    part
        ``int32 (n + m + 1,)``: 0 for nodes that may be on a cycle; -1 for what is
        peeled off, without end, because no move leads there or none leads away.

    Notes
    -----
    Where no savings tie next to nothing is left. Linear in the tight pairs.
    """
    part = _first_parts(tight, state, links, capacity)
    by_column = _by_column(tight, part, len(capacity))
    _drop_dead_ends(tight, by_column, state, links, capacity, part)
    return by_column, part
