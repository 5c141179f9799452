"""What one row more would take from all others, and one unit or place more give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.solve.assignment import Assignment
from matcher.solve.flow_nodes import Nodes
from matcher.solve.graph import CandidateGraph
from matcher.solve.limited import assign_within
from matcher.solve.limits import LIMIT_MAX, NONE, Limits
from matcher.solve.marginal_kernel import FAR, towards_kernel, widen_kernel
from matcher.solve.residual_kernel import by_head_kernel
from matcher.solve.stop import Stop

__all__ = ["FAR", "Growth", "Marginal"]

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]


class _Arcs(NamedTuple):
    # As the kernels take them.
    tail: Int32Array
    head: Int32Array
    cost: IntArray
    capacity: IntArray
    by_head: tuple[IntArray, IntArray]
    by_tail: tuple[IntArray, IntArray]


class Marginal:
    """
    An optimum as a flow, for questions about one row that it left out.

    Parameters
    ----------
    graph
        The problem.
    assignment
        Its optimum, without a gap, and prices that prove it.
    limits
        The groups that it was kept within, if there are any.

    Notes
    -----
    Nodes are those of :class:`~.residual.Residual`; arcs keep their room and their
    flow, so that one change can follow another. The optimum without a row is this one,
    for the row has no part in it, whatever candidates it has or might have. So what a
    unit of a column is worth to all others, with the places that go with it for this
    row, is one shortest path from the column to where the row comes in; and the row
    is on the column in each optimum, in some, or in none as its own candidate weighs
    more than that, as much, or less.
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
        self.limits = limits
        self.nodes = nodes = Nodes.of(graph, limits)
        tail, head, cost, capacity, self.flow = _arcs(graph, assignment, limits, nodes)
        self.arcs = _Arcs(
            tail,
            head,
            cost,
            capacity,
            by_head_kernel(head, nodes.count),
            by_head_kernel(tail, nodes.count),
        )
        self.potential = _potential(assignment, limits)
        lack = cost + self.potential[tail] - self.potential[head]
        is_proven = ((lack >= 0) | (self.flow == capacity)) & (
            (lack <= 0) | (self.flow == 0)
        )
        assert is_proven.all(), "prices that prove the optimum"
        # Of the arc of each column and group.
        self._first_column = len(tail) - limits.count - nodes.column_count

    def charges(self, row: int, entry: int) -> IntArray:
        """
        Return what all others would lose if a row took a unit of each node.

        Parameters
        ----------
        row
            The row, which has no column. Its own candidates play no part.
        entry
            The node that it comes in from: that of its group, or the last.

        Returns
        -------
        numpy.ndarray
            ``int64 (p,)``, 0 or more; ``FAR`` where nothing can be taken. ``O(a + p log
            p)``.
        """
        far, _ = towards_kernel(
            self.arcs, self.flow, self.potential, entry, FAR, np.int64(row)
        )
        reached = far != FAR
        cost = np.where(reached, far, 0) - self.potential + self.potential[entry]
        return np.where(reached, cost, FAR)

    def of_column(self, row: int, column: int) -> Growth:
        """Return the market with more and more units of a column, seen from a row."""
        seeker = _Seeker.of(self, row)
        return Growth(seeker, self, self, self._first_column + column)

    def of_group(self, row: int, group: int) -> Growth:
        """Return the market with more and more places of a group, seen from a row."""
        return Growth(_Seeker.of(self, row), self, self, self.arc_of(group), group)

    def arc_of(self, group: int) -> int:
        """Return the arc that all of a group goes through."""
        return self._first_column + self.nodes.column_count + group


@dataclass(frozen=True, slots=True)
class _Seeker:
    # A row without a column: what it weighs where, and where it comes in.
    row: int
    weight: IntArray
    at: IntArray
    entry: int

    @classmethod
    def of(cls, marginal: Marginal, row: int) -> _Seeker:
        graph, nodes = marginal.graph, marginal.nodes
        start, stop = graph.row_offsets[row : row + 2]
        takes = graph.saving[start:stop] > 0
        return cls(
            row,
            graph.saving[start:stop][takes],
            nodes.row_count + graph.columns[start:stop][takes].astype(np.int64),
            int(nodes.above_row[row]),
        )


