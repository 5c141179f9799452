"""What holds for every routing, whatever the network."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.routing import RoutingProblem, route
from matcher.routing.route import PATH_MICROS_MAX
from tests.oracle.naive_routing import check_routing, total_of

# Each of the properties sees this many networks.
EXAMPLES = 50


@st.composite
def problems(draw: st.DrawFn) -> RoutingProblem:
    """Draw a few items and warehouses; costs small, for ties, or at the bound."""
    n, width = draw(st.integers(0, 8)), draw(st.integers(0, 5))
    high = draw(st.sampled_from([3, 50, PATH_MICROS_MAX // max(width, 1)]))
    cells = n * width
    cost = draw(st.lists(st.integers(0, high), min_size=cells, max_size=cells))
    accepted = draw(st.lists(st.booleans(), min_size=cells, max_size=cells))
    capacity = draw(st.lists(st.integers(0, 4), min_size=width, max_size=width))
    return RoutingProblem(
        np.array(cost, np.int64).reshape(n, width),
        np.array(accepted, np.bool_).reshape(n, width),
        np.array(capacity, np.int64),
    )


def exact_total(problem: RoutingProblem) -> tuple[int, int]:
    """Return items over capacity and the sum of all costs, beyond 64 bits too."""
    routing = route(problem)
    return int(routing.over_capacity.sum()), sum(routing.cost_micros.tolist())


@settings(max_examples=EXAMPLES)
@given(problems())
def test_every_item_has_the_route_it_is_promised(problem: RoutingProblem) -> None:
    """An accepting warehouse for each item, none beyond what fits but flagged (R2)."""
    check_routing(problem, route(problem))


@settings(max_examples=EXAMPLES)
@given(problems())
def test_same_problem_same_bytes(problem: RoutingProblem) -> None:
    """Routing twice gives the same bytes (I5)."""
    first, second = route(problem), route(problem)
    assert first.warehouse.tobytes() == second.warehouse.tobytes()
    assert first.over_capacity.tobytes() == second.over_capacity.tobytes()


@settings(max_examples=EXAMPLES)
@given(problems(), st.data())
def test_names_change_no_total(problem: RoutingProblem, data: st.DataObject) -> None:
    """Renumbering items and warehouses keeps both totals, which are unique."""
    n, width = problem.cost_micros.shape
    rows = np.array(data.draw(st.permutations(range(n))), np.int64)
    columns = np.array(data.draw(st.permutations(range(width))), np.int64)
    other = RoutingProblem(
        problem.cost_micros[rows][:, columns],
        problem.accepted[rows][:, columns],
        problem.capacity[columns],
    )
    assert exact_total(other) == exact_total(problem)


@settings(max_examples=EXAMPLES)
@given(problems(), st.data())
def test_more_room_is_never_worse(problem: RoutingProblem, data: st.DataObject) -> None:
    """One more place means fewer items over capacity, or as many at no more cost."""
    if not len(problem.capacity):
        return
    capacity = problem.capacity.copy()
    capacity[data.draw(st.integers(0, len(capacity) - 1))] += 1
    roomier = RoutingProblem(problem.cost_micros, problem.accepted, capacity)
    assert exact_total(roomier) <= exact_total(problem)


@settings(max_examples=EXAMPLES)
@given(problems())
def test_with_room_for_all_each_has_its_cheapest(problem: RoutingProblem) -> None:
    """Where every warehouse takes all items, each goes where it is cheapest."""
    roomy = RoutingProblem(
        problem.cost_micros,
        problem.accepted,
        np.full_like(problem.capacity, len(problem.cost_micros)),
    )
    routing = route(roomy)
    assert total_of(routing)[0] == 0
    for row, at in enumerate(routing.warehouse.tolist()):
        if at >= 0:
            choices = np.nonzero(problem.accepted[row])[0]
            costs = problem.cost_micros[row][choices]
            assert at == choices[int(costs.argmin())]


@settings(max_examples=EXAMPLES)
@given(problems())
def test_what_is_not_accepted_has_no_influence(problem: RoutingProblem) -> None:
    """Any number may stand where a warehouse does not accept the item."""
    extremes = np.where(problem.accepted, problem.cost_micros, np.iinfo(np.int64).min)
    other = route(RoutingProblem(extremes, problem.accepted, problem.capacity))
    expected = route(problem)
    assert other.warehouse.tolist() == expected.warehouse.tolist()
    assert other.over_capacity.tolist() == expected.over_capacity.tolist()
    assert other.cost_micros.tolist() == expected.cost_micros.tolist()
