"""Which warehouse each unmatched item goes to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.routing.routing_kernel import NOWHERE, route_kernel

#: Largest cost of one item at one warehouse, in micros.
COST_MAX = 1 << 58


@dataclass(frozen=True, slots=True, eq=False)
class RoutingProblem:
    """
    Items (``n`` rows) and warehouses (``w`` columns).

    Parameters
    ----------
    cost_micros
        ``int64 (n, w)``: trip and processing, 0 to ``2**58``.
    accepted
        ``bool (n, w)``: whether the warehouse takes the item's category.
    capacity
        ``int64 (w,)``: units that it still takes, 0 or more.

    Raises
    ------
    InvalidProblemError
        If shapes or ranges do not fit.
    """

    cost_micros: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    capacity: NDArray[np.int64]

    def __post_init__(self) -> None:
        cost, accepted, capacity = self.cost_micros, self.accepted, self.capacity
        if cost.ndim != 2 or cost.shape != accepted.shape:
            raise InvalidProblemError(
                f"accepted: got shape {accepted.shape}; "
                f"accepted: that of cost_micros, {cost.shape}"
            )
        if capacity.shape != cost.shape[1:]:
            raise InvalidProblemError(
                f"capacity: got shape {capacity.shape}; accepted: {cost.shape[1:]}"
            )
        for name, values, high in (
            ("cost_micros", cost, COST_MAX),
            ("capacity", capacity, np.iinfo(np.int64).max),
        ):
            if values.size and not 0 <= int(values.min()) <= int(values.max()) <= high:
                raise InvalidProblemError(
                    f"{name}: got values from {values.min()} to {values.max()}; "
                    f"accepted: 0 to {high}"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Routing:
    """
    A warehouse for each item.

    Parameters
    ----------
    warehouse
        ``int32 (n,)``; ``-1`` exactly where no warehouse accepts the item.
    over_capacity
        ``bool (n,)``: the warehouse was full and takes the item all the same.
    cost_micros
        ``int64 (n,)``, 0 where there is no warehouse.
    """

    warehouse: NDArray[np.int32]
    over_capacity: NDArray[np.bool_]
    cost_micros: NDArray[np.int64]


def route(problem: RoutingProblem) -> Routing:
    """
    Route items at the least total cost within the capacities.

    Parameters
    ----------
    problem
        Costs and capacities. Not modified.

    Returns
    -------
    Routing
        As many items as possible are within capacity; among all ways to do that,
        the total cost is the least, where an item that does not fit goes to its
        cheapest warehouse and is flagged.

    Notes
    -----
    Ties: lowest warehouse; of the items in a warehouse that is over capacity, the
    latest rows are flagged. Deterministic. Where every item fits in its cheapest
    warehouse, ``O(n w)``; else as :func:`~.routing_kernel.route_kernel` says.
    """
    cost, accepted = problem.cost_micros, problem.accepted
    count, width = cost.shape
    if not count or not width:
        return Routing(
            np.full(count, NOWHERE, np.int32),
            np.zeros(count, np.bool_),
            np.zeros(count, np.int64),
        )
    masked = np.where(accepted, cost, np.iinfo(np.int64).max)
    warehouse = masked.argmin(axis=1).astype(np.int32)
    warehouse[~accepted.any(axis=1)] = NOWHERE
    if _is_over(warehouse, problem.capacity):
        route_kernel(
            np.ascontiguousarray(cost, np.int64),
            np.ascontiguousarray(accepted),
            np.ascontiguousarray(problem.capacity, np.int64),
            warehouse,
        )
    taken = np.take_along_axis(cost, np.maximum(warehouse, 0)[:, None], axis=1)[:, 0]
    return Routing(
        warehouse,
        _over_capacity(warehouse, problem.capacity),
        np.where(warehouse == NOWHERE, 0, taken),
    )


def warm_up() -> None:
    """Compile the kernel on two items that want one place."""
    route(
        RoutingProblem(
            np.array([[1, 2], [1, 2]], np.int64),
            np.ones((2, 2), np.bool_),
            np.ones(2, np.int64),
        )
    )


def _is_over(warehouse: NDArray[np.int32], capacity: NDArray[np.int64]) -> bool:
    placed = warehouse[warehouse != NOWHERE]
    return bool((np.bincount(placed, minlength=len(capacity)) > capacity).any())


def _over_capacity(
    warehouse: NDArray[np.int32], capacity: NDArray[np.int64]
) -> NDArray[np.bool_]:
    # How many rows of the same warehouse come before each row.
    order = np.argsort(warehouse, kind="stable")
    in_order = warehouse[order]
    first = np.searchsorted(in_order, in_order)
    rank = np.empty(len(warehouse), np.int64)
    rank[order] = np.arange(len(warehouse)) - first
    return (warehouse != NOWHERE) & (rank >= capacity[np.maximum(warehouse, 0)])
