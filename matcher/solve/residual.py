"""What an optimum would lose by having one return somewhere else, and who moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.solve.assignment import Assignment
from matcher.solve.flow_nodes import Nodes
from matcher.solve.graph import CandidateGraph
from matcher.solve.limits import NONE, Limits
from matcher.solve.residual_kernel import FAR, by_head_kernel, paths_kernel

__all__ = ["FAR", "Detour", "Move", "Residual", "Ways"]

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]


class _Arcs(NamedTuple):
    # Ends and lengths of what may still change.
    tail: Int32Array
    head: Int32Array
    cost: IntArray


class Move(NamedTuple):
    """A row that would be on another column than it is; -1 is none."""

    row: int
    column: int
    to_column: int


class Detour(NamedTuple):
    """
    The cheapest way to have a row somewhere else.

    Parameters
    ----------
    loss
        What the total would be less, 0 or more.
    moves
        The row that it is about, whoever makes room for it, whoever makes room for that
        one, and so on: round to whoever takes what the first leaves, if it leaves any.
    """

    loss: int
    moves: tuple[Move, ...]


class Residual:
    """
    An optimum as a flow, with all that could be changed about it.

    Parameters
    ----------
    graph
        The problem.
    assignment
        Its optimum, without a gap, and the prices that prove it.
    limits
        The groups that it was kept within, if there are any.

    Notes
    -----
    Rows, columns and groups are nodes, and one more is where all begins and ends; a
    match is a unit of flow through all that it counts for. What changes an optimum goes
    round in the residual graph, of which prices make every arc 0 long or more (Ahuja,
    Magnanti and Orlin, "Network Flows", 1993, sections 9.2 and 9.7). A row on another
    column costs the arc to it and the shortest path back; a unit along a shortest path
    leaves nothing to gain, so that this is the best of all assignments with the row
    there, within the same limits.
    """

    def __init__(
        self,
        graph: CandidateGraph,
        assignment: Assignment,
        limits: Limits | None = None,
    ) -> None:
        assert not assignment.gap, "an optimum"
        limits = limits or Limits.none(graph)
        self.graph = graph
        self.assignment = assignment
        self.nodes = Nodes.of(graph, limits)
        above = limits.price_above(assignment.limit_price)
        row = graph.edge_rows
        #: What each candidate lacks to be as good as what there is.
        self.lack = (
            assignment.return_price[row]
            + above[limits.row_group[row]]
            + assignment.demand_price[graph.columns]
            + above[limits.column_group[graph.columns]]
            - graph.saving
        )
        tail, head, cost = _joined(
            _of_candidates(self),
            _of_rows(self),
            _of_columns(self),
            _of_groups(self, limits),
        )
        #: Arcs by the node that they lead to, as the kernel takes them.
        self.arcs = (*by_head_kernel(head, self.nodes.count), tail, cost)

    def ways(self, row: int) -> Ways:
        """Return where else a row could be; ``O(a + p log p)``, mostly far less."""
        return Ways(self, row)


class Ways:
    """
    Where else one row of an optimum could be, and what each place would lose.

    Where several ways lose the same, it is one that moves the fewest; of those, always
    the same one.

    Parameters
    ----------
    residual
        The optimum.
    row
        The row.

    Attributes
    ----------
    losses
        ``int64 (k,)``: of each of its ``k`` candidates what the total would be less
        with the row there; ``FAR`` where it cannot be, for it saves nothing, or has no
        unit, or a limit lets nothing through.
    """

    def __init__(self, residual: Residual, row: int) -> None:
        graph, nodes = residual.graph, residual.nodes
        self._residual = residual
        self._row = row
        self._own = int(residual.assignment.column[row])
        start, stop = (int(at) for at in graph.row_offsets[row : row + 2])
        self._columns = graph.columns[start:stop]
        takes = graph.saving[start:stop] > 0
        at = nodes.row_count + self._columns
        wanted = np.zeros(nodes.count, np.bool_)
        wanted[at[takes]] = True
        wanted[nodes.above_row[row]] = self._own != NONE
        far = np.full(nodes.count, FAR, np.int64)
        steps = np.zeros(nodes.count, np.int64)
        onward = np.full(nodes.count, NONE, np.int32)
        paths_kernel(residual.arcs, row, nodes.row_count, wanted, far, steps, onward)
        self._far, self._onward = far, onward
        self._steps = steps[at]
        lack = residual.lack[start:stop]
        is_way = takes & (far[at] < FAR - lack)
        self.losses = np.where(is_way, lack + np.where(is_way, far[at], 0), FAR)

    def on(self, columns: Iterable[int]) -> Detour | None:
        """Return the best with the row on one of some columns, if it can be."""
        asked = np.isin(self._columns, np.fromiter(columns, np.int32))
        edges = np.nonzero(asked & (self.losses != FAR))[0]
        if not len(edges):
            return None
        best = edges[np.lexsort((self._steps[edges], self.losses[edges]))[0]]
        column = int(self._columns[best])
        if column == self._own:
            return Detour(0, ())
        start = self._residual.nodes.row_count + column
        return Detour(int(self.losses[best]), self._moves(start))

    def without(self) -> Detour:
        """Return the best without the row."""
        if self._own == NONE:
            return Detour(0, ())
        start = int(self._residual.nodes.above_row[self._row])
        price = int(self._residual.assignment.return_price[self._row])
        return Detour(price + int(self._far[start]), self._moves(start))

    def _moves(self, start: int) -> tuple[Move, ...]:
        # Round from the row through the start and back; every row on the way moves.
        nodes = self._residual.nodes
        path = [self._row, start]
        while path[-1] != self._row:
            path.append(int(self._onward[path[-1]]))
        before = [path[-2], *path]
        return tuple(
            Move(x, nodes.column(before[at]), nodes.column(path[at + 1]))
            for at, x in enumerate(path[:-1])
            if x < nodes.row_count
        )


def _of_candidates(of: Residual) -> _Arcs:
    # To every column that a row could have; back from the one that it has.
    graph, own = of.graph, of.assignment.column
    row = graph.edge_rows
    other = np.nonzero((graph.saving > 0) & (graph.columns != own[row]))[0]
    held = np.nonzero(own != NONE)[0]
    n = graph.row_count
    return _joined(
        _arcs(row[other], n + graph.columns[other], of.lack[other]),
        _arcs(n + own[held], held, np.zeros(len(held), np.int64)),
    )


def _of_rows(of: Residual) -> _Arcs:
    # In, if it has no column; else out, at its price.
    above, is_held = of.nodes.above_row, of.assignment.column != NONE
    free, held = np.nonzero(~is_held)[0], np.nonzero(is_held)[0]
    return _joined(
        _arcs(above[free], free, np.zeros(len(free), np.int64)),
        _arcs(held, above[held], of.assignment.return_price[held]),
    )


def _of_columns(of: Residual) -> _Arcs:
    # Out, while a unit is left; in, at its price, for what gives one up.
    graph, nodes, own = of.graph, of.nodes, of.assignment.column
    used = np.bincount(own[own != NONE], minlength=graph.column_count)
    left, held = np.nonzero(used < graph.capacity)[0], np.nonzero(used)[0]
    n, above = graph.row_count, nodes.above_column
    return _joined(
        _arcs(n + left, above[left], np.zeros(len(left), np.int64)),
        _arcs(above[held], n + held, of.assignment.demand_price[held]),
    )


def _of_groups(of: Residual, limits: Limits) -> _Arcs:
    # As a column, or the other way round if it is one of rows.
    rows = np.bincount(limits.row_group + 1, minlength=limits.count + 1)[1:]
    is_of_rows = limits.total(rows) > 0
    used = limits.used(of.assignment.column)
    node = of.nodes.count - 1 - limits.count + np.arange(limits.count)
    left, held = np.nonzero(used < limits.limit)[0], np.nonzero(used)[0]
    parts = []
    for groups, is_outward, cost in (
        (left, ~is_of_rows[left], np.zeros(len(left), np.int64)),
        (held, is_of_rows[held], of.assignment.limit_price[held]),
    ):
        inner, outer = node[groups], of.nodes.above_group[groups]
        tail = np.where(is_outward, inner, outer)
        head = np.where(is_outward, outer, inner)
        parts.append(_arcs(tail, head, cost))
    return _joined(*parts)


def _arcs(
    tail: NDArray[np.integer], head: NDArray[np.integer], cost: IntArray
) -> _Arcs:
    return _Arcs(tail.astype(np.int32), head.astype(np.int32), cost)


def _joined(*parts: _Arcs) -> _Arcs:
    return _Arcs(*(np.concatenate(each) for each in zip(*parts, strict=True)))
