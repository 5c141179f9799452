"""Marginal prices of a round against solving it again with one more or one less."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.domain.demand import Demand
from matcher.engine.proof import Proof
from matcher.report.prices import PriceView, shadow_prices
from matcher.solve import CandidateGraph, assign
from tests.oracle.small_markets import small_market
from tests.scenarios import demand

SEEDS = range(300)


def _proof(graph: CandidateGraph) -> Proof:
    rows = [f"r{row}" for row in range(len(graph.row_offsets) - 1)]
    columns = [f"d{column}" for column in range(len(graph.capacity))]
    return Proof.of(graph, assign(graph), rows, columns)


def _with_one_more(graph: CandidateGraph, column: int) -> CandidateGraph:
    capacity = graph.capacity.copy()
    capacity[column] += 1
    return CandidateGraph(graph.row_offsets, graph.columns, graph.saving, capacity)


def _without(graph: CandidateGraph, row: int) -> CandidateGraph:
    # Its candidates save nothing any more, so it opts out.
    saving = graph.saving.copy()
    saving[graph.row_offsets[row] : graph.row_offsets[row + 1]] = -1
    return CandidateGraph(graph.row_offsets, graph.columns, saving, graph.capacity)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_price_is_what_one_more_or_less_changes(seed: int):
    """
    300 small markets with ties and losses: every price, zeros included, is exact.

    A cell's price is that of its dearest demand: one more unit there changes as much
    as the best of its demands.
    """
    graph = small_market(np.random.default_rng(seed))
    value = assign(graph).value
    proof = _proof(graph)
    demands: dict[str, Demand] = {
        name: demand(name, 0.0, sku="ab"[place % 2])
        for place, name in enumerate(proof.demand_ids)
    }
    more = {
        name: assign(_with_one_more(graph, column)).value - value
        for column, name in enumerate(proof.demand_ids)
    }
    less = {
        f"r{row}": value - assign(_without(graph, row)).value
        for row in range(len(graph.row_offsets) - 1)
    }
    priced = shadow_prices(proof, PriceView.DEMAND, demands, 7)
    assert {each.demand_id: each.price_micros for each in priced} == _above_zero(more)
    priced = shadow_prices(proof, PriceView.RETURN, {}, 7)
    assert {each.return_id: each.price_micros for each in priced} == _above_zero(less)
    by_sku: dict[str, int] = {}
    for name, worth in more.items():
        sku = demands[name].sku
        by_sku[sku] = max(by_sku.get(sku, 0), worth)
    priced = shadow_prices(proof, PriceView.CELL, demands, 7)
    assert {each.sku: each.price_micros for each in priced} == _above_zero(by_sku)
    assert [each.price_micros for each in priced] == sorted(
        (each.price_micros for each in priced), reverse=True
    )


def _above_zero(worth: dict[str, int]) -> dict[str, int]:
    return {name: micros for name, micros in worth.items() if micros}
