"""The highest potentials that prove a flow of least cost: what is worth how much."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numba import njit

FAR = np.iinfo(np.int64).max


@njit(cache=True, nogil=True)
def _by_node(ends, node_count):
    # Arcs at each node, by one of their ends: offsets and arcs.
    offsets = np.zeros(node_count + 1, np.int64)
    for e in range(len(ends)):
        offsets[ends[e] + 1] += 1
    for x in range(node_count):
        offsets[x + 1] += offsets[x]
    arcs = np.empty(len(ends), np.int32)
    at = offsets[:-1].copy()
    for e in range(len(ends)):
        arcs[at[ends[e]]] = e
        at[ends[e]] += 1
    return offsets, arcs


@njit(cache=True, nogil=True)
def lower_kernel(tail, head, cost, capacity, flow, is_priced, potential):
    """
    Raise potentials as far as they prove the flow, that of the last node being 0.

    Parameters
    ----------
    tail, head, cost, capacity, flow
        Arcs and an optimal flow as in :func:`~.simplex_kernel.simplex_kernel`.
    is_priced
        ``bool (p,)``: nodes whose potential may not exceed their parent's, for the
        difference is the price of the arc between them, which is not below zero.
    potential
        ``int64 (p,)``: any that prove it; the highest on return.

    Notes
    -----
    How far each may rise is the length of a shortest path from the last node through
    the residual graph, by reduced costs (Dijkstra's algorithm). ``O(a + p log p)``.
    """
    node_count, arc_count = len(potential), len(cost)
    root = node_count - 1
    first_tree = arc_count - root
    # A price below zero belongs to what carries nothing; zero proves as much.
    for node in range(root - 1, -1, -1):
        above = head[first_tree + node]
        if is_priced[node] and potential[node] > potential[above]:
            potential[node] = potential[above]
    out_offsets, out_arcs = _by_node(tail, node_count)
    in_offsets, in_arcs = _by_node(head, node_count)
    rise = np.full(node_count, FAR, np.int64)
    rise[root] = 0
    ahead = [(np.int64(0), np.int64(root))]
    while ahead:
        far, x = heappop(ahead)
        if far > rise[x]:
            continue
        for at in range(out_offsets[x], out_offsets[x + 1]):
            e = out_arcs[at]
            y = head[e]
            if flow[e] < capacity[e]:
                to = far + cost[e] + potential[x] - potential[y]
                if to < rise[y]:
                    rise[y] = to
                    heappush(ahead, (to, np.int64(y)))
        for at in range(in_offsets[x], in_offsets[x + 1]):
            e = in_arcs[at]
            y = tail[e]
            if flow[e] > 0 or (e >= first_tree and is_priced[y]):
                to = far - cost[e] - potential[y] + potential[x]
                if to < rise[y]:
                    rise[y] = to
                    heappush(ahead, (to, np.int64(y)))
    for node in range(node_count):
        if rise[node] != FAR:
            potential[node] += rise[node]
