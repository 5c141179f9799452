"""Which warehouse each unmatched item goes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.routing.routing_kernel import NOWHERE, route_kernel

#: Largest product of the warehouse count and the largest cost, in micros: the
#: longest chain of moves visits every warehouse once, and its price, counted from
#: either end, has to stay in 64 bits.
PATH_MICROS_MAX = 1 << 60

_INT64_MAX = (1 << 63) - 1

# A kernel is compiled for arrays that can be written, contiguous and aligned; any
# others would be compiled for once more, in the middle of a round.
_FOR_KERNEL: tuple[Literal["C", "A", "W"], ...] = ("C", "A", "W")


@dataclass(frozen=True, slots=True, eq=False)
class RoutingProblem:
    """
    Items (``n`` rows) and warehouses (``w`` columns).

    Parameters
    ----------
    cost_micros
        ``int64 (n, w)``: trip and processing, 0 to ``2**60 / w``; any value where
        the warehouse does not accept the item.
    accepted
        ``bool (n, w)``: whether the warehouse takes the item's category.
    capacity
        ``int64 (w,)``: units that it still takes, 0 or more.

    Raises
    ------
    InvalidProblemError
        If types, shapes or ranges do not fit, with the first place that does not.
        Arrays are copied only if they have to be (another integer type, strided,
        read-only): do not change them while the problem is in use.
    """

    cost_micros: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    capacity: NDArray[np.int64]

    def __post_init__(self) -> None:
        set_array = object.__setattr__
        set_array(self, "cost_micros", _integers("cost_micros", self.cost_micros, 2))
        set_array(self, "accepted", _booleans("accepted", self.accepted, 2))
        set_array(self, "capacity", _integers("capacity", self.capacity, 1))
        cost, accepted, capacity = self.cost_micros, self.accepted, self.capacity
        if cost.shape != accepted.shape:
            raise InvalidProblemError(
                f"accepted: got shape {accepted.shape}; "
                f"accepted: that of cost_micros, {cost.shape}"
            )
        if capacity.shape != cost.shape[1:]:
            raise InvalidProblemError(
                f"capacity: got shape {capacity.shape}; accepted: {cost.shape[1:]}"
            )
        high = PATH_MICROS_MAX // max(len(capacity), 1)
        _check_range("cost_micros", cost, accepted & ((cost < 0) | (cost > high)), high)
        _check_range("capacity", capacity, capacity < 0, _INT64_MAX)


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
    Ties: lowest warehouse; of the items that could leave a full warehouse at the
    same extra cost, the earliest row leaves; of those in a warehouse that stays
    over capacity, the latest rows are flagged. Deterministic.

    Where every item fits in its cheapest warehouse, ``O(n w)``; else as
    :func:`~.routing_kernel.route_kernel` says: 200,000 items at 50 warehouses, with
    room for half of them or for just all, take 1 to 8 s on one thread.
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
        route_kernel(cost, accepted, problem.capacity, warehouse)
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
    room = capacity[np.maximum(warehouse, 0)]
    is_over: NDArray[np.bool_] = (warehouse != NOWHERE) & (rank >= room)
    return is_over


def _integers(name: str, values: ArrayLike, dimensions: int) -> NDArray[np.int64]:
    array = np.asarray(values)
    _check_type(name, array, np.integer, dimensions)
    if array.dtype == np.uint64:
        _check_range(name, array, array > _INT64_MAX, _INT64_MAX)
    return np.require(array, np.int64, _FOR_KERNEL)


def _booleans(name: str, values: ArrayLike, dimensions: int) -> NDArray[np.bool_]:
    array = np.asarray(values)
    _check_type(name, array, np.bool_, dimensions)
    return np.require(array, np.bool_, _FOR_KERNEL)


def _check_type(
    name: str,
    array: NDArray[np.generic],
    kind: type[np.integer] | type[np.bool_],
    dimensions: int,
) -> None:
    if array.ndim != dimensions:
        raise InvalidProblemError(
            f"{name}: got {array.ndim} dimensions; accepted: {dimensions}"
        )
    if array.size and not np.issubdtype(array.dtype, kind):
        raise InvalidProblemError(
            f"{name}: got {array.dtype}; accepted: {kind.__name__.strip('_')}"
        )


def _check_range(
    name: str, values: NDArray[np.integer], is_outside: NDArray[np.bool_], high: int
) -> None:
    if is_outside.any():
        at = np.unravel_index(int(is_outside.argmax()), values.shape)
        place = ", ".join(str(int(each)) for each in at)
        raise InvalidProblemError(
            f"{name}[{place}]: got {values[at]}; accepted: 0 to {high}"
        )
