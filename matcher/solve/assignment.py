"""Exact assignment with opt-out, quantities and dual prices."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.domain.errors import InvalidProblemError
from matcher.solve.assignment_kernel import assign_kernel
from matcher.solve.graph import CandidateGraph
from matcher.solve.order_kernel import order_kernel

IntArray = NDArray[np.int64]

# Bundles of components per thread: enough to even out unequal ones.
_BUNDLES_PER_THREAD = 4


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """
    An assignment with the prices that prove it optimal.

    Parameters
    ----------
    column
        ``int32 (n,)``: the demand of each return item, ``-1`` for opting out.
    return_price
        ``int64 (n,)``, micros: what one return item is worth to the total.
    demand_price
        ``int64 (m,)``, micros: what one more unit of a demand would add.
    value
        Total saving, micros; ``sum(return_price) + sum(capacity * demand_price)``.
    """

    column: NDArray[np.int32]
    return_price: IntArray
    demand_price: IntArray
    value: int


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The candidates that may be taken, in the order that the kernel needs."""

    offsets: IntArray
    columns: NDArray[np.int32]
    saving: IntArray
    capacity: NDArray[np.int32]


def assign(graph: CandidateGraph, *, threads: int = 1) -> Assignment:
    """
    Assign return items to demands at the greatest total saving.

    Parameters
    ----------
    graph
        The candidates. Not modified.
    threads
        Threads to spread connected components over, 1 or more.

    Returns
    -------
    Assignment
        Each row on at most one column, each column within its capacity, the total
        the greatest possible; prices that :func:`check_certificate` accepts.

    Raises
    ------
    InvalidProblemError
        If ``threads`` is below 1.

    Notes
    -----
    A candidate is taken only if that raises the total: one that saves nothing never
    is. Between assignments of equal total the choice is a function of the graph
    alone: neither the order of candidates within a row nor ``threads`` matters.
    Rows come in their order, those with a candidate of several units before the
    others and by falling best saving; a later row takes a place from an earlier one
    only if that raises the total; of columns that are equally good for a row when it
    comes, and have a unit left, it takes the lowest. Nothing more is promised about
    ties: rows moved along by later ones end where the search for the cheapest move
    puts them.

    A column of many units is priced by whoever just misses it, so the rows that can
    save most come first there: 20,000 rows at one column of 10,000 units took 2 s in
    their own order and take 5 ms so. Elsewhere the caller's order is kept: rows that
    are neighbours and come one after the other find their columns in the cache, which
    is worth a factor of two.

    Memory ``O(nnz)``. Time as :func:`~.assignment_kernel.assign_kernel` says;
    kernels release the GIL. Safe to call from several threads.
    """
    if threads < 1:
        raise InvalidProblemError(f"threads: got {threads}; accepted: 1 or more")
    prepared = _prepare(graph)
    n, m = graph.row_count, graph.column_count
    arrays = (prepared.offsets, prepared.columns, prepared.saving, prepared.capacity)
    state = (np.zeros(n, np.int64), np.zeros(m, np.int64))
    links = (
        np.full(n, -1, np.int32),
        np.full(m, -1, np.int32),
        np.full(n, -1, np.int32),
        np.full(n, -1, np.int32),
        np.zeros(m, np.int32),
    )
    work = (
        np.zeros(m, np.int64),
        np.full(m, -1, np.int32),
        np.full(m, -1, np.int32),
        np.zeros(n, np.int8),
    )
    bundles = _bundles(prepared, threads)
    if len(bundles) == 1:
        assign_kernel(bundles[0], arrays, state, links, work)
    else:
        # Bundles share no row and no column, so that threads write apart.
        with ThreadPoolExecutor(threads) as pool:
            done = [
                pool.submit(assign_kernel, rows, arrays, state, links, work)
                for rows in bundles
            ]
            for each in done:
                each.result()
    column = links[0]
    value = _value(column, state)
    _price_without_units(graph, state)
    return Assignment(column, state[0], state[1], value)