class Growth:
    """
    An optimum of all but one row that follows as one column or group grows.

    Made by :class:`Marginal`.

    Attributes
    ----------
    more
        How many units or places more there are.
    has_left
        Whether the last of them is left over: more would change nothing.
    """

    def __init__(
        self,
        seeker: _Seeker,
        begin: Marginal,
        now: Marginal,
        arc: int,
        group: int = NONE,
    ) -> None:
        self._seeker = seeker
        self._begin = begin
        self._arc = arc
        self._group = group
        self._arcs = now.arcs._replace(capacity=now.arcs.capacity.copy())
        self._flow = now.flow.copy()
        self._potential = now.potential.copy()
        self.more = 0
        if group != NONE:
            self.more = int(now.limits.limit[group] - begin.limits.limit[group])
        self.has_left = bool(self._flow[arc] < self._arcs.capacity[arc])

    @property
    def price(self) -> int:
        """What one less would lose at most, and one more gain."""
        start, end = self._arcs.tail[self._arc], self._arcs.head[self._arc]
        return int(self._potential[end] - self._potential[start])

    def grow(self) -> None:
        """Add one unit, or one place."""
        is_used = widen_kernel(
            self._arcs,
            self._flow,
            self._potential,
            self._arc,
            np.int64(self._seeker.row),
        )
        self.more += 1
        self.has_left = self.has_left or not is_used

    def gain(self) -> int:
        """
        Say what the row would add: above 0, 0 or below.

        Above 0 each optimum has it on some column, at 0 one does and one does not.
        """
        most = self._most()
        top = int(most.max(initial=NONE))
        if top < 0:
            return NONE
        far = self._towards(self._seeker.entry, top + 1)[self._seeker.at]
        reached = far != FAR
        return int((most[reached] - far[reached]).max(initial=NONE))

    def worth(self) -> int:
        """
        Return what one more would be worth to the row, if it had it for nothing.

        While others gain more by it, the row is not matched; but what it is worth may
        change as there are more.
        """
        start, end = self._arcs.tail[self._arc], self._arcs.head[self._arc]
        to_entry = self._towards(self._seeker.entry, FAR)
        to_start = self._towards(int(start), FAR)[self._seeker.at]
        far = to_entry[self._seeker.at]
        if to_entry[end] != FAR:
            reached = to_start != FAR
            around = np.where(reached, to_start, 0) + to_entry[end] - self.price
            far = np.where(reached, np.minimum(far, around), far)
        reached = far != FAR
        return int((self._most()[reached] - far[reached]).max(initial=NONE))

    def at_price(self, price: int, stop: Stop) -> Growth | None:
        """
        Return the market with so many places more as are worth more than a price.

        One solve, instead of a path for each. ``None`` for a column, if there are as
        many already, or if it was stopped.
        """
        begin, group = self._begin, self._group
        if group == NONE or price >= self.price:
            return None
        graph, limits = begin.graph, begin.limits
        row = graph.edge_rows
        inside = _inside(limits, group)
        counts = (
            inside[limits.row_group[row]] | inside[limits.column_group[graph.columns]]
        )
        saving = np.where(row == self._seeker.row, 0, graph.saving)
        charged = replace(graph, saving=saving - np.where(counts, price, 0))
        limit = limits.limit.copy()
        limit[group] = LIMIT_MAX
        answer = assign_within(charged, replace(limits, limit=limit), stop=stop)
        if stop.is_requested:
            return None
        limit[group] = limits.used(answer.column)[group]
        more = int(limit[group] - limits.limit[group])
        if more <= self.more:
            return None
        prices = answer.limit_price.copy()
        prices[group] = price
        there = Marginal(
            replace(graph, saving=saving),
            replace(answer, limit_price=prices),
            replace(limits, limit=limit),
        )
        return Growth(self._seeker, begin, there, there.arc_of(group), group)

    def _most(self) -> IntArray:
        # What the row would add if its columns were next to where it comes in.
        here = self._potential[self._seeker.entry]
        most: IntArray = self._seeker.weight - here + self._potential[self._seeker.at]
        return most

    def _towards(self, node: int, bound: int) -> IntArray:
        far: IntArray
        far, _ = towards_kernel(
            self._arcs,
            self._flow,
            self._potential,
            np.int64(node),
            np.int64(bound),
            np.int64(self._seeker.row),
        )
        return far


