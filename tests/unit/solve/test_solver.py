"""matcher/solve/solver.py: tiny markets whose answer is plain to see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from matcher.domain.errors import InvalidProblemError
from matcher.solve import (
    Assignment,
    CandidateGraph,
    assign,
    check_certificate,
    dual_value,
    warm_up,
)
from matcher.solve.graph import SAVING_MAX
from tests.oracle.small_markets import as_bytes

Row = Sequence[tuple[int, int]]


def graph_of(rows: Sequence[Row], capacity: Sequence[int]) -> CandidateGraph:
    """Return a graph from each row's (column, saving) pairs."""
    edges = [edge for row in rows for edge in row]
    return CandidateGraph(
        np.cumsum([0, *(len(row) for row in rows)]),
        np.array([column for column, _ in edges], np.int32),
        np.array([saving for _, saving in edges], np.int64),
        np.array(capacity, np.int32),
    )


def solved(rows: Sequence[Row], capacity: Sequence[int]) -> Assignment:
    """Return the answer after the independent checker has accepted it."""
    graph = graph_of(rows, capacity)
    answer = assign(graph)
    check_certificate(graph, answer)
    assert dual_value(graph, answer) == answer.value
    return answer


@pytest.mark.parametrize(
    ("rows", "capacity"),
    [([], []), ([], [1, 2]), ([[], []], []), ([[], []], [3])],
    ids=["nothing", "no rows", "no columns", "no candidates"],
)
def test_nothing_to_assign(rows: list[Row], capacity: list[int]) -> None:
    """Without rows, columns or candidates all opt out at price 0 and value 0."""
    answer = solved(rows, capacity)
    assert answer.column.tolist() == [-1] * len(rows)
    assert answer.return_price.tolist() == [0] * len(rows)
    assert answer.demand_price.tolist() == [0] * len(capacity)
    assert answer.value == 0


def test_types_and_shapes() -> None:
    """The arrays are int32 and int64 of n and m entries, the value a plain int."""
    answer = solved([[(0, 7)], []], [1, 1, 1])
    assert (answer.column.dtype, answer.column.shape) == (np.int32, (2,))
    assert (answer.return_price.dtype, answer.return_price.shape) == (np.int64, (2,))
    assert (answer.demand_price.dtype, answer.demand_price.shape) == (np.int64, (3,))
    assert type(answer.value) is int


def test_best_for_all_is_not_best_for_each() -> None:
    """One buyer two want (10, 9), one only the first wants (4): 4 + 9 beats 10."""
    answer = solved([[(0, 10), (1, 4)], [(0, 9)]], [1, 1])
    assert answer.column.tolist() == [1, 0]
    assert answer.value == 13


def test_a_chain_shifts_along_three_columns() -> None:
    """The last row is placed by moving three others, worth 4 x 10 - 3 in all."""
    rows = [[(0, 10), (1, 9)], [(1, 10), (2, 9)], [(2, 10), (3, 9)], [(0, 10)]]
    answer = solved(rows, [1, 1, 1, 1])
    assert answer.column.tolist() == [1, 2, 3, 0]
    assert answer.value == 37


def test_a_row_opts_out_for_a_better_one() -> None:
    """The only unit goes to who saves most (9), whichever row that is."""
    for order in ([3, 9, 5], [9, 5, 3], [3, 5, 9]):
        answer = solved([[(0, saving)] for saving in order], [1])
        assert answer.column[order.index(9)] == 0
        assert (answer.column == -1).sum() == 2
        assert answer.value == 9
        assert 5 <= answer.demand_price[0] <= 9


@pytest.mark.parametrize("saving", [0, -1, -SAVING_MAX])
def test_what_saves_nothing_is_never_taken(saving: int) -> None:
    """A candidate that saves exactly 0, or loses, is left though a unit is free."""
    answer = solved([[(0, saving)]], [1])
    assert answer.column.tolist() == [-1]
    assert answer.value == 0


def test_saving_of_one_micro_is_taken() -> None:
    """One micro more than nothing is enough."""
    assert solved([[(0, 1)]], [1]).column.tolist() == [0]


