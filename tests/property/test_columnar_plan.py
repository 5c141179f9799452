"""A plan over columns is the plan over values, whatever the snapshot and the policy."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.demand import Demand
from matcher.domain.demand_floor import DemandFloor
from matcher.domain.mode import Mode
from matcher.domain.policy import Policy
from matcher.engine.demand_columns import DemandColumns
from matcher.engine.plan import plan
from matcher.engine.proof import pack
from matcher.engine.snapshot import Snapshot
from server.api.bulk.arrow_chunk import read_chunk
from server.api.bulk.demand_batch import read_demands
from server.api.bulk.demand_stage import DemandStage
from server.files.columns import Kind
from tests.property.test_plan import policies, snapshots
from tests.scenarios import DAY_US, NOW_US, TENANT, demand
from tests.scenarios.arrow_tables import chunk_of, table_of


def _columns(demands: tuple[Demand, ...], cut: int) -> DemandColumns:
    # In two chunks, so that numbers of SKUs go on from one to the next.
    stage = DemandStage()
    for part in (demands[:cut], demands[cut:]):
        chunk = chunk_of(table_of(Kind.DEMAND, part))
        stage.add(read_demands("demands", read_chunk("demands", chunk)))
    return stage.columns()


@settings(max_examples=80)
@given(snapshots(), policies(), st.integers(0, 6), st.booleans(), st.booleans())
def test_columns_change_no_byte(
    snapshot: Snapshot, terms: Policy, cut: int, has_floor: bool, is_shadow: bool
) -> None:
    """Decisions, proof, summary: with floors of demand and in shadow mode as well."""
    if has_floor:
        floor = DemandFloor(7 * DAY_US, min_open_units=2, min_orders=1)
        rules = tuple(replace(each, demand_floor=floor) for each in terms.categories)
        terms = replace(terms, categories=rules)
    if is_shadow:
        terms = replace(terms, mode=Mode.SHADOW)
    by_value = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT)
    by_column = plan(
        replace(snapshot, demands=()),
        terms,
        now_us=NOW_US,
        tenant=TENANT,
        threads=2,
        demands=_columns(snapshot.demands, cut),
    )
    assert msgspec.json.encode(by_column.decisions) == msgspec.json.encode(
        by_value.decisions
    )
    assert by_column.summary == by_value.summary
    assert by_column.acting == by_value.acting
    assert pack(by_column.proof) == pack(by_value.proof)


@given(st.lists(st.integers(0, 30), unique=True), st.integers(0, 30))
def test_a_row_is_the_demand_that_came(numbers: list[int], cut: int) -> None:
    """Every field survives the columns."""
    made = tuple(
        demand(
            f"d{number}",
            float(number),
            sku=f"sku {number % 3}",
            category=f"category {number % 2}",
            quantity=1 + number,
            segment="" if number % 2 else "é",
            priority=number % 10,
            accepts_returned_item=bool(number % 3),
        )
        for number in numbers
    )
    columns = _columns(made, cut)
    assert tuple(columns.demand(row) for row in range(len(columns))) == made