def _arcs(
    graph: CandidateGraph, assignment: Assignment, limits: Limits, nodes: Nodes
) -> tuple[Int32Array, Int32Array, IntArray, IntArray, IntArray]:
    # Ends, costs, most and present units: of candidates, rows, columns, groups.
    row, own = graph.edge_rows, assignment.column
    edges = np.nonzero(graph.saving > 0)[0]
    groups = nodes.groups
    is_of_rows = _are_of_rows(limits)
    above = nodes.above_group
    n, m = nodes.row_count, nodes.column_count
    tail = (
        row[edges],
        nodes.above_row,
        n + np.arange(m),
        np.where(is_of_rows, above, groups),
    )
    head = (
        n + graph.columns[edges],
        np.arange(n),
        nodes.above_column,
        np.where(is_of_rows, groups, above),
    )
    cost = np.zeros(len(edges) + n + m + len(groups), np.int64)
    cost[: len(edges)] = -graph.saving[edges]
    ones = np.ones(len(edges) + n, np.int64)
    held = own != NONE
    flow = (
        _taken(graph, own)[edges],
        held,
        np.bincount(own[held], minlength=m),
        limits.used(own),
    )
    return (
        np.concatenate(tail).astype(np.int32),
        np.concatenate(head).astype(np.int32),
        cost,
        np.concatenate((ones, graph.capacity, limits.limit)).astype(np.int64),
        np.concatenate(flow).astype(np.int64),
    )


def _taken(graph: CandidateGraph, own: Int32Array) -> NDArray[np.bool_]:
    # The candidate that each row is on, the better of repeats.
    row = graph.edge_rows
    on = np.nonzero(graph.columns == own[row])[0]
    on = on[np.lexsort((-graph.saving[on], row[on]))]
    _, first = np.unique(row[on], return_index=True)
    taken = np.zeros(len(row), np.bool_)
    taken[on[first]] = True
    return taken


def _are_of_rows(limits: Limits) -> NDArray[np.bool_]:
    # Groups that hold rows; one that holds nothing is of the kind of those around it.
    known = limits.row_group[limits.row_group != NONE]
    of_rows = limits.total(np.bincount(known, minlength=limits.count)) > 0
    for group in limits.bottom_up[::-1].tolist():
        above = limits.parent[group]
        of_rows[group] |= above != NONE and of_rows[above]
    return of_rows


def _inside(limits: Limits, group: int) -> NDArray[np.bool_]:
    # Whether each group is inside this one, or is it; and for -1, none is.
    inside = np.zeros(limits.count + 1, np.bool_)
    for each in limits.bottom_up[::-1].tolist():
        inside[each] = each == group or inside[limits.parent[each]]
    return inside


def _potential(assignment: Assignment, limits: Limits) -> IntArray:
    # What prices add up to on the way from where all begins, or less to where it ends.
    above = limits.price_above(assignment.limit_price)
    of_group = above[:-1]
    return np.concatenate(
        (
            above[limits.row_group] + assignment.return_price,
            -above[limits.column_group] - assignment.demand_price,
            np.where(_are_of_rows(limits), of_group, -of_group),
            [0],
        )
    ).astype(np.int64)
