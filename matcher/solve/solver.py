"""Exact assignment with opt-out, quantities and dual prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.parallel import by_ranges
from matcher.solve.assignment import Assignment, dual_value, taken_savings
from matcher.solve.assignment_kernel import (
    assign_kernel,
    fill_kernel,
    link_kernel,
    sort_rows_kernel,
)
from matcher.solve.forest_kernel import forest_kernel
from matcher.solve.graph import SAVING_MAX, CandidateGraph
from matcher.solve.live_state import LiveState
from matcher.solve.parts import Leaf, split
from matcher.solve.peel_kernel import peel_kernel, tight_kernel
from matcher.solve.prepared import Prepared, inverse, prepare, renumber
from matcher.solve.price_kernel import ground_kernel, price_kernel
from matcher.solve.stop import Stop
from matcher.solve.tie_kernel import tie_kernel

IntArray = NDArray[np.int64]

# Columns that the search of one row may touch before it is left to the forest; more
# where rows are long, for the forest looks at columns as long besides.
_TOUCHED_MAX = 256
_TOUCHED_PER_CANDIDATE = 2

T = TypeVar("T")


def assign(
    graph: CandidateGraph,
    *,
    threads: int = 1,
    stop: Stop | None = None,
    start_price: IntArray | None = None,
) -> Assignment:
    """
    Assign return items to demands at the greatest total saving.

    Parameters
    ----------
    graph
        The candidates. Not modified.
    threads
        Threads to work on, 1 or more; no influence on the answer.
    stop
        Ends the work early when it is requested, from another thread.
    start_price
        ``int64 (m,)``, micros, 0 or more: prices of demands to begin with, such as
        those of a market that was much the same; no influence on the answer. The
        nearer they are, the less there is to search.

    Returns
    -------
    Assignment
        Each row on at most one column, each column within its capacity, the total
        the greatest possible; prices that :func:`check_certificate` accepts.

    Raises
    ------
    InvalidProblemError
        If ``threads`` is below 1, or ``start_price`` does not fit.

    Notes
    -----
    A candidate that saves nothing is never taken. Of the assignments of the greatest
    total the answer is the first: row 0 is on the lowest column that any of them
    gives it, and without one only if none does; row 1 likewise, given that; and so
    on. Of the prices that prove it, those of demands are the lowest and those of
    returns the highest. So the answer is a function of the graph alone, bit for bit:
    neither ``threads``, nor the order of candidates within a row, nor how the solver
    works shows in it.

    If ``stop`` is requested in time, the answer is what was found by then, what is
    left being filled in the order of rows, and its gap says how good it is at least:
    rows that have no place yet are held to gain all that prices allow them. Such an
    answer depends on when that was.

    Rows are assigned one by one along shortest augmenting paths, ranges of columns in
    parallel; those that would search for long are assigned together in the end
    (:mod:`~.forest_kernel`). A column of many units is priced by whoever just misses
    it, so the rows that can save most come first there: 20,000 rows at one column of
    10,000 units took 2 s in their own order and take 5 ms so.

    Time ``O(n (e + m log m))`` at worst for ``e`` candidates. What to expect: ``O(e)``
    where components are small, and ``O((e + m log m) log n)`` where all is contested.
    Memory ``O(e)``. Kernels release the GIL. Safe to call from several threads.
    """
    if threads < 1:
        raise InvalidProblemError(f"threads: got {threads}; accepted: 1 or more")
    prepared = prepare(graph, threads)
    stop = stop or Stop()
    solver = _Solver(prepared, threads, stop)
    if start_price is not None:
        solver.begin_at(_prices(graph, start_price))
    solver.run()
    if stop.is_requested:
        solver.fill()
        hasty = _answer(graph, prepared, solver)
        value = int(taken_savings(graph, hasty.column).sum())
        gap = dual_value(graph, hasty) - value
        if gap:
            return replace(hasty, value=value, gap=gap)
    solver.take_up_slack()
    solver.settle()
    return _answer(graph, prepared, solver)


def settled(
    graph: CandidateGraph, optimum: Assignment, *, threads: int = 1
) -> Assignment:
    """
    Return the answer to a graph of which an optimum is known.

    Parameters
    ----------
    graph
        The candidates. Not modified.
    optimum
        Any of the optima, with any prices that prove it; ``value`` does not count.
    threads
        Threads to copy with; no influence on the answer.

    Returns
    -------
    Assignment
        Bit for bit what :func:`assign` answers.
    """
    prepared = prepare(graph, threads)
    solver = _Solver(prepared, threads, Stop())
    solver.begin_with(optimum)
    solver.settle()
    return _answer(graph, prepared, solver)


def warm_up() -> None:
    """Compile the kernels on a graph of two rows that share a column."""
    graph = CandidateGraph(
        np.array([0, 2, 3], np.int64),
        np.array([0, 1, 0], np.int32),
        np.array([3, 2, 3], np.int64),
        np.array([1, 1], np.int32),
    )
    renumber(graph, few=0)
    prepared = prepare(graph, 1)
    solver = _Solver(prepared, 1, Stop())
    rows = np.arange(2)
    solver.one_by_one(rows[:0])
    solver.together(rows, rows)
    solver.settle()
    solver.fill()


class _Solver:
    """Prices and links while they are being worked out, in the prepared order."""

    def __init__(self, prepared: Prepared, threads: int, stop: Stop) -> None:
        n, m = len(prepared.offsets) - 1, len(prepared.capacity)
        self._prepared = prepared
        self._threads = threads
        self._parts = split(prepared, threads)
        self._graph = (
            prepared.offsets,
            prepared.columns,
            prepared.saving,
            prepared.capacity,
        )
        self.state = (np.zeros(n, np.int64), np.zeros(m, np.int64))
        self.links = (
            np.full(n, -1, np.int32),
            np.full(m, -1, np.int32),
            np.full(n, -1, np.int32),
            np.full(n, -1, np.int32),
            np.zeros(m, np.int32),
        )
        self._work = (
            np.zeros(m, np.int64),
            np.full(m, -1, np.int32),
            np.full(m, -1, np.int32),
            np.zeros(n, np.int8),
            np.zeros(n, np.bool_),
        )
        self._stop = stop.flag
        mean_degree = len(prepared.columns) // max(1, n)
        self._touched_max = max(_TOUCHED_MAX, _TOUCHED_PER_CANDIDATE * mean_degree)

    def begin_at(self, demand_price: IntArray) -> None:
        """Take over prices of the caller's demands."""
        self.state[1][self._prepared.number] = demand_price

    def begin_with(self, optimum: Assignment) -> None:
        """Take over an optimum of the caller's graph."""
        prepared = self._prepared
        column = optimum.column[prepared.row_order]
        matched = np.nonzero(column >= 0)[0]
        self.links[0][matched] = prepared.number[column[matched]]
        self.state[0][:] = optimum.return_price[prepared.row_order]
        self.state[1][prepared.number] = optimum.demand_price
        link_kernel(self.links)

    def run(self) -> None:
        """Assign all rows."""
        parts = self._parts
        # Leaves share no column, so that threads write apart.
        late = self._by_leaves(lambda leaf: self.one_by_one(leaf.rows))
        if len(parts.border):
            late.append(self.one_by_one(parts.border))
        self.together(np.concatenate(late), parts.rows)

    def one_by_one(self, rows: IntArray) -> IntArray:
        """Assign rows one by one; return those that need a long search."""
        late = np.empty(len(rows), np.int64)
        count = assign_kernel(
            _in_order(self._prepared, rows),
            self._graph,
            self.state,
            self.links,
            self._work,
            self._touched_max,
            late,
            self._stop,
        )
        return late[:count]

    def together(self, late: IntArray, rows: IntArray) -> None:
        """Assign the late ones of the rows together."""
        if len(late):
            sort_rows_kernel(rows, self._graph, self._work[4])
            forest_kernel(late, rows, self._graph, self.state, self.links, self._stop)

    def take_up_slack(self) -> None:
        """Lower prices of columns with a unit left, which only a start can have."""
        (_, v), (column, _, _, _, used) = self.state, self.links
        offsets, columns, saving, capacity = self._graph
        if not (v[used < capacity] > 0).any():
            return
        graph = CandidateGraph(offsets, columns, saving, capacity)
        state = LiveState(graph, column, v)
        self.state = (state.return_price, state.demand_price)
        for array in self.links:
            array[:] = -1
        self.links[4][:] = 0
        self.links[0][:] = state.column_of
        link_kernel(self.links)

    def settle(self) -> None:
        """Turn the optimum into the one that no solver's way of working shows in."""
        self._lower_prices()
        prepared, state, links = self._prepared, self.state, self.links
        tight = self._tight_pairs()
        by_column, part = peel_kernel(tight, prepared.capacity, state, links)
        tie_kernel(
            prepared.capacity,
            state,
            links,
            (tight, by_column, part),
            inverse(prepared.row_order),
            inverse(prepared.number),
        )

    def _lower_prices(self) -> None:
        (_, v), parts = self.state, self._parts
        problem = (self._graph, self.state, self.links, self._work[4], v.copy())

        def ground(rows: IntArray) -> NDArray[np.int32]:
            found: NDArray[np.int32] = ground_kernel(rows, *problem)
            return found

        def lower(leaf: Leaf, ready: NDArray[np.int32]) -> None:
            price_kernel((leaf.rows, leaf.first, leaf.stop), ready, *problem)

        if not len(parts.border):
            self._by_leaves(lambda leaf: lower(leaf, ground(leaf.rows)))
            return
        ready = self._by_leaves(lambda leaf: ground(leaf.rows))
        lower(parts.whole, np.concatenate((*ready, ground(parts.border))))

    def _tight_pairs(self) -> tuple[IntArray, NDArray[np.int32]]:
        counts = np.zeros(len(self.state[0]), np.int64)
        found = by_ranges(
            len(counts),
            self._threads,
            lambda start, stop: tight_kernel(
                start, stop, self._graph, self.state, self._work[4], counts
            ),
        )
        return np.append(0, np.cumsum(counts)), np.concatenate(found)

    def _by_leaves(self, work: Callable[[Leaf], T]) -> list[T]:
        leaves = self._parts.leaves
        if len(leaves) == 1:
            return [work(leaves[0])]
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(work, leaves))

    def fill(self) -> None:
        """Make a whole answer of a solve that was stopped."""
        fill_kernel(self._graph, self.state, self.links)


