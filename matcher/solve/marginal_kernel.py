"""Shortest paths through what a flow leaves open, and one unit more along them."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numba import njit

#: The distance of what is not reached.
FAR = np.iinfo(np.int64).max
NONE = -1


@njit(cache=True, nogil=True)
def towards_kernel(arcs, flow, potential, target, bound, banned):
    """
    Find how far nodes are from a target.

    Parameters
    ----------
    arcs
        ``(tail, head, cost, capacity, heads, tails)``: ends, ``int32 (a,)``, cost of a
        unit and units at most, ``int64 (a,)``; then the arcs by head and by tail, each
        as offsets and order.
    flow
        ``int64 (a,)``: units on each; forwards goes what has room, backwards what has
        a unit.
    potential
        ``int64 (p,)``: with it every way that is open costs 0 or more.
    target
        The node.
    bound
        What is as far as this or farther is not looked for.
    banned
        A node that no path goes through, -1 for none.

    Returns
    -------
    far, via
        ``int64 (p,)``, by reduced costs, ``FAR`` for what is not reached; ``int32
        (p,)``, the arc that each node goes on by, ``-1 - e`` for ``e`` backwards.

    Notes
    -----
    Dijkstra's algorithm along arcs turned round. ``O(a + p log p)``.
    """
    tail, head, cost, capacity, (in_at, into), (out_at, out) = arcs
    far = np.full(len(potential), FAR, np.int64)
    via = np.zeros(len(potential), np.int32)
    far[target] = 0
    ahead = [(np.int64(0), np.int64(target))]
    while ahead:
        length, y = heappop(ahead)
        if length > far[y]:
            continue
        here = length - potential[y]
        for at in range(in_at[y], in_at[y + 1]):
            e = into[at]
            x = tail[e]
            if flow[e] < capacity[e] and x != banned:
                to = here + cost[e] + potential[x]
                if to < far[x] and to < bound:
                    far[x] = to
                    via[x] = e
                    heappush(ahead, (to, np.int64(x)))
        for at in range(out_at[y], out_at[y + 1]):
            e = out[at]
            x = head[e]
            if flow[e] > 0 and x != banned:
                to = here - cost[e] + potential[x]
                if to < far[x] and to < bound:
                    far[x] = to
                    via[x] = NONE - e
                    heappush(ahead, (to, np.int64(x)))
    return far, via


@njit(cache=True, nogil=True)
def widen_kernel(arcs, flow, potential, wide, banned):
    """
    Let one unit more through an arc, and use it if that gains something.

    Parameters
    ----------
    arcs, flow, potential, banned
        As of :func:`towards_kernel`, of least cost. Capacity, flow and potential are
        changed, and of least cost on return.
    wide
        The arc.

    Returns
    -------
    bool
        Whether the unit is used.

    Notes
    -----
    A unit more changes an optimum along one shortest path around, if at all (Ahuja,
    Magnanti and Orlin, "Network Flows", 1993, section 9.7). ``O(a + p log p)``, mostly
    far less: what is farther than the arc's price is not looked at, nor what is farther
    than the end once that is reached.
    """
    tail, head, cost, capacity, (in_at, into), (out_at, out) = arcs
    capacity[wide] += 1
    start, end = tail[wide], head[wide]
    bound = potential[end] - potential[start] - cost[wide]
    if bound <= 0:
        return False
    far = np.full(len(potential), FAR, np.int64)
    via = np.zeros(len(potential), np.int32)
    far[start] = 0
    ahead = [(np.int64(0), np.int64(start))]
    reached = [np.int64(start)]
    while ahead:
        length, y = heappop(ahead)
        if length > far[y]:
            continue
        # From the end on the way is known, and what is behind it no nearer.
        if length >= far[end]:
            break
        here = length - potential[y]
        for at in range(in_at[y], in_at[y + 1]):
            e = into[at]
            x = tail[e]
            if flow[e] < capacity[e] and x != banned:
                to = here + cost[e] + potential[x]
                if to < far[x] and to < bound and to < far[end]:
                    if far[x] == FAR:
                        reached.append(np.int64(x))
                    far[x] = to
                    via[x] = e
                    heappush(ahead, (to, np.int64(x)))
        for at in range(out_at[y], out_at[y + 1]):
            e = out[at]
            x = head[e]
            if flow[e] > 0 and x != banned:
                to = here - cost[e] + potential[x]
                if to < far[x] and to < bound and to < far[end]:
                    if far[x] == FAR:
                        reached.append(np.int64(x))
                    far[x] = to
                    via[x] = NONE - e
                    heappush(ahead, (to, np.int64(x)))
    is_used = far[end] < bound
    rise = min(far[end], bound)
    for x in reached:
        if far[x] < rise:
            potential[x] += rise - far[x]
    if is_used:
        flow[wide] += 1
        x = end
        while x != start:
            e = via[x]
            if e >= 0:
                flow[e] += 1
                x = head[e]
            else:
                flow[NONE - e] -= 1
                x = tail[NONE - e]
    return is_used
