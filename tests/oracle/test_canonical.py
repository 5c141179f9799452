"""One answer to one problem: the first of the optima, at prices that mean something."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from matcher.solve import CandidateGraph, assign, check_certificate
from tests.oracle.assignment_families import FAMILIES, Family
from tests.oracle.first_assignment import first_optimum, worth_of_row, worth_of_unit
from tests.oracle.flow_assignment import flow_assignment
from tests.oracle.small_markets import as_bytes

# Without the compiler a row costs a hundred times as much.
SLOWER = 10 if numba.config.DISABLE_JIT else 1

# Ways for the solver to work; constants of its modules, and threads.
WAYS: dict[str, tuple[dict[str, float], int]] = {
    "all by the forest": (
        {"solve.solver._TOUCHED_MAX": -1, "solve.solver._TOUCHED_PER_CANDIDATE": -1},
        1,
    ),
    "searches of one column": (
        {"solve.solver._TOUCHED_MAX": 1, "solve.solver._TOUCHED_PER_CANDIDATE": 0},
        1,
    ),
    "by clusters": (
        {
            "solve.prepared._SMALL": 0,
            "parallel._SMALL": 0,
            "solve.prepared._CLOSE": -1,
            "solve.prepared._PLENTIFUL": 99,
        },
        1,
    ),
    "split in four": ({"solve.parts._SPLIT_MIN": 0}, 2),
    "split in six, forest, by clusters": (
        {
            "solve.solver._TOUCHED_MAX": 2,
            "solve.solver._TOUCHED_PER_CANDIDATE": 0,
            "solve.parts._SPLIT_MIN": 0,
            "solve.prepared._SMALL": 0,
            "parallel._SMALL": 0,
            "solve.prepared._CLOSE": -1,
            "solve.prepared._PLENTIFUL": 99,
        },
        3,
    ),
}


def tied(seed: int) -> CandidateGraph:
    """Return up to 6 rows and 4 columns of 0 to 2 units that save 1 or 2: ties."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    degree = rng.integers(0, 4, n)
    count = int(degree.sum())
    return CandidateGraph(
        np.append(0, np.cumsum(degree)),
        rng.integers(0, m, count).astype(np.int32),
        rng.integers(-1, 3, count),
        rng.integers(0, 3, m).astype(np.int32),
    )


@pytest.mark.parametrize("seed", range(10))
def test_the_first_of_all_optima_is_chosen(seed: int) -> None:
    """On 30 tiny markets per seed, full of ties, the same as by trying all."""
    for part in range(30):
        graph = tied(1_000 * seed + part)
        assert assign(graph).column.tolist() == first_optimum(graph), (seed, part)


@pytest.mark.parametrize("seed", range(4))
def test_prices_are_what_a_unit_or_a_row_is_worth(seed: int) -> None:
    """On 10 tiny markets per seed, each price equals two totals' difference."""
    for part in range(10):
        graph = tied(50_000 + 1_000 * seed + part)
        answer = assign(graph)
        units = [worth_of_unit(graph, each) for each in range(graph.column_count)]
        rows = [worth_of_row(graph, each) for each in range(graph.row_count)]
        assert answer.demand_price.tolist() == units, (seed, part)
        assert answer.return_price.tolist() == rows, (seed, part)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_prices_of_each_family_are_what_they_say(family: Family) -> None:
    """Ten columns and ten rows of a market of a hundred of each family."""
    graph = family(np.random.default_rng(5), 100 // SLOWER)
    answer = assign(graph)
    for at in range(0, graph.column_count, max(1, graph.column_count // 10)):
        assert answer.demand_price[at] == worth_of_unit(graph, at)
    for at in range(0, graph.row_count, max(1, graph.row_count // 10)):
        assert answer.return_price[at] == worth_of_row(graph, at)


@pytest.mark.parametrize(("constants", "threads"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_way_of_working_changes_nothing(
    family: Family,
    constants: dict[str, float],
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """I5: however the work is ordered, split and searched, the same bytes."""
    graph = family(np.random.default_rng(6), 2_000 // SLOWER)
    expected = as_bytes(assign(graph))
    for name, value in constants.items():
        monkeypatch.setattr(f"matcher.{name}", value)
    answer = assign(graph, threads=threads)
    check_certificate(graph, answer)
    assert as_bytes(answer) == expected


@pytest.mark.parametrize("rows", [400, 700, 1_000])
def test_where_all_is_contested(rows: int) -> None:
    """A thousand rows that all want a place on 700 columns at nearly any price."""
    rng = np.random.default_rng(rows)
    rows, count, degree = rows // SLOWER, 700 // SLOWER, 12
    graph = CandidateGraph(
        np.arange(rows + 1) * degree,
        rng.integers(0, count, rows * degree).astype(np.int32),
        10_000_000 + rng.integers(0, 1_000_000, rows * degree),
        np.ones(count, np.int32),
    )
    answer = assign(graph)
    check_certificate(graph, answer)
    assert answer.value == flow_assignment(graph)
