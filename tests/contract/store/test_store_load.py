"""What a shard gets when it starts, on every store."""

from __future__ import annotations

import gc
from contextlib import closing
from typing import cast

import msgspec
import pytest
from sqlalchemy import update

from matcher.domain.demand import DemandState
from matcher.domain.match import HoldState
from matcher.domain.policy import PolicyState
from matcher.domain.return_item import ReturnState
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from server.storage.codec import StoredDocumentError
from server.storage.sql_store import SqlStore
from server.storage.store import Store
from server.storage.tables import demands
from tests.contract.store.conftest import Opener
from tests.contract.store.count_rows import (
    guardrail_day_row,
    match_count_row,
    sku_day_row,
)
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    changes_of,
    decision_row,
    demand_row,
    drop_off_point_row,
    match_row,
    policy_row,
    program_event_row,
    program_row,
    return_row,
    round_row,
    service_area_row,
    volume_hour_row,
    warehouse_day_row,
    warehouse_row,
)


def test_new_tenant_loads_empty(store: Store) -> None:
    """A tenant without rows gives no rows and counters at 0, beside one that has."""
    store.commit([(OTHER, changes_of(demand_row(), match_row()))])
    assert store.load(BRAND) == LiveRows()


def test_a_row_that_does_not_read_back_is_an_error(opener: Opener) -> None:
    """It is named, and what read the rows before it is closed (warnings are errors)."""
    with closing(cast(SqlStore, opener())) as store:
        store.commit([(BRAND, changes_of(*(demand_row(f"d{n}") for n in range(9))))])
        with store._database.writing("spoil a row") as connection:
            connection.execute(update(demands).values(document="[]"))
        with pytest.raises(StoredDocumentError):
            store.load(BRAND)
        with pytest.raises(msgspec.ValidationError):
            store.demand_facts(BRAND)
    gc.collect()


def test_live_demands_are_those_with_open_or_held_units(store: Store) -> None:
    """Each state with each count of held units: the record itself says who is live."""
    rows = [
        demand_row(f"{state.name}-{held}-{shipped}", state=state, **counts)
        for state in DemandState
        if state is not DemandState.UNSPECIFIED
        for held, shipped in ((0, 0), (1, 0), (0, 1_000_000), (1, 999_999))
        for counts in ({"held_count": held, "fulfilled_count": shipped},)
    ]
    live = [row for row in rows if row.is_live]
    # Open units in two states; a hold in all five, of which three are closed.
    assert len(live) == 2 + 5 * 2
    store.commit([(BRAND, changes_of(*rows))])
    expected = sorted(live, key=lambda row: row.demand.demand_id)
    assert store.load(BRAND).demands == tuple(expected)


def test_row_leaves_and_joins_the_live_ones(store: Store) -> None:
    """A demand that closes with a hold, loses it, and opens again."""
    held = demand_row(state=DemandState.CANCELLED)
    closed = demand_row(state=DemandState.CANCELLED, held_count=0)
    opened = demand_row(state=DemandState.OPEN, held_count=0)
    for row, expected in ((held, (held,)), (closed, ()), (opened, (opened,))):
        store.commit([(BRAND, changes_of(row))])
        assert store.load(BRAND).demands == expected


def test_live_returns_are_waiting_or_matched(store: Store) -> None:
    """Of the five states of a return item two may still change their route."""
    states = [state for state in ReturnState if state is not ReturnState.UNSPECIFIED]
    rows = [return_row(f"r{5 - state}", state=state) for state in states]
    store.commit([(BRAND, changes_of(*rows))])
    matched, waiting = rows[1], rows[0]
    assert store.load(BRAND).returns == (matched, waiting)


def test_live_matches_have_an_active_hold(store: Store) -> None:
    """Of four states of a hold one is live; two such matches come by number."""
    rows = [
        match_row(2, hold_state=HoldState.ACTIVE),
        match_row(1, hold_state=HoldState.ACTIVE),
        match_row(3, hold_state=HoldState.CONFIRMED),
        match_row(4, hold_state=HoldState.RELEASED),
        match_row(5, hold_state=HoldState.EXPIRED),
    ]
    store.commit([(BRAND, changes_of(*rows))])
    loaded = store.load(BRAND)
    assert loaded.matches == (rows[1], rows[0])
    assert loaded.match_count == 5


