"""What holds for every assignment, whatever the market."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher.domain.errors import CertificateError
from matcher.solve import (
    Assignment,
    CandidateGraph,
    assign,
    check_certificate,
    dual_value,
)
from matcher.solve.graph import SAVING_MAX
from tests.oracle.small_markets import as_bytes

# Each of the many properties sees this many markets.
EXAMPLES = 50

# Small numbers make ties, large ones would show an overflow: seven rows at most, so
# that even all of them at the bound sum to less than 2**63.
SMALL = st.integers(-3, 8)
LARGE = st.integers(-SAVING_MAX, SAVING_MAX)
ROWS_MAX = 7
COLUMNS_MAX = 6


@st.composite
def graphs(
    draw: st.DrawFn, savings: st.SearchStrategy[int] | None = None
) -> CandidateGraph:
    """Draw a market of a few rows and columns, any part of it possibly empty."""
    m = draw(st.integers(0, COLUMNS_MAX))
    saving = draw(st.sampled_from([SMALL, LARGE])) if savings is None else savings
    edge = st.tuples(st.integers(0, max(m - 1, 0)), saving)
    rows = draw(st.lists(st.lists(edge, max_size=6 if m else 0), max_size=ROWS_MAX))
    edges = [each for row in rows for each in row]
    return CandidateGraph(
        np.cumsum([0, *(len(row) for row in rows)]),
        np.array([column for column, _ in edges], np.int32),
        np.array([value for _, value in edges], np.int64),
        np.array(draw(st.lists(st.integers(0, 3), min_size=m, max_size=m)), np.int32),
    )


def permuted(
    graph: CandidateGraph, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> CandidateGraph:
    """Return the graph with its rows reordered and its columns renumbered."""
    edges = [
        np.arange(graph.row_offsets[row], graph.row_offsets[row + 1]) for row in rows
    ]
    order = np.concatenate(edges) if edges else np.empty(0, np.int64)
    capacity = np.empty_like(graph.capacity)
    capacity[columns] = graph.capacity
    return CandidateGraph(
        np.cumsum([0, *map(len, edges)]),
        columns[graph.columns[order]],
        graph.saving[order],
        capacity,
    )


def with_savings(graph: CandidateGraph, saving: NDArray[np.int64]) -> CandidateGraph:
    """Return the graph with other savings."""
    return CandidateGraph(graph.row_offsets, graph.columns, saving, graph.capacity)


@settings(max_examples=EXAMPLES)
@given(graphs())
def test_certificate_always_verifies(graph: CandidateGraph) -> None:
    """Whatever the market, the answer is proven optimal by its own prices (I6)."""
    answer = assign(graph)
    check_certificate(graph, answer)
    assert dual_value(graph, answer) == answer.value


@settings(max_examples=EXAMPLES)
@given(graphs())
def test_no_demand_is_promised_twice(graph: CandidateGraph) -> None:
    """No column has more rows than units, counted here and not by the checker (I2)."""
    taken = assign(graph).column
    for column, limit in enumerate(graph.capacity.tolist()):
        assert int((taken == column).sum()) <= limit


@settings(max_examples=EXAMPLES)
@given(graphs())
def test_nobody_is_matched_at_a_loss(graph: CandidateGraph) -> None:
    """Each taken pair saves more than nothing on its own."""
    taken = assign(graph).column
    chosen = graph.columns == taken[graph.edge_rows]
    for row in np.nonzero(taken >= 0)[0]:
        assert graph.saving[chosen & (graph.edge_rows == row)].max() > 0


@settings(max_examples=EXAMPLES)
@given(graphs(), st.sampled_from([2, 3, 7]))
def test_threads_change_nothing(graph: CandidateGraph, threads: int) -> None:
    """One thread or several give the same bytes (I5)."""
    assert as_bytes(assign(graph, threads=threads)) == as_bytes(assign(graph))


@settings(max_examples=EXAMPLES)
@given(graphs(), st.randoms(use_true_random=False))
def test_order_of_candidates_changes_nothing(
    graph: CandidateGraph, random: Random
) -> None:
    """Shuffling within rows gives the same bytes: only the graph decides (I5)."""
    key = [random.random() for _ in range(len(graph.columns))]
    order = np.lexsort((np.array(key), graph.edge_rows))
    shuffled = CandidateGraph(
        graph.row_offsets, graph.columns[order], graph.saving[order], graph.capacity
    )
    assert as_bytes(assign(shuffled)) == as_bytes(assign(graph))


@settings(max_examples=EXAMPLES)
@given(graphs(SMALL), st.integers(0, 2))
def test_a_pair_listed_twice_is_one_pair(graph: CandidateGraph, less: int) -> None:
    """Every pair once more, as good or worse, gives the same bytes."""
    order = np.repeat(np.arange(len(graph.columns)), 2)
    saving = graph.saving[order]
    saving[1::2] -= less
    twice = CandidateGraph(
        2 * graph.row_offsets, graph.columns[order], saving, graph.capacity
    )
    assert as_bytes(assign(twice)) == as_bytes(assign(graph))


@settings(max_examples=EXAMPLES)
@given(graphs(), st.data())
def test_names_change_no_total(graph: CandidateGraph, data: st.DataObject) -> None:
    """Renumbering rows and columns keeps the total, which is what is unique."""
    rows = data.draw(st.permutations(range(graph.row_count)))
    columns = data.draw(st.permutations(range(graph.column_count)))
    other = permuted(graph, np.array(rows, np.int64), np.array(columns, np.int64))
    assert assign(other).value == assign(graph).value


@settings(max_examples=EXAMPLES)
@given(graphs())
def test_a_demand_of_three_is_three_demands_of_one(graph: CandidateGraph) -> None:
    """Units listed one by one as columns of their own give the same total."""
    units = np.repeat(np.arange(graph.column_count), graph.capacity)
    edges = [
        (row, unit, saving)
        for row, column, saving in zip(
            graph.edge_rows.tolist(),
            graph.columns.tolist(),
            graph.saving.tolist(),
            strict=True,
        )
        for unit in np.nonzero(units == column)[0].tolist()
    ]
    row, unit, saving = np.array(edges, np.int64).reshape(-1, 3).T
    apart = CandidateGraph(
        np.append(0, np.cumsum(np.bincount(row, minlength=graph.row_count))),
        unit,
        saving,
        np.ones(len(units), np.int32),
    )
    assert assign(apart).value == assign(graph).value


@settings(max_examples=EXAMPLES)
@given(graphs(SMALL), st.integers(1, 5))
def test_cheaper_fallback_never_adds_matches(
    graph: CandidateGraph, discount: int
) -> None:
    """
    Every saving less by one amount means as many matches or fewer.

    If two optima had k and l pairs before and after, adding their two optimality
    conditions gives ``discount * (k - l) >= 0``: ties are no exception.
    """
    before = assign(graph)
    after = assign(with_savings(graph, graph.saving - discount))
    assert int((after.column >= 0).sum()) <= int((before.column >= 0).sum())


@settings(max_examples=EXAMPLES)
@given(graphs(SMALL), st.integers(1, 1_000))
def test_units_of_money_change_nothing(graph: CandidateGraph, factor: int) -> None:
    """Counting in other units multiplies total and prices and moves no row."""
    before = assign(graph)
    after = assign(with_savings(graph, graph.saving * factor))
    assert after.column.tolist() == before.column.tolist()
    assert after.value == before.value * factor
    assert after.return_price.tolist() == (before.return_price * factor).tolist()


@settings(max_examples=EXAMPLES)
@given(graphs(), st.data())
def test_price_bounds_what_a_row_is_worth(
    graph: CandidateGraph, data: st.DataObject
) -> None:
    """Without a row the total falls by its price or more, and never rises."""
    if graph.row_count == 0:
        return
    row = data.draw(st.integers(0, graph.row_count - 1))
    others = np.delete(np.arange(graph.row_count), row)
    less = assign(permuted(graph, others, np.arange(graph.column_count)))
    whole = assign(graph)
    assert less.value <= whole.value - int(whole.return_price[row])


@settings(max_examples=EXAMPLES)
@given(graphs(SMALL), st.data())
def test_price_bounds_what_a_unit_is_worth(
    graph: CandidateGraph, data: st.DataObject
) -> None:
    """One more unit adds its price or less, and never takes anything away."""
    if graph.column_count == 0:
        return
    column = data.draw(st.integers(0, graph.column_count - 1))
    capacity = graph.capacity.copy()
    capacity[column] += 1
    more = assign(
        CandidateGraph(graph.row_offsets, graph.columns, graph.saving, capacity)
    )
    whole = assign(graph)
    assert 0 <= more.value - whole.value <= int(whole.demand_price[column])


@settings(max_examples=EXAMPLES)
@given(graphs(SMALL), st.data())
def test_every_changed_price_is_refused(
    graph: CandidateGraph, data: st.DataObject
) -> None:
    """Raising a price that counts, or lowering any, unproves the total."""
    answer = assign(graph)
    counts = np.append(np.ones(graph.row_count, np.int64), graph.capacity)
    prices = np.append(answer.return_price, answer.demand_price)
    places = np.nonzero(counts)[0].tolist()
    if not places:
        return
    at = data.draw(st.sampled_from(places))
    prices[at] += data.draw(st.integers(-9, 9).filter(bool))
    damaged = Assignment(
        answer.column,
        prices[: graph.row_count],
        prices[graph.row_count :],
        answer.value,
    )
    with pytest.raises(CertificateError):
        check_certificate(graph, damaged)


@settings(max_examples=EXAMPLES)
@given(graphs(SMALL), st.data())
def test_every_dropped_match_is_refused(
    graph: CandidateGraph, data: st.DataObject
) -> None:
    """An answer with one match forgotten, its value set right, proves nothing."""
    answer = assign(graph)
    matched = np.nonzero(answer.column >= 0)[0].tolist()
    if not matched:
        return
    row = data.draw(st.sampled_from(matched))
    pair = (graph.edge_rows == row) & (graph.columns == answer.column[row])
    column = answer.column.copy()
    column[row] = -1
    damaged = Assignment(
        column,
        answer.return_price,
        answer.demand_price,
        answer.value - int(graph.saving[pair].max()),
    )
    with pytest.raises(CertificateError, match="totals differ"):
        check_certificate(graph, damaged)
