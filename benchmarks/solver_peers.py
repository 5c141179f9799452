"""Other solvers of the assignment problem with opt-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from benchmarks.measurement import RefusedError, has_module
from matcher.solve import CandidateGraph, Limits

IntArray = NDArray[np.int64]
Run = Callable[[], int]


@dataclass(frozen=True, slots=True)
class SolverPeer:
    """
    A solver to compare with.

    Parameters
    ----------
    name
        For tables.
    module
        What has to be installed.
    prepare
        Makes the solver's own form of a graph; what it returns is timed.
    candidates_max
        Graphs beyond this are not given to it: it would take minutes.
    takes_units
        Whether demands may have several units.
    takes_limits
        Whether groups of demands may have limits.
    is_dense
        Whether its memory grows with rows times columns.
    is_float
        Whether it rounds savings, so that its optimum may be another in the last of
        nine digits.
    """

    name: str
    module: str
    prepare: Callable[[CandidateGraph, Limits | None], Run]
    candidates_max: int
    takes_units: bool = False
    takes_limits: bool = False
    is_dense: bool = False
    is_float: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether it can be imported; done here, it is not timed."""
        return has_module(self.module)

    def why_not(
        self, graph: CandidateGraph, limits: Limits | None = None
    ) -> str | None:
        """Return why this graph is not for it, or nothing."""
        if len(graph.columns) > self.candidates_max:
            return f"more than {self.candidates_max:,} candidates"
        if not self.takes_units and (graph.capacity > 1).any():
            return "demands of several units"
        if not self.takes_limits and limits is not None:
            return "limits of groups"
        cells = graph.row_count * graph.column_count
        if self.is_dense and cells > max(
            _CELLS, _CELLS_PER_CANDIDATE * len(graph.columns)
        ):
            return "few of all pairs are candidates"
        return None


# Dense solvers look at all pairs: they are spared graphs where most are none.
_CELLS = 250_000
_CELLS_PER_CANDIDATE = 4


def _flow(graph: CandidateGraph, limits: Limits | None = None) -> Run:
    from ortools.graph.python import min_cost_flow  # noqa: PLC0415 - optional

    flow = min_cost_flow.SimpleMinCostFlow()
    tail, head, capacity, cost, supply = _network(graph, limits)
    flow.add_arcs_with_capacity_and_unit_cost(tail, head, capacity, cost)
    flow.set_nodes_supplies(np.arange(len(supply)), supply)

    def run() -> int:
        status = flow.solve()
        assert status == flow.OPTIMAL, status
        return -int(flow.optimal_cost())

    return run


def _lemon(graph: CandidateGraph, limits: Limits | None = None) -> Run:
    import pylmcf  # noqa: PLC0415 - optional

    tail, head, capacity, cost, supply = _network(graph, limits)
    # It takes no negative costs: each row pays the same whichever way it goes.
    n, shift = graph.row_count, int(graph.saving.max(initial=0))
    cost[tail < n] += shift
    order = np.lexsort((head, tail))
    network = pylmcf.Graph(len(supply), edge_starts=tail[order], edge_ends=head[order])
    network.set_node_supply(supply)
    network.set_edge_costs(cost[order])
    network.set_edge_capacities(capacity[order])

    def run() -> int:
        network.solve()
        return n * shift - int(network.total_cost())

    return run


def _network(graph: CandidateGraph, limits: Limits | None) -> tuple[IntArray, ...]:
    # Rows to columns to their groups to a sink, and rows straight to the sink.
    limits = limits or Limits.none(graph)
    assert (limits.row_group < 0).all(), "groups of demands only"
    n, m, count = graph.row_count, graph.column_count, limits.count
    sink = n + m + count
    to = np.append(np.arange(n + m, sink), sink)
    tail = np.concatenate((graph.edge_rows, np.arange(n), np.arange(n, sink)))
    head = np.concatenate(
        (
            *(n + graph.columns, np.full(n, sink)),
            *(to[limits.column_group], to[limits.parent]),
        )
    )
    units = np.concatenate(
        (np.ones(len(graph.columns) + n), graph.capacity, limits.limit)
    )
    cost = np.concatenate((-graph.saving, np.zeros(sink, np.int64)))
    supply = np.append(np.repeat([1, 0], [n, m + count]), -n)
    return tail, head.astype(np.int64), units.astype(np.int64), cost, supply


def _doubled(graph: CandidateGraph) -> tuple[IntArray, IntArray, IntArray]:
    # A square problem whose full matchings are the assignments: a row may go to a
    # column of its own, and columns have a row of their own, both for nothing.
    # Rows, columns and savings; entry k of the last block belongs to pair k.
    n, m = graph.row_count, graph.column_count
    row = np.concatenate(
        (graph.edge_rows, np.arange(n), n + np.arange(m), n + graph.columns)
    )
    column = np.concatenate(
        (graph.columns, m + np.arange(n), np.arange(m), m + graph.edge_rows)
    )
    saving = np.concatenate(
        (graph.saving, np.zeros(n + m + len(graph.columns), np.int64))
    )
    return row.astype(np.int64), column.astype(np.int64), saving


