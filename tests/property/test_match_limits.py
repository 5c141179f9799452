"""Whatever the limits and the objective: none is passed, and nothing is better."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import h3.api.basic_str as h3
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from matcher.domain.ids import MatchId
from matcher.domain.match import HoldState, Match
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import MatchKey, Policy
from matcher.engine.commands import ConfirmMatch, ReleaseMatch, UpsertWarehouse
from matcher.engine.plan import Plan, plan
from matcher.engine.snapshot import Snapshot
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    TENANT,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
    verification,
    warehouse,
)

FloatArray = NDArray[np.float64]


def _key(made: Plan, limit: MatchLimit, row: int, column: int) -> str:
    """Return what a pair counts for under a limit; empty for nothing."""
    market = made.solved.market
    if limit.scope is LimitScope.DAY:
        return "day"
    if limit.scope is LimitScope.SKU:
        return market.items[row].item.sku
    if limit.scope is LimitScope.WAREHOUSE:
        at = int(market.fallback.warehouse[row])
        return f"warehouse {at}" if at >= 0 else ""
    finest = max(e.resolution for e in made.keys.limits)
    place = market.demands[column].demand.location
    cell = h3.latlng_to_cell(place.lat, place.lng, finest)
    return h3.cell_to_parent(cell, limit.resolution)


def _best(made: Plan, terms: Policy) -> tuple[int, int]:
    """Return most matches (0 if they do not come first), then the best total."""
    graph, metres = made.graph, made.solved.market.distance_m
    rows, columns = graph.edge_rows, graph.columns
    by_metres = terms.objective is Objective.MAX_MATCHES_THEN_DISTANCE
    worth = -metres if by_metres else graph.saving
    if not len(columns):
        return 0, 0
    bounds: Counter[str] = Counter()
    held: dict[str, list[int]] = {}
    for edge, (row, column) in enumerate(zip(rows, columns, strict=True)):
        for name, most in (
            (f"row {row}", 1),
            (f"column {column}", int(graph.capacity[column])),
            *(
                (f"{limit.name} {key}", limit.count_max)
                for limit in terms.match_limits
                if (key := _key(made, limit, int(row), int(column)))
            ),
        ):
            bounds[name] = most
            held.setdefault(name, []).append(edge)
    table = np.zeros((len(held), len(columns)))
    for at, edges in enumerate(held.values()):
        table[at, edges] = 1
    most = np.array([bounds[name] for name in held], float)
    if terms.objective is Objective.MAX_SAVING:
        return 0, _solved(worth, table, most)
    matches = _solved(np.ones(len(columns)), table, most)
    table = np.vstack([table, -np.ones(len(columns))])
    return matches, _solved(worth, table, np.append(most, -matches))


def _solved(worth: FloatArray, table: FloatArray, most: FloatArray) -> int:
    # A flow: its vertices are whole, so that a linear program finds the best matches.
    found = linprog(-worth.astype(float), table, most, bounds=(0, 1), method="highs-ds")
    assert found.success, found.message
    return round(-found.fun)


def _limits(rng: random.Random, top: int) -> tuple[MatchLimit, ...]:
    """Return limits that nest, in any order; one at least."""
    of_returns = rng.choice([LimitScope.SKU, LimitScope.WAREHOUSE])
    kinds = [(LimitScope.DAY, 0), (of_returns, 0)]
    kinds += [(LimitScope.ZONE, each) for each in (4, 7, 8)]
    chosen = rng.sample(kinds, rng.choice([1, 1, 2, 2, 3, 4]))
    return tuple(
        MatchLimit(scope, rng.randrange(top), resolution)
        for scope, resolution in chosen
    )


def _market(rng: random.Random) -> tuple[Snapshot, Policy]:
    """Return a market in which most pairs are candidates, and terms that bind."""

    def east_m() -> float:
        return rng.randrange(8) * 1_500.0

    items = [
        return_item(f"r{n}", east_m(), sku=rng.choice(["shirt", "coat"]))
        for n in range(rng.randrange(2, 10))
    ]
    demands = [
        demand(
            f"d{n}",
            east_m(),
            sku=rng.choice(["shirt", "coat"]),
            quantity=rng.choice([1, 1, 2, 4]),
            priority=rng.randrange(3),
        )
        for n in range(rng.randrange(1, 8))
    ]
    terms = policy(
        rule(
            radius_m=rng.choice([4_000, 50_000]),
            match_key=rng.choice([MatchKey.SKU, MatchKey.CATEGORY]),
        ),
        objective=rng.choice([each for each in Objective if each]),
        match_limits=_limits(rng, 4),
    )
    model = replace(terms.cost_model, priority_step_micros=1_000_000)
    depots = [warehouse(f"w{n}", east_m()) for n in range(rng.randrange(3))]
    snapshot = Snapshot(tuple(items), tuple(demands), tuple(depots))
    return snapshot, replace(terms, cost_model=model)


@settings(max_examples=400)
@given(st.integers(0, 2**32))
def test_nothing_is_better_within_the_limits(seed: int) -> None:
    """SciPy's linear program finds as many matches, and as good ones (R26)."""
    snapshot, terms = _market(random.Random(seed))
    made = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT)
    matches = [each.match for each in made.decisions if each.match]
    used: Counter[tuple[str, str]] = Counter()
    for row, column in enumerate(made.assignment.column.tolist()):
        for limit in terms.match_limits if column >= 0 else ():
            used[limit.name, _key(made, limit, row, column)] += 1
    for limit in terms.match_limits:
        for (name, key), count in used.items():
            assert name != limit.name or not key or count <= limit.count_max
    count, total = _best(made, terms)
    if terms.objective is not Objective.MAX_SAVING:
        assert len(matches) == count
    if terms.objective is Objective.MAX_MATCHES_THEN_DISTANCE:
        assert -sum(match.distance_m for match in matches) == total
    else:
        assert made.summary.saving_micros == total
    made.proof.check()


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_no_limit_is_passed_on_any_day(seed: int) -> None:
    """Over days of rounds, releases, restarts and other versions (R26, I3, I12)."""
    rng = random.Random(seed)
    shard = RunningShard()
    limits: tuple[MatchLimit, ...] = ()
    made: dict[MatchId, tuple[int, Match]] = {}
    for number in range(12):
        if number == 0 or rng.random() < 0.25:
            limits = _limits(rng, 7)
            shard.activate(_terms(limits))
        if rng.random() < 0.3:
            depot = warehouse(f"w{number % 2}", rng.randrange(8) * 1_500.0)
            shard.apply(UpsertWarehouse(depot))
        _fill(shard, number, rng)
        before = set(shard.store.rows.matches)
        shard.round()
        day = shard.now_us // DAY_US
        for match_id in shard.store.rows.matches.keys() - before:
            made[match_id] = (day, shard.match(match_id))
        _check(shard, limits, day, before)
        for match_id in sorted(made):
            _end(shard, match_id, rng)
        if rng.random() < 0.3:
            shard.restart()
        shard.tick(shard.now_us + rng.choice([HOUR_US, 2 * HOUR_US, 9 * HOUR_US]))


