"""What a sweep of a policy's radius costs, against one of its variants alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.measurement import Way, measure
from benchmarks.result import Result
from matcher.domain.ids import TenantId
from matcher.domain.policy import Policy
from matcher.engine.snapshot import Snapshot
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import generate
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.study import Study, Variant
from matcher.simulate.whatif.unfolding import over_days
from server.api.convert.policy import to_policy
from server.cli.demo_policy import demo_policy

FAMILY = "what-if"

_ONE = "one radius"
_NOW_US = 1_772_452_800_000_000
_DAY_US = 86_400_000_000
_DAYS = 30
_RADII_M = tuple(range(5_000, 100_001, 5_000))
_ITEMS_PER_SKU = 20

#: Matches and saving of a course.
Totals = tuple[int, int]


def what_if(count: int, seed: int, repetitions: int, threads: int) -> Iterator[Result]:
    """
    Live a month of ``count`` returns and demands under one radius, and under twenty.

    Rounds are closed every six hours. Each run begins with the timeline alone: pairs,
    gates and prices are part of it. The widest radius is among the twenty, and has to
    come out as it does alone.
    """
    rng = np.random.default_rng(seed)
    params = ScenarioParams(
        demand_count=count,
        return_count=count,
        sku_count=max(1, count // _ITEMS_PER_SKU),
    )
    drawn = generate(params, rng, _NOW_US)
    policy = to_policy(demo_policy())
    timeline = over_days(
        Snapshot(drawn.return_items, drawn.demands, drawn.warehouses),
        policy,
        rng,
        now_us=_NOW_US,
        span_us=_DAYS * _DAY_US,
        round_us=_DAY_US // 4,
    )
    many = f"{len(_RADII_M)} radii"
    variants = {
        _ONE: [_variant(policy, _RADII_M[-1])],
        many: [_variant(policy, radius_m) for radius_m in _RADII_M],
    }

    def run(way: str) -> list[Totals]:
        study = Study(
            Facts(TenantId("bench"), timeline), variants[way], threads=threads
        )
        return [
            (int(c.is_matched.sum()), int(c.saving_micros[c.is_matched].sum()))
            for _, c in study.run()
        ]

    found: dict[str, list[Totals]] = {}

    def agree(way: str, totals: list[Totals]) -> None:
        assert found.setdefault(way, totals) == totals, "two runs of one study differ"

    ways = [Way(way, partial(partial, run, way)) for way in variants]
    timings = measure(ways, repetitions, agree)
    assert found[many][-1] == found[_ONE][0], "a sweep changed one of its variants"
    rounds = len(timeline.rounds)
    case = f"{count:,} returns over {_DAYS} days, {rounds} rounds"
    for way, timing in timings.items():
        yield Result(
            FAMILY,
            case,
            way,
            timing.median_s,
            ratio=timing.median_s / timings[_ONE].median_s if way == many else None,
            numbers={"matched": float(found[way][-1][0])},
        )


def _variant(policy: Policy, radius_m: int) -> Variant:
    rules = tuple(replace(rule, radius_m=radius_m) for rule in policy.categories)
    return Variant(str(radius_m), replace(policy, categories=rules))