def test_a_loss_never_helps_others() -> None:
    """The displaced row's only other pair loses 5: it opts out instead."""
    answer = solved([[(0, 10), (1, -5)], [(0, 12)]], [1, 1])
    assert answer.column.tolist() == [-1, 0]
    assert answer.value == 12


@pytest.mark.parametrize(
    ("units", "matched"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)]
)
def test_quantity_is_met_and_never_passed(units: int, matched: int) -> None:
    """Four equal rows at one demand: quantities around 4 are met exactly."""
    answer = solved([[(0, 7)]] * 4, [units])
    assert (answer.column == 0).sum() == matched
    assert answer.value == 7 * matched
    # The price is what one more unit would add: nothing, where one is left over.
    assert answer.demand_price[0] in (
        {0} if units > 4 else {0, 7} if units == 4 else {7}
    )


def test_quantities_displace_the_least() -> None:
    """Two units for savings 4, 8, 6, 5: the rows that save 8 and 6 have them."""
    answer = solved([[(0, 4)], [(0, 8)], [(0, 6)], [(0, 5)]], [2])
    assert answer.column.tolist() == [-1, 0, 0, -1]
    assert answer.value == 14


def test_demand_without_a_unit_is_priced_all_the_same() -> None:
    """At quantity 0 nobody gets it, and its price covers what it would have saved."""
    answer = solved([[(0, 10)], [(0, 6), (1, 2)]], [0, 1])
    assert answer.column.tolist() == [-1, 1]
    assert answer.value == 2
    assert answer.demand_price[0] == 10


def test_repeated_candidate_counts_with_its_best_saving() -> None:
    """A pair listed with 3, 8 and 5 is worth 8, and still only one unit."""
    answer = solved([[(0, 3), (0, 8), (0, 5)]], [2])
    assert answer.column.tolist() == [0]
    assert answer.value == 8


def test_repeated_candidate_is_no_alternative_to_itself() -> None:
    """Two rows list one unit twice each: there is still but one to be had."""
    answer = solved([[(0, 8), (0, 8)], [(0, 9), (0, 9)]], [1])
    assert answer.column.tolist() == [-1, 0]
    assert answer.value == 9


def test_equal_savings_keep_earlier_rows_and_lowest_columns() -> None:
    """All pairs save the same: rows 0 and 1 take columns 0 and 1, row 2 none."""
    rows = [[(1, 5), (0, 5)]] * 3
    answer = solved(rows, [1, 1])
    assert answer.column.tolist() == [0, 1, -1]


def test_equal_savings_fill_the_lowest_column_first() -> None:
    """Of two demands with two units each, the lower is filled before the other."""
    answer = solved([[(0, 5), (1, 5)]] * 3, [2, 2])
    assert answer.column.tolist() == [0, 0, 1]


def test_the_price_tells_what_a_unit_would_add() -> None:
    """With one more unit of the contested demand the total grows by at most v."""
    rows = [[(0, 10), (1, 4)], [(0, 9)]]
    less, more = solved(rows, [1, 1]), solved(rows, [2, 1])
    assert 0 < more.value - less.value <= less.demand_price[0]


def test_largest_savings_do_not_overflow() -> None:
    """Seven rows at the bound of 2**60 compete for six units: prices reach it."""
    answer = solved([[(j, SAVING_MAX) for j in range(6)]] * 7, [1] * 6)
    assert answer.value == 6 * SAVING_MAX
    assert answer.demand_price.tolist() == [SAVING_MAX] * 6


def test_extremes_side_by_side_do_not_overflow() -> None:
    """Best and worst savings in one row, on demands with and without units."""
    rows = [
        [(0, SAVING_MAX), (1, -SAVING_MAX)],
        [(0, SAVING_MAX - 1), (2, -SAVING_MAX)],
    ]
    answer = solved(rows, [1, 1, 0])
    assert answer.column.tolist() == [0, -1]
    assert answer.value == SAVING_MAX