def _in_order(prepared: Prepared, rows: IntArray) -> IntArray:
    # Rows with a candidate of several units first, by falling best saving.
    if not len(rows) or prepared.capacity.max() <= 1:
        return rows
    has_several = prepared.capacity[prepared.columns] > 1
    filled = np.nonzero(np.diff(prepared.offsets))[0]
    starts = prepared.offsets[filled]
    by_row = np.zeros(len(prepared.offsets) - 1, np.bool_)
    by_row[filled] = np.logical_or.reduceat(has_several, starts)
    of_several = by_row[rows]
    best_by_row = np.zeros(len(by_row), np.int64)
    best_by_row[filled] = np.maximum.reduceat(prepared.saving, starts)
    best = best_by_row[rows[of_several]]
    several = rows[of_several][np.argsort(-best, kind="stable")]
    return np.concatenate((several, rows[~of_several]))


def _answer(graph: CandidateGraph, prepared: Prepared, solver: _Solver) -> Assignment:
    # Back to the caller's rows and columns.
    (u, v), on = solver.state, solver.links[0]
    column = np.full_like(on, -1)
    matched = np.nonzero(on >= 0)[0]
    column[prepared.row_order[matched]] = inverse(prepared.number)[on[matched]]
    state = (np.empty_like(u), v[prepared.number])
    state[0][prepared.row_order] = u
    value = _value(column, state)
    _price_without_units(graph, state)
    return Assignment(column, state[0], state[1], value)


