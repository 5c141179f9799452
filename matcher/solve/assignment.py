"""An assignment with the prices that prove it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matcher.solve.graph import CandidateGraph
from matcher.solve.limits import Limits

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """
    An assignment with the prices that prove it optimal.

    Parameters
    ----------
    column
        ``int32 (n,)``: the demand of each return item, ``-1`` for opting out.
    return_price
        ``int64 (n,)``, micros: what the total would lose without a return item.
    demand_price
        ``int64 (m,)``, micros: what one more unit of a demand would add to it.
    value
        Total saving, micros.
    gap
        By how much the optimum may exceed it at most, micros: ``sum(return_price) +
        sum(capacity * demand_price) - value``. 0 proves that this is the optimum;
        anything else is the answer of a solve that was stopped. With limits their
        prices count too, each times its limit.
    limit_price
        ``int64 (g,)``, micros: no less than what one more match in a group would add,
        no more than what one less would lose; exactly the former for a group of
        demands inside no other. Empty without :class:`~.limits.Limits`.
    """

    column: NDArray[np.int32]
    return_price: IntArray
    demand_price: IntArray
    value: int
    gap: int = 0
    limit_price: IntArray = field(default_factory=lambda: np.empty(0, np.int64))


def dual_value(
    graph: CandidateGraph, assignment: Assignment, limits: Limits | None = None
) -> int:
    """Return what the prices sum to, micros: value and gap, if the proof holds."""
    total = int(assignment.return_price.sum())
    total += _exact_product(graph.capacity, assignment.demand_price)
    if limits is not None:
        total += _exact_product(limits.limit, assignment.limit_price)
    return total


def taken_savings(graph: CandidateGraph, column: NDArray[np.int32]) -> IntArray:
    """Return what each row saves on its column, the better of repeats; else 0."""
    row = graph.edge_rows
    taken = np.nonzero(graph.columns == column[row])[0]
    best = np.zeros(graph.row_count, np.int64)
    np.maximum.at(best, row[taken], graph.saving[taken])
    return best


def _exact_product(units: NDArray[np.integer], price: IntArray) -> int:
    priced = np.nonzero((price > 0) & (units > 0))[0]
    return int((units[priced].astype(object) * price[priced].astype(object)).sum())
