"""What shadows cost a round: none, a tenth as many as real items, as many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.result import Result
from benchmarks.rounds import DrivenShard
from matcher.domain.ids import TenantId
from matcher.domain.policy import Policy
from matcher.domain.return_item import ReturnItem
from matcher.domain.shadow import ShadowState
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import evaluate_gates
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import generate
from server.api.convert.policy import to_policy
from server.cli.demo_policy import demo_policy

FAMILY = "shadows"

_NOW_US = 1_772_452_800_000_000
_NEW_PER_ROUND = 0.01


def shadows(count: int, seed: int, threads: int) -> Iterator[Result]:
    """
    Close rounds over ``count`` real items with shadows beside them.

    The first round looks at everything; before the second, 1 % of the demands come.
    Both must end in the same real round, however many shadows there are.
    """
    new = max(1, round(count * _NEW_PER_ROUND))
    params = ScenarioParams(
        demand_count=2 * count + new,
        return_count=4 * count,
        sku_count=2 * count,
        sku_skew=0.0,
    )
    scenario = generate(params, np.random.default_rng(seed), _NOW_US)
    demands = scenario.demands
    everybody = replace(to_policy(demo_policy()), rollout_basis_points=10_000)
    items = [each for each in scenario.return_items if _passes(each, everybody)]
    items = items[: 2 * count]
    first_rounds = set()
    for shadow_count in (0, count // 10, count):
        shard = DrivenShard()
        shard.activate(replace(everybody, rollout_basis_points=0, rollout_steps=()))
        shard.load(items[count : count + shadow_count], demands[:-new])
        shard.activate(everybody)
        shard.load(items[:count], ())
        for name in ("everything is new", "1 % of demands is new"):
            seconds, record = shard.round(threads)
            first_rounds.add((name, record.saving_micros, record.matched_count))
            yield Result(
                FAMILY,
                f"{shadow_count:,} shadows beside {count:,} items, {name}",
                "nearturn",
                seconds,
                numbers={
                    "engine_s": shard.engine_s,
                    "matched": float(record.matched_count),
                    "shadows_matched": float(shard.shadow_count(ShadowState.MATCHED)),
                    "shadows_open": float(shard.shadow_count(ShadowState.OPEN)),
                },
            )
            shard.load((), demands[-new:])
    assert len(first_rounds) == 2, "shadows changed a round"


def _passes(item: ReturnItem, policy: Policy) -> bool:
    report = evaluate_gates(
        item,
        policy,
        tenant=TenantId("bench"),
        surroundings=Surroundings(),
        now_us=_NOW_US,
    )
    return report.passed