def _price_without_units(graph: CandidateGraph, state: Sequence[IntArray]) -> None:
    # A demand without a unit costs nothing at any price; the price has to cover
    # what its candidates would save, for the certificate holds on every edge.
    if graph.capacity.all():
        return
    u, v = state
    at = np.nonzero(graph.capacity[graph.columns] == 0)[0]
    missing = graph.saving[at] - u[graph.edge_rows[at]]
    np.maximum.at(v, graph.columns[at], missing)


def _prices(graph: CandidateGraph, start_price: IntArray) -> IntArray:
    if start_price.shape != (graph.column_count,):
        raise InvalidProblemError(
            f"start_price: got shape {start_price.shape}; "
            f"accepted: ({graph.column_count},)"
        )
    outside = np.nonzero((start_price < 0) | (start_price > SAVING_MAX))[0]
    if len(outside):
        at = int(outside[0])
        raise InvalidProblemError(
            f"start_price[{at}]: got {start_price[at]}; accepted: 0 to {SAVING_MAX}"
        )
    return start_price


def _value(column: NDArray[np.int32], state: Sequence[IntArray]) -> int:
    # A taken candidate is tight: its saving is the sum of its two prices.
    matched = np.nonzero(column >= 0)[0]
    u, v = state
    return int((u[matched] + v[column[matched]]).sum())
