"""Rounds under match limits that bind, and under objectives that put matches first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.result import Result
from benchmarks.rounds import NOW_US, DrivenShard
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import Policy
from matcher.engine.proof import unpack
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import Scenario, generate
from server.api.convert.policy import to_policy
from server.cli.demo_policy import demo_policy

FAMILY = "match-limits"

_SKUS = 300

#: Of a US city such a cell is a part: a few for each, nested in coarser ones.
_ZONE_RESOLUTIONS = (5, 4)


@dataclass(frozen=True, slots=True)
class _Round:
    seconds: float
    matched: int
    saving: float
    groups: int


def match_limits(
    count: int, seed: int, repetitions: int, threads: int
) -> Iterator[Result]:
    """
    Close one round over ``count`` returns and demands under one policy after another.

    A day's limit is half of the matches that there are without; zones have half of
    what a zone has on average, nested ones four fifths of their parts together.
    """
    params = ScenarioParams(
        demand_count=count,
        return_count=count,
        sku_count=max(1, min(_SKUS, count // 60)),
    )
    scenario = generate(params, np.random.default_rng(seed), NOW_US)
    plain = to_policy(demo_policy())
    ours: float | None = None
    for name, terms in _terms(plain, scenario, threads).items():
        closed = [_close(scenario, terms, threads) for _ in range(repetitions)]
        seconds = statistics.median(each.seconds for each in closed)
        yield Result(
            FAMILY,
            f"{count:,} x {count:,}",
            name,
            seconds,
            ratio=None if ours is None else seconds / ours,
            numbers={
                "matched": closed[0].matched,
                "saving_micros": closed[0].saving,
                "groups": closed[0].groups,
            },
        )
        ours = seconds if ours is None else ours


def _terms(plain: Policy, scenario: Scenario, threads: int) -> dict[str, Policy]:
    matched = _close(scenario, plain, threads).matched
    day = MatchLimit(LimitScope.DAY, matched // 2)
    zones = tuple(
        MatchLimit(
            LimitScope.ZONE, max(1, matched // 2 // _zone_count(scenario, each)), each
        )
        for each in _ZONE_RESOLUTIONS
    )
    sku = MatchLimit(LimitScope.SKU, max(1, matched // 2 // _SKUS))
    return {
        "no limits": plain,
        "a limit that nothing reaches": replace(
            plain, match_limits=(MatchLimit(LimitScope.DAY, 10**9),)
        ),
        "a day": replace(plain, match_limits=(day,)),
        "zones": replace(plain, match_limits=zones[:1]),
        "nested zones": replace(plain, match_limits=zones),
        "a day and nested zones": replace(plain, match_limits=(day, *zones)),
        "SKUs": replace(plain, match_limits=(sku,)),
        **{each.name: replace(plain, objective=each) for each in list(Objective)[2:]},
    }


def _zone_count(scenario: Scenario, resolution: int) -> int:
    import h3.api.basic_int as h3  # noqa: PLC0415 - for this count alone

    cells = {
        h3.latlng_to_cell(each.location.lat, each.location.lng, resolution)
        for each in scenario.demands
    }
    return max(1, len(cells))


def _close(scenario: Scenario, terms: Policy, threads: int) -> _Round:
    shard = DrivenShard(policy=terms)
    shard.load(scenario.return_items, scenario.demands)
    started = time.perf_counter()
    _, record = shard.round(threads)
    seconds = time.perf_counter() - started
    return _Round(
        seconds,
        record.matched_count,
        float(record.saving_micros),
        len(unpack(record.proof).groups),
    )
