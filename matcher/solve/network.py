"""A market with limits as a flow of least cost, and the prices that prove it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.solve.graph import CandidateGraph
from matcher.solve.limits import NONE, Limits
from matcher.solve.lower_kernel import lower_kernel
from matcher.solve.simplex_kernel import simplex_kernel
from matcher.solve.stop import Stop

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]

_UNBOUNDED = 1 << 62

# A potential sums the savings along a path: all of them together stay below this.
_POTENTIAL_MAX = 1 << 61


@dataclass(frozen=True, slots=True)
class Part:
    """
    What is solved together.

    Parameters
    ----------
    rows, columns, groups
        Numbers in the graph and its limits, ascending. Rows have candidates; no
        column or group is without a unit.
    edges
        The candidates between them, all that save something.
    limits
        The limits with nothing but ``groups`` in any chain.
    """

    rows: IntArray
    columns: IntArray
    groups: IntArray
    edges: IntArray
    limits: Limits


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """The column of each row of a part, and prices of its columns and groups."""

    column: Int32Array
    demand_price: IntArray
    limit_price: IntArray


def solve_flow(graph: CandidateGraph, part: Part, stop: Stop) -> FlowAnswer:
    """
    Solve a part as a flow of least cost.

    Parameters
    ----------
    graph
        The candidates.
    part
        What to solve.
    stop
        Ends the work early when it is requested; prices then prove little.

    Returns
    -------
    FlowAnswer
        The optimum, and the lowest prices of demands that prove it with those of
        groups.

    Raises
    ------
    InvalidProblemError
        If sums of savings could leave 64 bits.

    Notes
    -----
    Each return sends one unit: to a demand, which passes it on to its group, and that
    to the group around it, as many as the limit allows; or past all demands to its own
    group of returns. That keeps the units that go past it beyond what its limit lets
    through, so that no more matches than the limit are left, and passes on the rest.
    So all arcs but the candidates form a tree and carry a first flow.
    """
    arcs = _arcs(graph, part)
    simplex_kernel(*arcs.given, arcs.flow, arcs.parent, arcs.potential, stop.flag)
    if not stop.is_requested:
        arcs.settle()
    return arcs.answer(graph, part)


def settled_flow(graph: CandidateGraph, part: Part, optimum: FlowAnswer) -> FlowAnswer:
    """
    Return an optimum of a part with the lowest prices that prove it.

    Parameters
    ----------
    graph, part
        As for :func:`solve_flow`.
    optimum
        An optimum with any prices that prove it.

    Returns
    -------
    FlowAnswer
        The same columns, and prices as :func:`solve_flow` gives them.

    Raises
    ------
    InvalidProblemError
        If sums of savings could leave 64 bits.
    """
    arcs = _arcs(graph, part)
    arcs.begin_with(graph, part, optimum)
    arcs.settle()
    return arcs.answer(graph, part)


@dataclass(frozen=True, slots=True)
class _Arcs:
    # What the kernels take: (tail, head, cost, capacity), and what they change.
    given: tuple[Int32Array, Int32Array, IntArray, IntArray]
    flow: IntArray
    parent: Int32Array
    potential: IntArray
    is_priced: NDArray[np.bool_]
    # Of the groups of the part, in the order of their nodes.
    group_order: IntArray

    @property
    def above(self) -> Int32Array:
        """The group above each node but the last, which stands for none."""
        return self.given[1][len(self.flow) - len(self.parent) + 1 :]

    def settle(self) -> None:
        """Give an optimum the lowest prices that prove it."""
        lower_kernel(*self.given, self.flow, self.is_priced, self.potential)

    def begin_with(
        self, graph: CandidateGraph, part: Part, optimum: FlowAnswer
    ) -> None:
        """Take over an optimum and its prices."""
        n, m, count = len(part.rows), len(part.columns), len(part.edges)
        row, head = (ends[:count] for ends in self.given[:2])
        saving = graph.saving[part.edges]
        taken = np.nonzero(optimum.column[row] == graph.columns[part.edges])[0]
        taken = taken[np.lexsort((-saving[taken], row[taken]))]
        _, first = np.unique(row[taken], return_index=True)
        taken = taken[first]
        self.flow[taken] = 1
        passed = self.flow[count:]
        passed[row[taken]] = 0
        passed[n : n + m] = np.bincount(head[taken] - n, minlength=m)
        used = part.limits.used(self._spread(graph, part, optimum.column))
        used = used[part.groups[self.group_order]]
        of_demands = self.is_priced[n + m : -1]
        passed[n + m :] = np.where(of_demands, used, passed[n + m :] - used)
        price = np.concatenate(
            (np.zeros(n), -optimum.demand_price, optimum.limit_price[self.group_order])
        ).astype(np.int64)
        price[n + m :][of_demands] *= -1
        above, potential = self.above, self.potential
        for node in range(len(above) - 1, n + m - 1, -1):
            potential[node] = potential[above[node]] + price[node]
        potential[: n + m] = potential[above[: n + m]] + price[: n + m]
        np.maximum.at(potential, row, saving + potential[head])

    def answer(self, graph: CandidateGraph, part: Part) -> FlowAnswer:
        """Return what flow and potentials say."""
        taken = np.nonzero(self.flow[: len(part.edges)])[0]
        column = np.full(len(part.rows), NONE, np.int32)
        column[self.given[0][taken]] = graph.columns[part.edges[taken]]
        # Demands and their groups cost what potentials fall on the way to the group
        # above, groups of returns what they rise.
        price = np.abs(self.potential[self.above] - self.potential[:-1])
        n, m = len(part.rows), len(part.columns)
        of_group = np.empty(len(part.groups), np.int64)
        of_group[self.group_order] = price[n + m :]
        return FlowAnswer(column, price[n : n + m], of_group)

    @staticmethod
    def _spread(graph: CandidateGraph, part: Part, column: Int32Array) -> Int32Array:
        # To all rows of the graph.
        spread = np.full(graph.row_count, NONE, np.int32)
        spread[part.rows] = column
        return spread


def _arcs(graph: CandidateGraph, part: Part) -> _Arcs:
    n, m = len(part.rows), len(part.columns)
    limits = part.limits
    chosen = np.isin(limits.bottom_up, part.groups)
    groups = limits.bottom_up[chosen]
    root = n + m + len(groups)
    top = int(graph.saving[part.edges].max(initial=0))
    if top * (root + 1) > _POTENTIAL_MAX:
        raise InvalidProblemError(
            f"saving: got {top} where {root} returns, demands and groups hang "
            f"together by limits; accepted: {_POTENTIAL_MAX // (root + 1)} or less"
        )
    # Node of each group, and of none.
    node = np.full(len(limits.limit) + 1, root, np.int32)
    node[groups] = np.arange(n + m, root)
    parent = np.concatenate(
        (
            node[limits.row_group[part.rows]],
            node[limits.column_group[part.columns]],
            node[limits.parent[groups]],
            [NONE],
        )
    ).astype(np.int32)
    passes, of_rows = _passing(limits, part, groups)
    is_priced = np.concatenate(
        (np.zeros(n, np.bool_), np.ones(m, np.bool_), ~of_rows, [False])
    )
    units = np.concatenate(
        (
            np.full(n, _UNBOUNDED),
            graph.capacity[part.columns],
            np.where(of_rows, _UNBOUNDED, limits.limit[groups]),
        )
    )
    tree = np.arange(root, dtype=np.int32)
    row_at, column_at = (
        np.searchsorted(some, of).astype(np.int32)
        for some, of in (
            (part.rows, graph.edge_rows[part.edges]),
            (part.columns, graph.columns[part.edges]),
        )
    )
    count = len(part.edges)
    return _Arcs(
        (
            np.concatenate((row_at, tree)),
            np.concatenate((n + column_at, parent[:-1])).astype(np.int32),
            np.concatenate((-graph.saving[part.edges], np.zeros(root, np.int64))),
            np.concatenate((np.ones(count, np.int64), units)),
        ),
        np.concatenate(
            (
                np.zeros(count, np.int64),
                np.ones(n, np.int64),
                np.zeros(m, np.int64),
                np.where(of_rows, passes, 0),
            )
        ),
        parent,
        np.zeros(root + 1, np.int64),
        is_priced,
        np.searchsorted(part.groups, groups),
    )


def _passing(
    limits: Limits, part: Part, groups: IntArray
) -> tuple[IntArray, NDArray[np.bool_]]:
    # What each group of returns passes on if nothing is matched: of its own returns
    # and what its groups pass on, as many as its limit. And which groups those are.
    own = limits.row_group[part.rows]
    arrives = np.bincount(own[own != NONE], minlength=len(limits.limit))
    of_rows = limits.total(arrives) > 0
    for group in groups.tolist():
        arrives[group] = min(arrives[group], limits.limit[group])
        above = limits.parent[group]
        if above != NONE:
            arrives[above] += arrives[group]
    return arrives[groups], of_rows[groups]