def _linear_sum(graph: CandidateGraph, _: Limits | None = None) -> Run:
    from ortools.graph.python import linear_sum_assignment as lsa  # noqa: PLC0415

    row, column, saving = _doubled(graph)
    solver = lsa.SimpleLinearSumAssignment()
    solver.add_arcs_with_cost(row, column, -saving)

    def run() -> int:
        status = solver.solve()
        if status == solver.POSSIBLE_OVERFLOW:
            raise RefusedError("prices may pass 64 bits")
        assert status == solver.OPTIMAL, status
        return -int(solver.optimal_cost())

    return run


def _lapmod(graph: CandidateGraph, _: Limits | None = None) -> Run:
    import lap  # noqa: PLC0415 - optional

    table = _square(graph)
    # It takes a million for infinity.
    costs = table.data * (500_000 / _top(graph))
    starts, columns = table.indptr.astype(np.int32), table.indices.astype(np.int32)

    def run() -> int:
        side = table.shape[0]
        found, _ = lap.lapmod(side, costs, starts, columns, return_cost=False)
        return int(side * _top(graph)) - int(table[np.arange(side), found].sum())

    return run


def _scipy_sparse(graph: CandidateGraph, _: Limits | None = None) -> Run:
    table = _square(graph)

    def run() -> int:
        rows, columns = min_weight_full_bipartite_matching(table)
        return len(rows) * _top(graph) - int(table[rows, columns].sum())

    return run


def _top(graph: CandidateGraph) -> int:
    # Costs above zero: SciPy takes zeros for pairs that are none.
    return int(graph.saving.max(initial=0)) + 1


def _square(graph: CandidateGraph) -> csr_array:
    row, column, saving = _doubled(graph)
    side = graph.row_count + graph.column_count
    order = np.lexsort((column, row))
    # Pairs that are listed twice would be added up: the better one counts.
    row, column, saving = row[order], column[order], saving[order]
    code = row * side + column
    first = np.append(0, np.nonzero(np.diff(code))[0] + 1)
    best = np.maximum.reduceat(saving, first)
    cost = _top(graph) - best
    return csr_array((cost, (row[first], column[first])), shape=(side, side))


def _table(graph: CandidateGraph) -> IntArray:
    table = np.zeros((graph.row_count, graph.column_count), np.int64)
    np.maximum.at(table, (graph.edge_rows, graph.columns), graph.saving)
    return table


def _scipy_dense(graph: CandidateGraph, _: Limits | None = None) -> Run:
    table = _table(graph)

    def run() -> int:
        rows, columns = linear_sum_assignment(table, maximize=True)
        return int(table[rows, columns].sum())

    return run


def _lapjv(graph: CandidateGraph, _: Limits | None = None) -> Run:
    import lap  # noqa: PLC0415 - optional

    table = _table(graph)
    # It takes a million for infinity.
    top = int(table.max(initial=1))
    cost = (top - table) * (500_000 / top)

    def run() -> int:
        _, column, _ = lap.lapjv(cost, extend_cost=True)
        on = np.nonzero(column >= 0)[0]
        return int(table[on, column[on]].sum())

    return run


def _highs(graph: CandidateGraph, _: Limits | None = None) -> Run:
    count = len(graph.columns)
    edge = np.arange(count)
    limits = csr_array(
        (
            np.ones(2 * count),
            (
                np.concatenate((graph.edge_rows, graph.row_count + graph.columns)),
                np.concatenate((edge, edge)),
            ),
        ),
        shape=(graph.row_count + graph.column_count, count),
    )
    bound = np.concatenate((np.ones(graph.row_count), graph.capacity))

    def run() -> int:
        found = linprog(-graph.saving, limits, bound, bounds=(0, 1), method="highs")
        assert found.status == 0, found.message
        return round(float(-found.fun))

    return run


#: All peers.
SOLVER_PEERS: tuple[SolverPeer, ...] = (
    SolverPeer(
        "OR-Tools SimpleMinCostFlow",
        "ortools",
        _flow,
        10**9,
        takes_units=True,
        takes_limits=True,
    ),
    SolverPeer(
        "LEMON network simplex",
        "pylmcf",
        _lemon,
        10**9,
        takes_units=True,
        takes_limits=True,
    ),
    SolverPeer("OR-Tools LinearSumAssignment", "ortools", _linear_sum, 150_000),
    SolverPeer("lap lapmod", "lap", _lapmod, 150_000, is_float=True),
    SolverPeer("SciPy sparse matching", "scipy", _scipy_sparse, 150_000),
    SolverPeer("SciPy dense", "scipy", _scipy_dense, 25_000_000, is_dense=True),
    SolverPeer("lap lapjv", "lap", _lapjv, 25_000_000, is_dense=True, is_float=True),
    SolverPeer("HiGHS", "scipy", _highs, 50_000, takes_units=True, is_float=True),
)
