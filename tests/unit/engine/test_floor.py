"""A floor of a SKU's demand: looked at once, at its very value, across restarts."""

from __future__ import annotations

import pytest

from matcher.domain.demand_floor import DemandFloor, SeenDemand
from matcher.domain.errors import InvalidPolicyError
from matcher.domain.ids import DemandId
from matcher.domain.reason import CheckResult, ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import CancelDemand
from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from tests.scenarios import (
    DAY_US,
    NOW_US,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
)

_THIN = ReasonCode.SKU_DEMAND_TOO_THIN


def _floored(**asks: int) -> RunningShard:
    shard = RunningShard()
    floor = DemandFloor(**{"window_us": 3 * DAY_US, **asks})
    shard.activate(policy(rule(demand_floor=floor)))
    return shard


def _order(shard: RunningShard, day: int, name: str, **fields: object) -> None:
    shard.now_us = NOW_US + day * DAY_US
    shard.upsert(demand(name, ship_by_us=shard.now_us + 9 * DAY_US, **fields))


def _codes(shard: RunningShard, name: str = "r1") -> tuple[ReasonCode, ...]:
    item = return_item(name, decide_by_us=shard.now_us + 9 * DAY_US)
    (answer,) = shard.submit(item)
    return answer.record.reason_codes


@pytest.mark.parametrize(
    ("asks", "is_enough"),
    [
        ({"min_open_units": 5}, True),
        ({"min_open_units": 6}, False),
        ({"min_orders": 2}, True),
        ({"min_orders": 3}, False),
        ({"min_steadiness_basis_points": 6_666}, True),
        ({"min_steadiness_basis_points": 6_667}, False),
    ],
)
def test_a_floor_holds_at_its_very_value(asks: dict[str, int], is_enough: bool) -> None:
    """
    Two orders, of 3 and 2 units, on 2 of the last 3 days (R19, R20).

    One of before the window, one of another SKU, and one whose buyer does not take
    returned items do not count; nor does a change of an order that is known.
    """
    shard = _floored(**asks)
    _order(shard, 0, "old", quantity=1)
    _cancel(shard, "old")
    _order(shard, 1, "d1", quantity=3)
    _order(shard, 3, "d2", quantity=1)
    _order(shard, 3, "d2", quantity=2)
    _order(shard, 3, "d3", sku="coat")
    _order(shard, 3, "d4", accepts_returned_item=False)
    shard.restart()
    assert (_THIN not in _codes(shard)) == is_enough
    seen = shard.item().seen_demand
    assert seen == SeenDemand(3, 5, 2, 2)


def _cancel(shard: RunningShard, name: str) -> None:
    shard.apply(CancelDemand(DemandId(name)))


def test_it_is_looked_at_once() -> None:
    """Who waits stays in though the demand goes; who comes later does not get in."""
    shard = _floored(min_open_units=1)
    _order(shard, 0, "d1")
    assert _THIN not in _codes(shard)
    _cancel(shard, "d1")
    shard.restart()
    shard.round()
    assert shard.item().state is ReturnState.WAITING
    assert _codes(shard, "r2") == (_THIN, ReasonCode.STANDARD_WAREHOUSE_ROUTE)


def test_who_came_in_before_there_was_a_floor_stays_in() -> None:
    """As with a floor over another window than the one that was asked for."""
    shard = RunningShard()
    shard.activate(policy())
    assert _THIN not in _codes(shard)
    for days in (1, 2):
        floor = DemandFloor(days * DAY_US, min_orders=9)
        shard.activate(policy(rule(demand_floor=floor)))
        shard.round()
        assert shard.item().state is ReturnState.WAITING


def test_what_was_seen_and_what_is_asked_is_said() -> None:
    """In the check and in the reason, in the same words (R12)."""
    shard = _floored(min_orders=2, min_steadiness_basis_points=5_000)
    _order(shard, 0, "d1")
    _codes(shard)
    decision = shard.store.decision(shard.item().decision_id)
    assert decision is not None
    (check,) = [c for c in decision.checks if c.name == "sku_demand_sufficient"]
    assert check.result is CheckResult.FAILED
    assert check.observed == "1 open units, 1 orders on 1 of 3 days"
    assert check.accepted == "at least 2 orders in 3 days, orders on 50.00 % of 3 days"
    assert check.observed in decision.reasons[0].text


def test_days_out_of_reach_are_forgotten() -> None:
    """Memory holds the longest window only, and a restart reads the same."""
    shard = _floored(min_orders=1)
    _order(shard, 0, "d1")
    _order(shard, 91, "d2", sku="coat")
    skus = shard.shard._demands._skus
    assert set(skus._days) == {"coat"}
    shard.restart()
    assert shard.shard._demands._skus._days == skus._days


def test_a_plan_counts_the_orders_of_its_snapshot() -> None:
    """Units and orders as they are; the days of orders are not known, so left aside."""
    floor = DemandFloor(
        DAY_US, min_open_units=3, min_orders=2, min_steadiness_basis_points=10_000
    )
    orders = (demand("d1", quantity=2), demand("d2"))
    for demands, is_matched in ((orders, True), (orders[:1], False)):
        made = plan(
            Snapshot((return_item(),), demands, ()),
            policy(rule(demand_floor=floor)),
            now_us=NOW_US,
        )
        assert (made.decisions[0].match is not None) == is_matched


def test_faults_of_a_floor_come_all_at_once() -> None:
    """Half a day, and nothing asked for."""
    with pytest.raises(InvalidPolicyError) as caught:
        policy(rule(demand_floor=DemandFloor(DAY_US // 2)))
    assert [each.field for each in caught.value.violations] == [
        "categories[0].demand_floor.window",
        "categories[0].demand_floor",
    ]