def test_whole_network_and_all_policies_are_loaded(store: Store) -> None:
    """Every policy version, retired ones included: old matches follow theirs."""
    policies = [
        policy_row(1, state=PolicyState.RETIRED),
        policy_row(2),
        policy_row(10, state=PolicyState.CREATED),
    ]
    warehouses = warehouse_row("w1"), warehouse_row("w2")
    areas = service_area_row("a1"), service_area_row("a2")
    rows = (*reversed(policies), *reversed(warehouses), *reversed(areas))
    store.commit([(BRAND, changes_of(*rows))])
    store.commit([(OTHER, changes_of(*rows, warehouse_row("w3")))])
    loaded = store.load(BRAND)
    assert loaded.policies == tuple(policies)
    assert loaded.warehouses == warehouses
    assert loaded.service_areas == areas
    gone = Changes()
    gone.warehouses[warehouses[0].warehouse_id] = None
    store.commit([(BRAND, gone)])
    assert store.load(BRAND).warehouses == warehouses[1:]


def test_last_two_days_of_warehouses_are_loaded(store: Store) -> None:
    """Around midnight both days may count: 20,514 and the day before, not 20,512."""
    rows = [
        warehouse_day_row("w1", 20_512, 1),
        warehouse_day_row("w1", 20_513, 2),
        warehouse_day_row("w2", 20_513, 3),
        warehouse_day_row("w1", 20_514, 4),
    ]
    store.commit([(BRAND, changes_of(*rows))])
    store.commit([(OTHER, changes_of(warehouse_day_row("w9", 20_600)))])
    assert store.load(BRAND).warehouse_days == tuple(rows[1:])
    counted = warehouse_day_row("w1", 20_514, 5)
    store.commit([(BRAND, changes_of(counted))])
    assert store.load(BRAND).warehouse_days == (*rows[1:3], counted)


def test_restart_loads_what_was_committed(store: Store, opener: Opener) -> None:
    """One row of each kind, closed and opened: the same rows, to the letter (I12)."""
    rows = (
        demand_row(),
        return_row(),
        match_row(),
        policy_row(),
        volume_hour_row(),
        match_count_row(),
        warehouse_row(),
        service_area_row(),
        drop_off_point_row(),
        warehouse_day_row(),
        program_row(),
        program_event_row(),
        decision_row(),
        round_row(),
        guardrail_day_row(),
        sku_day_row(),
    )
    store.commit([(BRAND, changes_of(*rows))])
    before = store.load(BRAND)
    store.close()
    again = opener()
    try:
        assert again.load(BRAND) == before
        assert repr(again.load(BRAND)) == repr(before)
    finally:
        again.close()
    lists = tuple((row,) for row in rows[:10])
    watched, ordered = rows[-2:]
    expected = LiveRows(
        *lists[:4],
        program_row(),
        *lists[4:],
        1,
        1,
        1,
        guardrail_days=(watched,),
        sku_days=(ordered,),
    )
    assert before == expected


def test_the_longest_window_of_a_cap_is_loaded(store: Store) -> None:
    """Ninety days back from the last hour that has any, whatever has gaps."""
    hours = [0, 492_000 - 2_161, 492_000 - 2_160, 491_999, 492_000]
    rows = [volume_hour_row(hour) for hour in hours]
    store.commit(
        [(BRAND, changes_of(*rows)), (OTHER, changes_of(volume_hour_row(9**9)))]
    )
    assert store.load(BRAND).volume_hours == tuple(rows[2:])


def test_counts_of_the_last_two_days_are_loaded(store: Store) -> None:
    """By day, then key, the later value of each; another tenant's are its own (R3)."""
    rows = [match_count_row(key, day) for key in "ab" for day in (18, 19, 20)]
    store.commit([(BRAND, changes_of(*rows)), (OTHER, changes_of(match_count_row()))])
    store.commit([(BRAND, changes_of(match_count_row("b", 20, 0)))])
    assert store.load(BRAND).match_counts == (
        *(rows[1], rows[4], rows[2]),
        match_count_row("b", 20, 0),
    )


def test_the_longest_window_of_a_guardrail_is_loaded(store: Store) -> None:
    """Ninety days back from the last day that has any, by day, then category."""
    days = [
        (0, "a"),
        (20_514 - 91, "a"),
        (20_514 - 90, "b"),
        (20_514, ""),
        (20_514, "a"),
    ]
    rows = [guardrail_day_row(day, category) for day, category in days]
    store.commit(
        [
            (BRAND, changes_of(*reversed(rows))),
            (OTHER, changes_of(guardrail_day_row(9**9))),
        ]
    )
    assert store.load(BRAND).guardrail_days == tuple(rows[2:])


def test_the_longest_window_of_a_floor_is_loaded(store: Store) -> None:
    """Ninety days back from the last day that has any, by day, then SKU."""
    days = [(0, "a"), (20_423, "a"), (20_424, "b"), (20_514, "a"), (20_514, "b")]
    rows = [sku_day_row(day, sku) for day, sku in days]
    store.commit(
        [
            (BRAND, changes_of(*reversed(rows))),
            (OTHER, changes_of(sku_day_row(9**9))),
        ]
    )
    assert store.load(BRAND).sku_days == tuple(rows[2:])