def _terms(limits: tuple[MatchLimit, ...]) -> Policy:
    age_us = 90 * DAY_US
    return policy(
        rule(verification_max_age_us=age_us),
        hold_duration_us=5 * HOUR_US,
        match_limits=limits,
    )


def _fill(shard: RunningShard, number: int, rng: random.Random) -> None:
    ends_us = shard.now_us + 9 * DAY_US
    for at in range(rng.randrange(7)):
        name = f"{number}-{at}"
        sku = rng.choice(["shirt", "coat"])
        places = [rng.randrange(8) * 1_500.0 for _ in range(2)]
        shard.upsert(demand(name, places[0], sku=sku, ship_by_us=ends_us))
        fresh = verification(verify_us=shard.now_us)
        item = return_item(name, places[1], sku=sku, verification=fresh)
        shard.submit(replace(item, decide_by_us=ends_us))


def _end(shard: RunningShard, match_id: MatchId, rng: random.Random) -> None:
    if shard.match(match_id).hold_state is HoldState.ACTIVE:
        how = rng.choice([None, None, ConfirmMatch, ReleaseMatch])
        if how is not None:
            shard.apply(how(match_id))


def _check(
    shard: RunningShard,
    limits: tuple[MatchLimit, ...],
    day: int,
    before: set[MatchId],
) -> None:
    # Of each limit, those that have its place: made on this day, and not given back on
    # it. A round that makes any stays within what its own version allows.
    kept = [
        match
        for match in shard.store.rows.matches.values()
        if any(key.day == day for key in match.places)
        and match.hold_state in (HoldState.ACTIVE, HoldState.CONFIRMED)
    ]
    for limit in limits:
        kind = (limit.scope, limit.resolution)
        counts = Counter(
            key for m in kept for key in m.places if (key.scope, key.resolution) == kind
        )
        fresh = {
            key for m in kept if m.match_id not in before for key in m.places
        } & counts.keys()
        for key in fresh:
            assert counts[key] <= limit.count_max, (limit, key)
    for key, row in shard.store.rows.match_counts.items():
        if key.day == day:
            assert row.match_count == sum(key in match.places for match in kept)
