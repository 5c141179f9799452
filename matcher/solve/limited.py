"""Exact assignment where groups of returns or demands have limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matcher.solve.assignment import Assignment, dual_value, taken_savings
from matcher.solve.components import components
from matcher.solve.graph import CandidateGraph
from matcher.solve.limits import NONE, Limits
from matcher.solve.network import FlowAnswer, Part, settled_flow, solve_flow
from matcher.solve.one_limit import Group, PriceSearch
from matcher.solve.solver import assign
from matcher.solve.stop import Stop

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]
BoolArray = NDArray[np.bool_]

# Rows from which on one overfull group is solved by a search for its price: a dozen
# solves without limits are sooner done than one by simplex.
_SEARCH_MIN = 4096


def assign_within(
    graph: CandidateGraph,
    limits: Limits,
    *,
    threads: int = 1,
    stop: Stop | None = None,
) -> Assignment:
    """
    Assign at the greatest total saving that the limits allow.

    Parameters
    ----------
    graph
        The candidates. Not modified.
    limits
        Groups of returns or demands, and the matches that each may have.
    threads
        Threads to work on, 1 or more; no influence on the answer.
    stop
        Ends the work early when it is requested, from another thread.

    Returns
    -------
    Assignment
        Within capacities and limits, the total the greatest possible; prices of
        returns, demands and groups that :func:`check_certificate` accepts.

    Raises
    ------
    InvalidProblemError
        If the limits do not fit the graph, ``threads`` is below 1, or savings are so
        large that sums of them leave 64 bits.

    Notes
    -----
    Without limits first, which takes little time: if no group has too many then, that
    is the answer, and the first of all optima. Otherwise what hangs together with an
    overfull group, by candidates and by groups that may fill up, is solved anew: if
    one overfull group holds all others, by a search for its price
    (:class:`~.one_limit.PriceSearch`), a dozen solves; else as a flow of least cost,
    by network simplex on one thread (:mod:`~.network`). Which of several optima that
    gives is a matter of the way of working, the same for the same input in the same
    order. Prices of demands and their groups are the lowest that prove it, those of
    returns the highest.

    If ``stop`` is requested, the answer is the best known within the limits, with its
    gap.
    """
    limits.check_sizes(graph)
    stop = stop or Stop()
    free = assign(graph, threads=threads, stop=stop)
    over = limits.used(free.column) > limits.limit
    limit_price = np.zeros(len(over), np.int64)
    if not over.any():
        return replace(free, limit_price=limit_price)
    column = _cut(graph, limits, free.column)
    cut = _proven(graph, limits, column, free.demand_price, limit_price)
    if stop.is_requested:
        return cut
    part = _affected(graph, limits, free.column)
    flow = None
    if len(part.rows) >= _SEARCH_MIN:
        flow = _searched(graph, limits, part, threads, stop)
    flow = flow or solve_flow(graph, part, stop)
    shut = _shut(limits)
    column = free.column.copy()
    column[_is_shut(limits, shut, column)] = NONE
    demand_price = np.where(shut[limits.column_group], 0, free.demand_price)
    column[part.rows] = flow.column
    demand_price[part.columns] = flow.demand_price
    limit_price[part.groups] = flow.limit_price
    answer = _proven(graph, limits, column, demand_price, limit_price)
    return answer if answer.value >= cut.value else cut


def warm_up_within() -> None:
    """Compile the kernels on two rows of which one limit lets one be matched."""
    graph = CandidateGraph(
        np.array([0, 1, 2], np.int64),
        np.array([0, 1], np.int32),
        np.array([3, 2], np.int64),
        np.array([1, 1], np.int32),
    )
    one, none = np.zeros(2, np.int32), np.full(2, NONE, np.int32)
    assign_within(graph, Limits(np.ones(1, np.int64), none[:1], one, none))


def _searched(
    graph: CandidateGraph, limits: Limits, part: Part, threads: int, stop: Stop
) -> FlowAnswer | None:
    # If one overfull group holds all others: its price, unless they stay overfull.
    inside = np.zeros(len(graph.columns), np.bool_)
    inside[part.edges] = True
    own = replace(graph, saving=np.where(inside, graph.saving, 0))
    free = assign(own, threads=threads, stop=stop)
    over = limits.used(free.column) > limits.limit
    outermost = np.nonzero(over & ~_nested(limits, over)[:-1])[0]
    if len(outermost) != 1:
        return None
    group = int(outermost[0])
    member = _nested(limits, np.arange(limits.count) == group)
    member[group] = True
    counted = Group(
        member[limits.row_group], member[limits.column_group], int(limits.limit[group])
    )
    found = PriceSearch(own, counted, threads, stop).run()
    if found is None or (limits.used(found.column) > limits.limit).any():
        return None
    price = np.where(part.groups == group, found.limit_price, 0)
    optimum = FlowAnswer(
        found.column[part.rows], found.demand_price[part.columns], price
    )
    return settled_flow(graph, part, optimum)


def _shut(limits: Limits) -> BoolArray:
    # Groups that take nothing, for they or one around them have a limit of 0; and
    # for -1, none does.
    return np.not_equal(_nearest(limits, limits.limit == 0), NONE)


def _is_shut(limits: Limits, shut: BoolArray, column: Int32Array) -> BoolArray:
    # Rows on a column that nothing should take, or that should take nothing.
    of_column = np.append(shut[limits.column_group], False)
    of_row = shut[limits.row_group] & (column != NONE)
    found: BoolArray = of_row | of_column[column]
    return found


def _affected(graph: CandidateGraph, limits: Limits, column: Int32Array) -> Part:
    # What overfull groups may displace reaches as far as candidates, and groups that
    # could fill up, lead. What is shut takes part in nothing; who was there does.
    n, m, count = graph.row_count, graph.column_count, len(limits.limit)
    row = graph.edge_rows
    shut = _shut(limits)
    is_open = (graph.capacity > 0) & ~shut[limits.column_group]
    counts = (graph.saving > 0) & is_open[graph.columns]
    edges = np.nonzero(counts & ~shut[limits.row_group[row]])[0]
    wants = np.bincount(row[edges], minlength=n) > 0
    tight = _binding(limits, wants, np.where(is_open, graph.capacity, 0))
    label = components(
        n + m + count,
        (row[edges], n + graph.columns[edges]),
        _links(np.arange(n), tight.row_group, n + m),
        _links(n + np.arange(m), tight.column_group, n + m),
        _links(n + m + np.arange(count), tight.parent, n + m),
    )
    moved = np.nonzero(_is_shut(limits, shut, column))[0]
    over = np.nonzero(limits.used(column) > limits.limit)[0]
    inside = np.isin(
        label, label[np.concatenate((moved, n + column[moved], n + m + over))]
    )
    return Part(
        np.nonzero(inside[:n] & wants)[0],
        np.nonzero(inside[n : n + m] & is_open)[0],
        np.nonzero(inside[n + m :] & (limits.limit > 0))[0],
        edges[inside[row[edges]]],
        tight,
    )


def _links(start: IntArray, group: Int32Array, first: int) -> tuple[IntArray, IntArray]:
    known = group != NONE
    return start[known], first + group[known].astype(np.int64)


def _binding(limits: Limits, wants: BoolArray, units: NDArray[np.int32]) -> Limits:
    # The limits with nothing but groups in any chain that could have too many.
    count = len(limits.limit)
    most = np.zeros(count + 1, np.int64)
    np.add.at(most, limits.row_group, wants)
    np.add.at(most, limits.column_group, units)
    # A group sends on no more than its limit, which the one around it need not stop.
    binds = np.zeros(count, np.bool_)
    for group in limits.bottom_up.tolist():
        binds[group] = most[group] > limits.limit[group]
        most[limits.parent[group]] += min(most[group], limits.limit[group])
    nearest = _nearest(limits, binds)
    return Limits(
        limits.limit,
        nearest[limits.parent],
        nearest[limits.row_group],
        nearest[limits.column_group],
    )


def _cut(graph: CandidateGraph, limits: Limits, column: Int32Array) -> Int32Array:
    # The matches that save most, as far as limits allow; ties in the order of rows.
    left = [*limits.limit.tolist(), 0]
    parent = limits.parent.tolist()
    saving = taken_savings(graph, column)
    kept = column.copy()
    for row in np.argsort(-saving, kind="stable").tolist():
        if column[row] == NONE:
            continue
        groups = []
        for first in (limits.row_group[row], limits.column_group[column[row]]):
            group = int(first)
            while group != NONE:
                groups.append(group)
                group = parent[group]
        if all(left[group] > 0 for group in groups):
            for group in groups:
                left[group] -= 1
        else:
            kept[row] = NONE
    return kept


def _proven(
    graph: CandidateGraph,
    limits: Limits,
    column: Int32Array,
    demand_price: IntArray,
    limit_price: IntArray,
) -> Assignment:
    # Prices of returns that make the others prove as much as they can.
    row = graph.edge_rows
    demand_price, limit_price = demand_price.copy(), limit_price.copy()

    def gains() -> IntArray:
        above = limits.price_above(limit_price)
        by_column = demand_price + above[limits.column_group]
        return graph.saving - by_column[graph.columns] - above[limits.row_group[row]]

    # What has no unit, or is shut, costs nothing at any price: it covers all.
    empty = graph.capacity[graph.columns] == 0
    np.maximum.at(
        demand_price,
        graph.columns[empty],
        demand_price[graph.columns[empty]] + gains()[empty],
    )
    shut_by = _nearest(limits, limits.limit == 0)
    for of in (limits.column_group[graph.columns], limits.row_group[row]):
        group = shut_by[of]
        at = np.nonzero(group != NONE)[0]
        lacks = np.zeros(len(limit_price), np.int64)
        np.maximum.at(lacks, group[at], gains()[at])
        limit_price += lacks
    return_price = np.zeros(graph.row_count, np.int64)
    np.maximum.at(return_price, row, gains())
    value = int(taken_savings(graph, column).sum())
    answer = Assignment(
        column, return_price, demand_price, value, limit_price=limit_price
    )
    return replace(answer, gap=dual_value(graph, answer, limits) - value)


def _nested(limits: Limits, which: BoolArray) -> BoolArray:
    # Groups inside one of these; and for -1, none.
    inside = np.zeros(limits.count + 1, np.bool_)
    for group in limits.bottom_up[::-1].tolist():
        above = limits.parent[group]
        inside[group] = above != NONE and (which[above] or inside[above])
    return inside


def _nearest(limits: Limits, which: BoolArray) -> Int32Array:
    # The nearest of each group and those around it that is one of these, or -1.
    count = len(limits.limit)
    own = np.arange(count, dtype=np.int32)
    nearest = np.append(np.where(which, own, NONE), NONE).astype(np.int32)
    for group in limits.bottom_up[::-1].tolist():
        if nearest[group] == NONE:
            nearest[group] = nearest[limits.parent[group]]
    return nearest
