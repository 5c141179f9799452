"""Shortest paths to one node of a graph: the cheapest way to change a flow."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numba import njit

#: The distance of what is not reached.
FAR = np.iinfo(np.int64).max
NONE = -1


@njit(cache=True, nogil=True)
def by_head_kernel(head, node_count):
    """
    Sort arcs by the node that they lead to.

    Parameters
    ----------
    head
        ``int32 (a,)``, nodes.
    node_count
        Nodes, ``p``.

    Returns
    -------
    offsets, order
        ``int64 (p + 1,)`` and ``int64 (a,)``: the arcs to node ``x`` are ``order`` from
        ``offsets[x]`` to ``offsets[x + 1]``, as they were given.
    """
    offsets = np.zeros(node_count + 1, np.int64)
    for x in head:
        offsets[x + 1] += 1
    for x in range(node_count):
        offsets[x + 1] += offsets[x]
    order = np.empty(len(head), np.int64)
    at = offsets[:-1].copy()
    for e in range(len(head)):
        order[at[head[e]]] = e
        at[head[e]] += 1
    return offsets, order


@njit(cache=True, nogil=True)
def paths_kernel(arcs, target, row_count, wanted, far, steps, onward):
    """
    Find the shortest path from nodes to a target.

    Parameters
    ----------
    arcs
        ``(offsets, order, tail, cost)``: arcs by the node that they lead to, as of
        :func:`by_head_kernel`; ``tail`` is where each comes from, ``int32 (a,)``,
        ``cost`` ``int64 (a,)``, 0 or more.
    target
        The node.
    row_count
        Nodes below it count as a step. Of equally short paths it is one with the
        fewest; of those, the first that is found.
    wanted
        ``bool (p,)``: the search ends when all of these are reached.
    far, steps, onward
        ``int64 (p,)`` twice and ``int32 (p,)``, filled with ``FAR``, 0 and -1. On
        return, for every wanted node and all on its path: the length, the steps, and
        the next node. ``FAR`` where there is no path below that.

    Notes
    -----
    Dijkstra's algorithm from the target, along arcs turned round. ``O(a + p log p)``.
    """
    offsets, order, tail, cost = arcs
    missing = np.count_nonzero(wanted)
    is_done = np.zeros(len(far), np.bool_)
    far[target] = 0
    ahead = [(np.int64(0), np.int64(0), np.int64(target))]
    while ahead and missing > 0:
        length, count, y = heappop(ahead)
        if is_done[y]:
            continue
        is_done[y] = True
        if wanted[y]:
            missing -= 1
        for at in range(offsets[y], offsets[y + 1]):
            e = order[at]
            x = tail[e]
            # What would be longer than any loss is not worth a number.
            if is_done[x] or cost[e] >= FAR - length:
                continue
            to = length + cost[e]
            by = count + 1 if x < row_count else count
            if to < far[x] or (to == far[x] and by < steps[x]):
                far[x] = to
                steps[x] = by
                onward[x] = y
                heappush(ahead, (to, np.int64(by), np.int64(x)))
