"""Assignment against OR-Tools' minimum-cost flow, on the same candidate graph."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from ortools.graph.python import min_cost_flow
from scipy.spatial import KDTree

from benchmarks.timing import Comparison, compare
from matcher.solve import CandidateGraph, assign, check_certificate

_DEGREE = 20
_SIDE_KM = 1_000.0
_PER_KM_MICROS = 1_000_000

#: Keys, and what the ordinary way costs: in trips to the twentieth nearest buyer.
FAMILIES = (
    (300, "uniform", (1.0, 1.0)),
    (300, "varying", (0.5, 1.5)),
    (1, "uniform", (1.0, 1.0)),
    (1, "varying", (0.5, 1.5)),
    (1, "very dear", (20.0, 20.0)),
)


def assignments(count: int, repetitions: int) -> Iterator[Comparison]:
    """
    Compare on as many returns as demands, spread evenly over a square, in no order.

    With one key all are one component. Where the ordinary way is very dear everybody
    wants a match, and the last ones are had by long chains of moves: the hard case.
    """
    for keys, fallback, trips in FAMILIES:
        graph = _graph(count, keys, trips)
        check_certificate(graph, assign(graph))
        yield compare(
            f"assignment, {keys} key{'s' * (keys > 1)}, fallback {fallback}",
            "OR-Tools SimpleMinCostFlow",
            f"{count:,} x {count:,}, {len(graph.columns):,} candidates",
            partial(_value, graph),
            partial(_flow, graph),
            repetitions,
        )


def _graph(count: int, keys: int, trips: tuple[float, float]) -> CandidateGraph:
    rng = np.random.default_rng(count + keys)
    rows = rng.uniform(0, _SIDE_KM, (count, 2))
    columns = rng.uniform(0, _SIDE_KM, (count, 2))
    # A third coordinate keeps the keys apart.
    far = 10 * _SIDE_KM * np.sqrt(keys)
    of_row, of_column = rng.integers(0, keys, (2, count))
    tree = KDTree(np.column_stack((columns, far * of_column)))
    distance, nearest = tree.query(np.column_stack((rows, far * of_row)), _DEGREE)
    fallback = np.median(distance[:, -1]) * rng.uniform(*trips, (count, 1))
    saving = ((fallback - distance) * _PER_KM_MICROS).astype(np.int64)
    kept = (saving > 0) & (distance < _SIDE_KM)
    return CandidateGraph(
        np.append(0, np.cumsum(kept.sum(axis=1))),
        nearest[kept].astype(np.int32),
        saving[kept],
        np.ones(count, np.int32),
    )


def _value(graph: CandidateGraph) -> int:
    return assign(graph).value


def _flow(graph: CandidateGraph) -> int:
    n, m = graph.row_count, graph.column_count
    sink = n + m
    flow = min_cost_flow.SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate((graph.edge_rows, np.arange(n), np.arange(n, sink))),
        np.concatenate((graph.columns + n, np.full(n + m, sink))),
        np.concatenate((np.ones(len(graph.columns) + n), graph.capacity)).astype(int),
        np.concatenate((-graph.saving, np.zeros(n + m, np.int64))),
    )
    flow.set_nodes_supplies(
        np.arange(sink + 1), np.append(np.repeat([1, 0], [n, m]), -n)
    )
    status = flow.solve()
    assert status == flow.OPTIMAL, status
    return -int(flow.optimal_cost())
