"""matcher/routing/route.py: small networks whose answer is plain to see."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from matcher.domain.errors import InvalidProblemError
from matcher.routing import Routing, RoutingProblem, route, warm_up
from matcher.routing.route import PATH_MICROS_MAX

INT64_MAX = 2**63 - 1

SOUND: dict[str, Any] = {
    "cost_micros": [[5, 7], [6, 0], [1, 1]],
    "accepted": [[True, True], [True, False], [False, False]],
    "capacity": [1, 2],
}

REFUSED = {
    "floats": (
        {"cost_micros": [[5.0, 7.0]] * 3},
        "cost_micros: got float64; accepted: integer",
    ),
    "mask of numbers": (
        {"accepted": [[1, 0]] * 3},
        "accepted: got int64; accepted: bool",
    ),
    "booleans for places": (
        {"capacity": [True, True]},
        "capacity: got bool; accepted:",
    ),
    "flat costs": (
        {"cost_micros": [5, 7]},
        "cost_micros: got 1 dimensions; accepted: 2",
    ),
    "flat mask": ({"accepted": [True]}, "accepted: got 1 dimensions; accepted: 2"),
    "table of places": (
        {"capacity": [[1, 2]]},
        "capacity: got 2 dimensions; accepted: 1",
    ),
    "mask of another shape": (
        {"accepted": [[True, True]]},
        "accepted: got shape (1, 2); accepted: that of cost_micros, (3, 2)",
    ),
    "places of another width": (
        {"capacity": [1]},
        "capacity: got shape (1,); accepted: (2,)",
    ),
    "negative cost": (
        {"cost_micros": [[5, 7], [-1, 0], [1, 1]]},
        f"cost_micros[1, 0]: got -1; accepted: 0 to {PATH_MICROS_MAX // 2}",
    ),
    "cost past the bound": (
        {"cost_micros": [[5, PATH_MICROS_MAX // 2 + 1], [6, 0], [1, 1]]},
        f"cost_micros[0, 1]: got {PATH_MICROS_MAX // 2 + 1}; accepted: 0 to",
    ),
    "cost past 63 bits": (
        {"cost_micros": np.array([[5, 7], [6, 2**63], [1, 1]], np.uint64)},
        "cost_micros[1, 1]: got 9223372036854775808; accepted: 0 to",
    ),
    "negative places": ({"capacity": [1, -1]}, "capacity[1]: got -1; accepted: 0 to"),
}


def routed(cost: list[list[int]], capacity: list[int], accepted: Any = None) -> Routing:
    """Return the routing; without a mask every warehouse accepts everything."""
    table = np.array(cost, np.int64).reshape(len(cost), len(capacity))
    mask = np.ones(table.shape, np.bool_) if accepted is None else np.array(accepted)
    return route(RoutingProblem(table, mask, np.array(capacity, np.int64)))


@pytest.mark.parametrize(("changed", "message"), REFUSED.values(), ids=REFUSED)
def test_malformed_is_refused_by_name(changed: dict[str, Any], message: str) -> None:
    """Each fault alone is refused, with field, place, value and accepted range."""
    with pytest.raises(InvalidProblemError, match=re.escape(message)):
        RoutingProblem(**{**SOUND, **changed})


def test_costs_at_the_bound_are_accepted() -> None:
    """The largest cost for two warehouses routes without wrapping around."""
    high = PATH_MICROS_MAX // 2
    routing = routed([[0, high], [0, high], [high, 0]], [1, 2])
    assert routing.warehouse.tolist() == [1, 0, 1]
    assert routing.cost_micros.tolist() == [high, 0, 0]


def test_longest_chain_at_the_bound_does_not_wrap() -> None:
    """Twenty full warehouses in a row, each move as dear as can be, one place last."""
    width = 20
    high = PATH_MICROS_MAX // width
    cost = np.full((width, width), 0, np.int64)
    accepted = np.zeros((width, width), np.bool_)
    for row in range(width):
        accepted[row, max(row - 1, 0)] = True
        accepted[row, row] = True
        cost[row, row] = high
    cost[0, 0] = 0
    # Items 0 and 1 are both cheapest at 0; each later one at the warehouse before.
    routing = route(RoutingProblem(cost, accepted, np.ones(width, np.int64)))
    assert sorted(routing.warehouse.tolist()) == list(range(width))
    assert not routing.over_capacity.any()
    assert sum(routing.cost_micros.tolist()) == high * (width - 1)


@pytest.mark.parametrize(("n", "width"), [(0, 0), (0, 3), (2, 0)])
def test_nothing_to_route(n: int, width: int) -> None:
    """Without items or without warehouses there is no route and no cost."""
    routing = routed([[0] * width] * n, [1] * width)
    assert routing.warehouse.tolist() == [-1] * n
    assert routing.over_capacity.tolist() == [False] * n
    assert routing.cost_micros.tolist() == [0] * n


def test_types() -> None:
    """The arrays are int32, bool and int64, on the fast path and on the other."""
    for capacity in ([2, 2], [1, 2]):
        routing = routed([[1, 2], [1, 3]], capacity)
        assert routing.warehouse.dtype == np.int32
        assert routing.over_capacity.dtype == np.bool_
        assert routing.cost_micros.dtype == np.int64


def test_each_goes_where_it_is_cheapest() -> None:
    """With room for all, nobody pays for anybody else."""
    routing = routed([[5, 7], [9, 2], [4, 3]], [1, 2])
    assert routing.warehouse.tolist() == [0, 1, 1]
    assert routing.cost_micros.tolist() == [5, 2, 3]
    assert not routing.over_capacity.any()


def test_a_category_nobody_takes_has_no_warehouse() -> None:
    """An item that no warehouse accepts gets -1 and costs nothing here."""
    routing = routed([[5, 7], [9, 2]], [1, 1], [[False, False], [True, True]])
    assert routing.warehouse.tolist() == [-1, 1]
    assert routing.cost_micros.tolist() == [0, 2]
    assert not routing.over_capacity.any()


def test_an_item_never_goes_where_it_is_not_accepted() -> None:
    """The cheaper warehouse does not take the category: the dearer one gets it."""
    assert routed([[1, 50]], [9, 9], [[False, True]]).warehouse.tolist() == [1]


def test_together_is_cheaper_than_nearest_first() -> None:
    """First come, first served pays 1 + 100; moving the first item pays 2 + 3."""
    routing = routed([[1, 2], [3, 100]], [1, 1])
    assert routing.warehouse.tolist() == [1, 0]
    assert routing.cost_micros.sum() == 5


def test_a_chain_of_moves_finds_the_free_place() -> None:
    """The free place is at 2, which only items at 1 can reach: two items move."""
    accepted = [[True, True, False], [True, False, False], [False, True, True]]
    routing = routed([[1, 2, 0], [1, 0, 0], [0, 1, 3]], [1, 1, 1], accepted)
    assert routing.warehouse.tolist() == [1, 0, 2]
    assert not routing.over_capacity.any()


@pytest.mark.parametrize(("places", "over"), [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0)])
def test_capacity_is_met_and_what_passes_it_is_flagged(places: int, over: int) -> None:
    """Three items at one warehouse: with fewer places the last ones are flagged."""
    routing = routed([[4], [4], [4]], [places])
    assert routing.warehouse.tolist() == [0, 0, 0]
    assert routing.over_capacity.tolist() == [i >= 3 - over for i in range(3)]
    assert routing.cost_micros.tolist() == [4, 4, 4]


def test_fitting_in_comes_before_cost() -> None:
    """A place that costs a million more is still taken before passing a capacity."""
    routing = routed([[0, 1_000_000], [0, 1_000_000]], [1, 1])
    assert not routing.over_capacity.any()
    assert routing.cost_micros.sum() == 1_000_000


def test_whoever_does_not_fit_goes_where_it_is_cheapest() -> None:
    """Three items, one place at the dear warehouse: the others stay, flagged."""
    routing = routed([[1, 9], [1, 5], [1, 7]], [0, 1])
    assert routing.warehouse.tolist() == [0, 1, 0]
    assert routing.over_capacity.tolist() == [True, False, True]
    assert routing.cost_micros.tolist() == [1, 5, 1]


def test_ties_go_to_the_lowest_warehouse_and_the_earlier_row() -> None:
    """All costs equal: the lowest warehouse fills; the first row is the one to move."""
    assert routed([[3, 3, 3]], [1, 1, 1]).warehouse.tolist() == [0]
    routing = routed([[3, 3, 3]] * 4, [2, 1, 1])
    assert routing.warehouse.tolist() == [1, 2, 0, 0]


def test_the_problem_is_not_modified() -> None:
    """Routing leaves the caller's arrays as they were, moves or not."""
    problem = RoutingProblem(
        np.array([[1, 2], [3, 100]]), np.ones((2, 2), np.bool_), np.array([1, 1])
    )
    route(problem)
    assert problem.cost_micros.tolist() == [[1, 2], [3, 100]]
    assert problem.accepted.all()
    assert problem.capacity.tolist() == [1, 1]


@pytest.mark.compiled
def test_warm_up_compiles_all_that_is_ever_needed() -> None:
    """After warm-up no kernel is compiled again, not even for odd arrays."""
    from matcher.routing import routing_kernel  # noqa: PLC0415

    warm_up()
    cost = np.asfortranarray(np.array([[1, 2], [1, 3]], np.int32))
    accepted = np.ones((2, 2), np.bool_)
    accepted.setflags(write=False)
    route(RoutingProblem(cost, accepted, np.array([1, 1], np.uint8)))
    assert len(routing_kernel.route_kernel.signatures) == 1