def test_a_search_over_more_columns_than_its_buffers_hold() -> None:
    """200 full columns are reached at once; the buffers begin with room for 64."""
    count = 200
    rows: list[Row] = [[(i, 100)] for i in range(count)]
    rows.append([(j, 99) for j in range(count)])
    answer = solved(rows, [1] * count)
    assert answer.column.tolist() == [*range(count), -1]
    assert answer.value == 100 * count


def test_a_row_of_many_candidates() -> None:
    """A row of 100 candidates, beyond the plain sort, still takes its best."""
    rng = np.random.default_rng(7)
    saving = rng.permutation(100) + 1
    answer = solved([list(enumerate(saving.tolist()))], [1] * 100)
    assert answer.column.tolist() == [int(saving.argmax())]


def scattered(seed: int) -> CandidateGraph:
    """Return 300 rows in about a hundred components, with ties and quantities."""
    rng = np.random.default_rng(seed)
    degree = rng.integers(0, 4, 300)
    row = np.repeat(np.arange(300), degree)
    column = np.clip(row * 2 // 3 + rng.integers(-1, 2, len(row)), 0, 199)
    return CandidateGraph(
        np.append(0, np.cumsum(degree)),
        column.astype(np.int32),
        rng.integers(-2, 9, len(row)),
        rng.integers(0, 3, 200).astype(np.int32),
    )


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_threads_change_nothing(threads: int) -> None:
    """Any spread of components over threads gives the same bytes (I5)."""
    graph = scattered(11)
    assert as_bytes(assign(graph, threads=threads)) == as_bytes(assign(graph))


def test_threads_on_a_single_component_or_none() -> None:
    """More threads than components, one row, or no row at all: the same answers."""
    for rows in ([], [[(0, 4)]], [[(0, 4)], [(0, 5)]]):
        graph = graph_of(rows, [1])
        assert as_bytes(assign(graph, threads=8)) == as_bytes(assign(graph))


def test_order_of_candidates_changes_nothing() -> None:
    """Shuffling the candidates within each row gives the same bytes (I5)."""
    graph = scattered(12)
    expected = as_bytes(assign(graph))
    rng = np.random.default_rng(13)
    for _ in range(3):
        order = np.lexsort((rng.random(len(graph.columns)), graph.edge_rows))
        shuffled = CandidateGraph(
            graph.row_offsets, graph.columns[order], graph.saving[order], graph.capacity
        )
        assert as_bytes(assign(shuffled)) == expected


def test_the_graph_is_not_modified() -> None:
    """Solving leaves the caller's arrays as they were."""
    graph = scattered(14)
    arrays = (graph.row_offsets, graph.columns, graph.saving, graph.capacity)
    before = [array.copy() for array in arrays]
    assign(graph, threads=2)
    assert all(map(np.array_equal, arrays, before))


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads: int) -> None:
    """Fewer threads than one is a mistake of the caller's."""
    with pytest.raises(
        InvalidProblemError, match=f"threads: got {threads}; accepted: 1"
    ):
        assign(graph_of([[(0, 1)]], [1]), threads=threads)


@pytest.mark.compiled
def test_warm_up_compiles_all_that_is_ever_needed() -> None:
    """After warm-up no kernel is compiled for another type, read-only input or not."""
    from matcher.solve import (  # noqa: PLC0415
        assignment_kernel,
        cluster_kernel,
        peel_kernel,
        prepare_kernel,
        price_kernel,
    )

    warm_up()
    graph = scattered(15)
    columns = graph.columns.copy()
    columns.setflags(write=False)
    assign(CandidateGraph(graph.row_offsets, columns, graph.saving, graph.capacity))
    assign(graph, threads=2)
    for kernel in (
        assignment_kernel.assign_kernel,
        cluster_kernel.join_kernel,
        cluster_kernel.lowest_kernel,
        cluster_kernel.place_kernel,
        cluster_kernel.reach_kernel,
        peel_kernel.peel_kernel,
        peel_kernel.tight_kernel,
        prepare_kernel.copy_kernel,
        price_kernel.price_kernel,
    ):
        assert len(kernel.signatures) == 1, kernel