def warm_up() -> None:
    """Compile the kernels on a graph of two rows that share a column."""
    graph = CandidateGraph(
        np.array([0, 2, 3], np.int64),
        np.array([0, 1, 0], np.int32),
        np.array([3, 2, 3], np.int64),
        np.array([1, 1], np.int32),
    )
    assign(graph)


def _prepare(graph: CandidateGraph) -> _Prepared:
    # Only what could be taken, best first; equal savings by column, so that the
    # order in which the caller lists a row's candidates has no influence.
    offsets = np.empty(graph.row_count + 1, np.int64)
    columns, saving = np.empty_like(graph.columns), np.empty_like(graph.saving)
    order_kernel(
        (graph.row_offsets, graph.columns, graph.saving, graph.capacity),
        offsets,
        columns,
        saving,
    )
    count = offsets[-1]
    return _Prepared(offsets, columns[:count], saving[:count], graph.capacity)


def _bundles(prepared: _Prepared, threads: int) -> list[IntArray]:
    n, m = len(prepared.offsets) - 1, len(prepared.capacity)
    degree = np.diff(prepared.offsets)
    rows = _in_order(prepared, np.nonzero(degree)[0])
    if threads == 1 or len(rows) < 2:
        return [rows]
    # One square graph over rows and columns; the columns' own rows are empty.
    offsets = np.concatenate((prepared.offsets, np.full(m, prepared.offsets[-1])))
    square = csr_array(
        (
            np.ones(len(prepared.columns), np.int8),
            prepared.columns.astype(np.int64) + n,
            offsets,
        ),
        shape=(n + m, n + m),
    )
    count, label = connected_components(square, directed=False)
    weight = np.zeros(count, np.int64)
    np.add.at(weight, label[rows], degree[rows])
    bundle = _spread(weight, _BUNDLES_PER_THREAD * threads)
    of_row = bundle[label[rows]]
    return [rows[of_row == each] for each in np.unique(of_row)]


def _in_order(prepared: _Prepared, rows: IntArray) -> IntArray:
    # Decided row by row, so that no component has a say in another's order.
    has_several = prepared.capacity[prepared.columns] > 1
    if not has_several.any():
        return rows
    starts = prepared.offsets[rows]
    of_several = np.logical_or.reduceat(has_several, starts)
    # The first candidate of a row is its best.
    best = prepared.saving[starts[of_several]]
    several = rows[of_several][np.argsort(-best, kind="stable")]
    return np.concatenate((several, rows[~of_several]))


def _spread(weight: IntArray, count: int) -> IntArray:
    # Components in their order, cut into bundles of about equal weight. No answer
    # depends on the cut: rows of different components never meet in the kernel, and
    # its queue keeps those of one component in the same order under any cut.
    starts = np.cumsum(weight) - weight
    return starts * count // max(int(weight.sum()), 1)


def _price_without_units(graph: CandidateGraph, state: Sequence[IntArray]) -> None:
    # A demand without a unit costs nothing at any price; the price has to cover
    # what its candidates would save, for the certificate holds on every edge.
    at = np.nonzero(graph.capacity[graph.columns] == 0)[0]
    if len(at):
        u, v = state
        missing = graph.saving[at] - u[graph.edge_rows[at]]
        np.maximum.at(v, graph.columns[at], missing)


def dual_value(graph: CandidateGraph, assignment: Assignment) -> int:
    """Return what the prices sum to, micros: the value, if the certificate holds."""
    priced = np.nonzero((assignment.demand_price > 0) & (graph.capacity > 0))[0]
    units = graph.capacity[priced].astype(object)
    return int(assignment.return_price.sum()) + int(
        (units * assignment.demand_price[priced].astype(object)).sum()
    )


def _value(column: NDArray[np.int32], state: Sequence[IntArray]) -> int:
    # A taken candidate is tight: its saving is the sum of its two prices.
    matched = np.nonzero(column >= 0)[0]
    u, v = state
    return int((u[matched] + v[column[matched]]).sum())
