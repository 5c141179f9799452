"""Whole scenarios: the same for a seed, of the size and variety asked for."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from matcher.simulate import Scenario, ScenarioParams, generate
from tests.unit.simulate.test_returners import NOW_US, POLICY

SMALL = ScenarioParams(demand_count=400, return_count=100, city_count=4, sku_count=20)


def _generate(params: ScenarioParams, seed: int) -> Scenario:
    return generate(params, np.random.default_rng(seed), NOW_US)


def test_seed_pins_the_scenario() -> None:
    """The text of the whole scenario has this hash on every run and platform (R3)."""
    text = repr(_generate(SMALL, 61)).encode()
    assert blake2b(text, digest_size=8).hexdigest() == "e5460d141cbf6548"


def test_other_seed_other_scenario() -> None:
    """Seeds 61 and 62 share no demand's place, but all ids."""
    one, other = _generate(SMALL, 61), _generate(SMALL, 62)
    assert [each.demand_id for each in one.demands] == [
        each.demand_id for each in other.demands
    ]
    assert {each.location for each in one.demands} & {
        each.location for each in other.demands
    } == set()


def test_now_only_moves_the_times() -> None:
    """A day later, places are equal and each time is a day later."""
    day_us = 86_400_000_000
    one = _generate(SMALL, 61)
    later = generate(SMALL, np.random.default_rng(61), NOW_US + day_us)
    for before, after in zip(one.demands, later.demands, strict=True):
        assert after.location == before.location
        assert after.ship_by_us == before.ship_by_us + day_us


def test_empty_scenario() -> None:
    """No demand, no return, no warehouse: three empty tuples, no error."""
    params = ScenarioParams(demand_count=0, return_count=0, warehouse_count=0)
    scenario = _generate(params, 63)
    assert scenario.demands == ()
    assert scenario.return_items == ()
    assert scenario.warehouses == ()


def test_plan_of_a_scenario_is_varied() -> None:
    """1,000 returns against 4,000 demands: half match, with 15 reasons or more."""
    params = ScenarioParams(demand_count=4_000, return_count=1_000, sku_count=60)
    scenario = _generate(params, 64)
    snapshot = Snapshot(scenario.return_items, scenario.demands, scenario.warehouses)
    summary = plan(snapshot, POLICY, now_us=NOW_US).summary
    assert summary.matched_count > 500
    assert len(summary.reason_counts) >= 15
    assert summary.verified
