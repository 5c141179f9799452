"""
Network simplex: a flow of least cost by pivots on a spanning tree.

Nodes hang below the root, the last node, in a tree of arcs; all other arcs carry
nothing or all they can. Node ``x`` has ``parent[x]``, the arc ``pred[x]`` between the
two, its ``depth`` and a potential: tree arcs have reduced cost
``cost + potential[tail] - potential[head] = 0``. An arc whose reduced cost says that
its flow should change enters the tree, and one on the cycle that it closes leaves.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NONE = -1
LOWER = 1
TREE = 0
UPPER = -1

# Pivots between two looks at whether to stop.
_PIVOTS_PER_LOOK = 256


@njit(cache=True, nogil=True)
def _attach(x, to, first_child, next_sibling, prev_sibling):
    following = first_child[to]
    next_sibling[x] = following
    prev_sibling[x] = NONE
    if following != NONE:
        prev_sibling[following] = x
    first_child[to] = x


@njit(cache=True, nogil=True)
def _detach(x, of, first_child, next_sibling, prev_sibling):
    if prev_sibling[x] == NONE:
        first_child[of] = next_sibling[x]
    else:
        next_sibling[prev_sibling[x]] = next_sibling[x]
    if next_sibling[x] != NONE:
        prev_sibling[next_sibling[x]] = prev_sibling[x]


@njit(cache=True, nogil=True)
def _entering(start, block, tail, head, cost, state, potential):
    # The arc that gains most per unit in the first block of arcs that has any, or
    # NONE; and where to go on.
    count = len(cost)
    best = np.int64(0)
    found = NONE
    left = block
    at = start
    for _ in range(count):
        gain = state[at] * (cost[at] + potential[tail[at]] - potential[head[at]])
        if gain < best:
            best = gain
            found = at
        at = at + 1 if at + 1 < count else 0
        left -= 1
        if left == 0:
            if found != NONE:
                break
            left = block
    return found, at


@njit(cache=True, nogil=True)
def _leaving(arc, tail, head, capacity, flow, state, parent, pred, depth):
    # Where the cycle of an entering arc is narrowest: how much goes round, the lower
    # end of the arc to leave (NONE for the entering one itself), whether that is on
    # the side where the flow sets out, and the top. Ties go to the last arc on the way
    # round from the top: so every node can always send something to the root, and
    # pivots that move nothing do not go round in circles (Cunningham, "A network
    # simplex method", Mathematical Programming 11, 1976).
    x, y = tail[arc], head[arc]
    delta = capacity[arc] - flow[arc]
    if state[arc] == UPPER:
        x, y = y, x
        delta = flow[arc]
    out = NONE
    is_first = False
    while x != y:
        if depth[x] >= depth[y]:
            e = pred[x]
            room = flow[e] if tail[e] == x else capacity[e] - flow[e]
            if room < delta:
                delta = room
                out = x
                is_first = True
            x = parent[x]
        else:
            e = pred[y]
            room = capacity[e] - flow[e] if tail[e] == y else flow[e]
            if room <= delta:
                delta = room
                out = y
                is_first = False
            y = parent[y]
    return delta, out, is_first, x


@njit(cache=True, nogil=True)
def _send(arc, delta, top, tail, head, flow, state, parent, pred):
    # Send so much round the cycle of an arc.
    change = delta * state[arc]
    flow[arc] += change
    x = tail[arc]
    while x != top:
        e = pred[x]
        flow[e] += -change if tail[e] == x else change
        x = parent[x]
    y = head[arc]
    while y != top:
        e = pred[y]
        flow[e] += change if tail[e] == y else -change
        y = parent[y]


@njit(cache=True, nogil=True)
def _rehang(arc, inner, out, tail, head, cost, potential, tree, family, stack):
    # The part of the tree below ``out`` hangs from the other end of the arc by its
    # node ``inner``: what was above that, up to ``out``, is below it now.
    parent, pred, depth = tree
    first_child, next_sibling, prev_sibling = family
    outer = head[arc] if tail[arc] == inner else tail[arc]
    x, above, by = inner, outer, arc
    while True:
        old_above, old_by = parent[x], pred[x]
        _detach(x, old_above, first_child, next_sibling, prev_sibling)
        _attach(x, above, first_child, next_sibling, prev_sibling)
        parent[x] = above
        pred[x] = by
        if x == out:
            break
        x, above, by = old_above, x, old_by
    if tail[arc] == inner:
        shift = potential[outer] - cost[arc] - potential[inner]
    else:
        shift = potential[outer] + cost[arc] - potential[inner]
    size = 1
    stack[0] = inner
    while size > 0:
        size -= 1
        x = stack[size]
        potential[x] += shift
        depth[x] = depth[parent[x]] + 1
        child = first_child[x]
        while child != NONE:
            stack[size] = child
            size += 1
            child = next_sibling[child]


@njit(cache=True, nogil=True)
def simplex_kernel(tail, head, cost, capacity, flow, parent, potential, stop):
    """
    Turn a flow along a tree into one of least cost with the same supplies.

    Parameters
    ----------
    tail, head
        ``int32 (a,)``. The last ``p - 1`` arcs are the tree: one from each node but
        the last to its parent.
    cost
        ``int64 (a,)``; 0 for arcs of the tree.
    capacity
        ``int64 (a,)``, above 0 for arcs of the tree.
    flow
        ``int64 (a,)``: 0 but for arcs of the tree; the optimum on return.
    parent
        ``int32 (p,)``: of each node, a larger number; -1 for the last, the root.
    potential
        ``int64 (p,)``, zeros; on return no residual arc has a reduced cost below 0.
    stop
        ``int8 (1,)``: another thread sets it to 1 to end this one early, with a flow
        and potentials that do not prove each other.

    Returns
    -------
    int
        How many pivots it took.

    Notes
    -----
    Deterministic unless stopped. Blocks of ``sqrt(a)`` arcs are priced at a time, as
    in Kiraly and Kovacs, "Efficient implementations of minimum-cost flow algorithms",
    Acta Universitatis Sapientiae Informatica 4, 2012. No good bound on the pivots is
    known; in practice a few for each node.
    """
    node_count, arc_count = len(parent), len(cost)
    state = np.full(arc_count, LOWER, np.int8)
    pred = np.full(node_count, NONE, np.int32)
    depth = np.zeros(node_count, np.int32)
    first_child = np.full(node_count, NONE, np.int32)
    next_sibling = np.full(node_count, NONE, np.int32)
    prev_sibling = np.full(node_count, NONE, np.int32)
    stack = np.empty(node_count, np.int32)
    # Parents have larger numbers than their children.
    for x in range(node_count - 2, -1, -1):
        pred[x] = arc_count - (node_count - 1) + x
        state[pred[x]] = TREE
        depth[x] = depth[parent[x]] + 1
        _attach(x, parent[x], first_child, next_sibling, prev_sibling)
    tree = (parent, pred, depth)
    family = (first_child, next_sibling, prev_sibling)
    block = max(16, int(np.sqrt(arc_count)))
    pivots = 0
    start = 0
    while pivots % _PIVOTS_PER_LOOK != 0 or stop[0] == 0:
        arc, start = _entering(start, block, tail, head, cost, state, potential)
        if arc == NONE:
            break
        pivots += 1
        delta, out, is_first, top = _leaving(
            arc, tail, head, capacity, flow, state, parent, pred, depth
        )
        if delta > 0:
            _send(arc, delta, top, tail, head, flow, state, parent, pred)
        if out == NONE:
            state[arc] = -state[arc]
            continue
        leaves = pred[out]
        # The flow sets out at the tail of an arc that carries nothing.
        inner = tail[arc] if (state[arc] == LOWER) == is_first else head[arc]
        state[arc] = TREE
        state[leaves] = LOWER if flow[leaves] == 0 else UPPER
        _rehang(arc, inner, out, tail, head, cost, potential, tree, family, stack)
    return pivots
