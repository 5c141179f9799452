"""
An optimum repaired event by event, along shortest paths from where it was disturbed.

Names as in :mod:`~.assignment_kernel`. Pairs are kept in two linked lists each, by row
and by column, so that either end can come or go in time proportional to its own pairs.
A *loose* row has no place though prices let it gain; a *slack* column has a price and
a unit left. Where there is neither, prices prove the assignment optimal.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numba import njit

NONE = -1
FREE = -1
FAR = np.iinfo(np.int64).max


@njit(cache=True, nogil=True)
def _link_pair(e, i, j, saving, pairs, rows, columns):
    row, column, worth, next_in_row, prev_in_row, next_in_column, prev_in_column = pairs
    first_of_row, first_of_column = rows[0], columns[0]
    row[e] = i
    column[e] = j
    worth[e] = saving
    next_in_row[e] = first_of_row[i]
    prev_in_row[e] = NONE
    if first_of_row[i] != NONE:
        prev_in_row[first_of_row[i]] = e
    first_of_row[i] = e
    next_in_column[e] = first_of_column[j]
    prev_in_column[e] = NONE
    if first_of_column[j] != NONE:
        prev_in_column[first_of_column[j]] = e
    first_of_column[j] = e


@njit(cache=True, nogil=True)
def _take_pair(pairs, spare):
    # A pair that is not in use; there is one, the wrapper saw to that.
    e = spare[0]
    spare[0] = pairs[3][e]
    spare[1] += 1
    return e


@njit(cache=True, nogil=True)
def _give_pair(e, pairs, spare):
    pairs[3][e] = spare[0]
    spare[0] = e
    spare[1] -= 1


@njit(cache=True, nogil=True)
def _cut(e, of, first, following, preceding, at):
    # Take pair e out of the list of ``at``.
    if preceding[e] == NONE:
        first[at] = following[e]
    else:
        following[preceding[e]] = following[e]
    if following[e] != NONE:
        preceding[following[e]] = preceding[e]
    of[e] = NONE


@njit(cache=True, nogil=True)
def _put(i, j, rows, columns):
    # Give row i a unit of column j.
    _, _, column_of, after, before = rows
    head, used = columns[2], columns[3]
    column_of[i] = j
    after[i] = head[j]
    before[i] = FREE
    if head[j] != FREE:
        before[head[j]] = i
    head[j] = i
    used[j] += 1


@njit(cache=True, nogil=True)
def _lift(i, rows, columns):
    # Take row i off its column.
    _, _, column_of, after, before = rows
    head, used = columns[2], columns[3]
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
def _nearest(ahead, dist, bound):
    # The next column in reach, or FREE.
    while ahead:
        d, j = heappop(ahead)
        if d >= bound:
            break
        if d == dist[j]:
            return j
    return FREE


@njit(cache=True, nogil=True)
def _shift(bound, sign, rows, columns, work, touched_count):
    # Move the prices of what was reached, so that the path found costs nothing, and
    # forget the search.
    u, after = rows[1], rows[3]
    v, head = columns[1], columns[2]
    dist, touched = work[0], work[3]
    for t in range(touched_count):
        j = touched[t]
        if dist[j] < bound:
            shift = sign * (bound - dist[j])
            v[j] += shift
            k = head[j]
            while k != FREE:
                u[k] -= shift
                k = after[k]
        dist[j] = FAR


@njit(cache=True, nogil=True)
def _price_row(i, pairs, rows, columns):
    # What the row gains at best at present prices.
    first_of_row, u = rows[0], rows[1]
    v = columns[1]
    column, worth, next_in_row = pairs[1], pairs[2], pairs[3]
    best = np.int64(0)
    e = first_of_row[i]
    while e != NONE:
        best = max(best, worth[e] - v[column[e]])
        e = next_in_row[e]
    u[i] = best


@njit(cache=True, nogil=True)
def _settle_row(root, pairs, rows, columns, work):
    # A row without a place: the cheapest way to give it one ends on a column with a
    # unit left, or where some row opts out.
    _price_row(root, pairs, rows, columns)
    first_of_row, u, column_of, after, _ = rows
    _, v, head, used, capacity = columns
    column, worth, next_in_row = pairs[1], pairs[2], pairs[3]
    dist, pred, _, touched = work
    bound = u[root]
    if bound == 0:
        return
    end_row, end_column = root, FREE
    touched_count = 0
    ahead = [(np.int64(0), np.int64(0)) for _ in range(0)]
    base = np.int64(0)
    k = root
    while True:
        while k != FREE:
            level = base + u[k]
            if level < bound:
                bound = level
                end_row, end_column = k, FREE
            e = first_of_row[k]
            while e != NONE:
                j = column[e]
                d = level + v[j] - worth[e]
                if d < bound and d < dist[j]:
                    if used[j] < capacity[j]:
                        bound = d
                        end_row, end_column = k, j
                    else:
                        if dist[j] == FAR:
                            touched[touched_count] = j
                            touched_count += 1
                        dist[j] = d
                        pred[j] = k
                        heappush(ahead, (d, np.int64(j)))
                e = next_in_row[e]
            k = after[k] if k != root else FREE
        j = _nearest(ahead, dist, bound)
        if j == FREE:
            break
        base = dist[j]
        k = head[j]
    u[root] -= bound
    _shift(bound, 1, rows, columns, work, touched_count)
    k, to = end_row, end_column
    while True:
        left = column_of[k]
        if left != FREE:
            _lift(k, rows, columns)
        if to != FREE:
            _put(k, to, rows, columns)
        if k == root:
            break
        to = left
        k = pred[left]


@njit(cache=True, nogil=True)
def _settle_unit(root, pairs, rows, columns, work):
    # A unit left on a column with a price: the price falls, and those of others with
    # it, until nobody wants the unit even for nothing, a row without a place takes it,
    # or a chain of rows moves up and leaves one that nobody wants.
    u, column_of = rows[1], rows[2]
    first_of_column, v = columns[0], columns[1]
    row, worth, next_in_column = pairs[0], pairs[2], pairs[5]
    dist, pred, to, touched = work
    bound = v[root]
    end_row, end_column = FREE, root
    dist[root] = 0
    touched[0] = root
    touched_count = 1
    ahead = [(np.int64(0), np.int64(0)) for _ in range(0)]
    at = root
    while at != FREE:
        e = first_of_column[at]
        while e != NONE:
            i = row[e]
            d = dist[at] + u[i] + v[at] - worth[e]
            k = column_of[i]
            if d < bound and k == FREE:
                bound = d
                end_row, end_column = i, at
            elif d < bound and d < dist[k]:
                if dist[k] == FAR:
                    touched[touched_count] = k
                    touched_count += 1
                dist[k] = d
                pred[k] = i
                to[k] = at
                heappush(ahead, (d, np.int64(k)))
                if d + v[k] < bound:
                    bound = d + v[k]
                    end_row, end_column = FREE, k
            e = next_in_column[e]
        at = _nearest(ahead, dist, bound)
    _shift(bound, -1, rows, columns, work, touched_count)
    at = end_column
    while at != root:
        _lift(pred[at], rows, columns)
        _put(pred[at], to[at], rows, columns)
        at = to[at]
    if end_row != FREE:
        _put(end_row, end_column, rows, columns)


@njit(cache=True, nogil=True)
def _settle_column(j, pairs, rows, columns, work):
    v, used, capacity = columns[1], columns[3], columns[4]
    while v[j] > 0 and used[j] < capacity[j]:
        _settle_unit(j, pairs, rows, columns, work)


@njit(cache=True, nogil=True)
def insert_rows_kernel(slots, offsets, to, saving, pairs, rows, columns, work, spare):
    """
    Add rows with their pairs, one after the other, each time to a new optimum.

    Parameters
    ----------
    slots
        ``int64 (k,)``: places of the new rows, not in use.
    offsets, to, saving
        ``int64 (k + 1,)``, ``int32 (e,)``, ``int64 (e,)``: pairs of each, with
        columns in use; savings above 0.
    pairs
        ``(row int32, column int32, saving int64, next and previous in the row's list
        int32, next and previous in the column's)``, each ``(p,)``.
    rows
        ``(first pair int32, u int64, column_of int32, after int32, before int32)``,
        each ``(n,)``.
    columns
        ``(first pair int32, v int64, head int32, used int32, capacity int32)``, each
        ``(m,)``.
    work
        ``(dist int64, pred int32, to int32, touched int32)``, each ``(m,)``; ``dist``
        is the largest integer.
    spare
        ``int32 (2,)``: first of the pairs that are not in use, linked as a row's are,
        and how many are in use. There are enough for the new ones.

    Notes
    -----
    ``O(t d + t log t)`` for each row, over the ``t`` columns that its search reaches
    and their ``d`` pairs.
    """
    for at in range(len(slots)):
        i = slots[at]
        for e in range(offsets[at], offsets[at + 1]):
            new = _take_pair(pairs, spare)
            _link_pair(new, i, to[e], saving[e], pairs, rows, columns)
        _settle_row(i, pairs, rows, columns, work)


@njit(cache=True, nogil=True)
def remove_rows_kernel(slots, pairs, rows, columns, work, spare):
    """
    Remove rows with their pairs; arguments as in :func:`insert_rows_kernel`.

    Notes
    -----
    The unit that a row leaves behind goes to whoever gains most by it.
    """
    row, column, _, next_in_row, _, next_in_column, prev_in_column = pairs
    first_of_row, u, column_of, _, _ = rows
    first_of_column = columns[0]
    for i in slots:
        e = first_of_row[i]
        while e != NONE:
            following = next_in_row[e]
            _cut(e, row, first_of_column, next_in_column, prev_in_column, column[e])
            _give_pair(e, pairs, spare)
            e = following
        first_of_row[i] = NONE
        u[i] = 0
        j = column_of[i]
        if j != FREE:
            _lift(i, rows, columns)
            _settle_column(j, pairs, rows, columns, work)


@njit(cache=True, nogil=True)
def insert_columns_kernel(
    slots, units, offsets, to, saving, pairs, rows, columns, work, spare
):
    """
    Add columns of so many units with their pairs, to rows in use.

    Parameters
    ----------
    slots
        ``int64 (k,)``: places of the new columns, not in use.
    units
        ``int32 (k,)``: their capacities.
    offsets, to, saving
        As in :func:`insert_rows_kernel`, with rows in place of columns; so the rest.
    """
    u = rows[1]
    _, v, _, _, capacity = columns
    for at in range(len(slots)):
        j = slots[at]
        capacity[j] = units[at]
        v[j] = 0
        for e in range(offsets[at], offsets[at + 1]):
            new = _take_pair(pairs, spare)
            _link_pair(new, to[e], j, saving[e], pairs, rows, columns)
            v[j] = max(v[j], saving[e] - u[to[e]])
        _settle_column(j, pairs, rows, columns, work)


@njit(cache=True, nogil=True)
def resize_columns_kernel(slots, units, pairs, rows, columns, work):
    """
    Change capacities; arguments as in :func:`insert_columns_kernel`.

    Notes
    -----
    Rows beyond the new capacity lose their place and look for another, or for the
    same one at a higher price.
    """
    head, used, capacity = columns[2], columns[3], columns[4]
    for at in range(len(slots)):
        j = slots[at]
        capacity[j] = units[at]
        while used[j] > capacity[j]:
            i = head[j]
            _lift(i, rows, columns)
            _settle_row(i, pairs, rows, columns, work)
        _settle_column(j, pairs, rows, columns, work)


@njit(cache=True, nogil=True)
def remove_columns_kernel(slots, pairs, rows, columns, work, spare):
    """Remove columns with their pairs; arguments as in :func:`insert_rows_kernel`."""
    row, _, _, next_in_row, prev_in_row, next_in_column, _ = pairs
    first_of_row = rows[0]
    first_of_column, v, head, _, capacity = columns
    for j in slots:
        e = first_of_column[j]
        while e != NONE:
            following = next_in_column[e]
            _cut(e, row, first_of_row, next_in_row, prev_in_row, row[e])
            _give_pair(e, pairs, spare)
            e = following
        first_of_column[j] = NONE
        v[j] = 0
        capacity[j] = 0
        while head[j] != FREE:
            i = head[j]
            _lift(i, rows, columns)
            _settle_row(i, pairs, rows, columns, work)


@njit(cache=True, nogil=True)
def load_kernel(offsets, to, saving, pairs, rows, columns, work):
    """
    Link all pairs of a graph, and make any prices ones that prove an optimum.

    Parameters
    ----------
    offsets, to, saving
        ``int64 (n + 1,)``, ``int32 (p,)``, ``int64 (p,)``: pairs in rows, savings
        above 0.
    pairs, rows, columns, work
        As in :func:`insert_rows_kernel`, with nothing in the lists. ``v`` holds any
        prices of 0 or more, ``column_of`` where rows should be: they are put there
        if prices let them gain most there and a unit is left.
    """
    _, u, column_of, _, _ = rows
    _, v, _, used, capacity = columns
    column, worth, next_in_row = pairs[1], pairs[2], pairs[3]
    first_of_row = rows[0]
    for i in range(len(offsets) - 1):
        for e in range(offsets[i + 1] - 1, offsets[i] - 1, -1):
            _link_pair(e, i, to[e], saving[e], pairs, rows, columns)
    for i in range(len(offsets) - 1):
        _price_row(i, pairs, rows, columns)
        wanted = column_of[i]
        column_of[i] = FREE
        e = first_of_row[i]
        while e != NONE:
            j = column[e]
            if (
                j == wanted
                and worth[e] - v[j] == u[i]
                and used[j] < capacity[j]
                and column_of[i] == FREE
            ):
                _put(i, j, rows, columns)
            e = next_in_row[e]
    for i in range(len(u)):
        if column_of[i] == FREE and u[i] > 0:
            _settle_row(i, pairs, rows, columns, work)
    for j in range(len(columns[1])):
        _settle_column(j, pairs, rows, columns, work)
