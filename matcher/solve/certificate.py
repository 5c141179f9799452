"""An independent check that an assignment is optimal: plain NumPy, no solver."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import CertificateError
from matcher.solve.assignment import Assignment
from matcher.solve.graph import CandidateGraph


def check_certificate(graph: CandidateGraph, assignment: Assignment) -> None:
    """
    Check feasibility, dual feasibility, and that both totals are one number.

    Parameters
    ----------
    graph
        The problem.
    assignment
        What is claimed to be its optimum. Nothing about it is taken on trust.

    Raises
    ------
    CertificateError
        On the first violation, naming row, column and numbers.

    Notes
    -----
    By weak duality no assignment saves more than the prices sum to, so equality in
    integers proves the optimum. ``O(nnz + n + m)``; sums in Python's integers.
    """
    _check_lengths(graph, assignment)
    saving = _taken_savings(graph, assignment)
    _check_capacity(graph, assignment)
    _check_prices(graph, assignment)
    primal = _exact_sum(saving)
    dual = _exact_sum(assignment.return_price) + _exact_sum(
        graph.capacity.astype(object) * assignment.demand_price.astype(object)
    )
    if not primal == dual == assignment.value:
        raise CertificateError(
            f"totals differ: matches save {primal}, prices sum to {dual}, "
            f"claimed is {assignment.value}"
        )


def _check_lengths(graph: CandidateGraph, assignment: Assignment) -> None:
    for name, count in (
        ("column", graph.row_count),
        ("return_price", graph.row_count),
        ("demand_price", graph.column_count),
    ):
        array = getattr(assignment, name)
        if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
            raise CertificateError(
                f"{name}: got {array.dtype} {array.shape}; accepted: integers ({count},)"
            )
    outside = np.nonzero(
        (assignment.column < -1) | (assignment.column >= graph.column_count)
    )[0]
    if len(outside):
        row = int(outside[0])
        raise CertificateError(
            f"row {row} is on column {assignment.column[row]}; "
            f"accepted: -1 to {graph.column_count - 1}"
        )


def _taken_savings(
    graph: CandidateGraph, assignment: Assignment
) -> NDArray[np.int64]:
    # Best saving among the row's candidates on its column: a pair may come twice.
    row = graph.edge_rows
    taken = np.nonzero(graph.columns == assignment.column[row])[0]
    best = np.full(graph.row_count, np.iinfo(np.int64).min)
    np.maximum.at(best, row[taken], graph.saving[taken])
    matched = assignment.column >= 0
    unknown = np.nonzero(matched & (best == np.iinfo(np.int64).min))[0]
    if len(unknown):
        at = int(unknown[0])
        raise CertificateError(
            f"row {at} is on column {assignment.column[at]}, which is no candidate"
        )
    return best[matched]


def _check_capacity(graph: CandidateGraph, assignment: Assignment) -> None:
    on = assignment.column[assignment.column >= 0]
    used = np.bincount(on, minlength=graph.column_count)
    over = np.nonzero(used > graph.capacity)[0]
    if len(over):
        column = int(over[0])
        raise CertificateError(
            f"column {column} has {used[column]} rows; "
            f"accepted: {graph.capacity[column]} or fewer"
        )


def _check_prices(graph: CandidateGraph, assignment: Assignment) -> None:
    for name in ("return_price", "demand_price"):
        price = getattr(assignment, name)
        negative = np.nonzero(price < 0)[0]
        if len(negative):
            at = int(negative[0])
            raise CertificateError(f"{name}[{at}]: got {price[at]}; accepted: 0 or more")
    row = graph.edge_rows
    # Savings reach down to -2**60 and prices up to 2**63: subtract, never add.
    left = graph.saving - np.minimum(assignment.return_price[row], 1 << 62)
    short = np.nonzero(left > assignment.demand_price[graph.columns])[0]
    if len(short):
        at = int(short[0])
        i, j = int(row[at]), int(graph.columns[at])
        raise CertificateError(
            f"row {i} and column {j} would save {graph.saving[at]}, more than their "
            f"prices {assignment.return_price[i]} and {assignment.demand_price[j]}"
        )


def _exact_sum(values: NDArray[np.integer]) -> int:
    return int(sum(values.tolist()))
