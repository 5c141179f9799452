"""Whatever the limits and the objective: none is passed, and nothing is better."""

from __future__ import annotations

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
from matcher.domain.policy import Policy
from matcher.engine.commands import ConfirmMatch, ReleaseMatch, UpsertWarehouse
from matcher.engine.plan import Plan, plan
from matcher.engine.snapshot import Snapshot
from tests.property.test_plan import (
    EAST_M,
    match_limits,
    policies,
    snapshots,
    warehouses,
)
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


@settings(max_examples=300)
@given(snapshots(), policies())
def test_nothing_is_better_within_the_limits(snapshot: Snapshot, terms: Policy) -> None:
    """SciPy's linear program finds as many matches, and as good ones (R26)."""
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


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_limit_is_passed_on_any_day(data: st.DataObject) -> None:
    """Over days of rounds, releases, restarts and other versions (R26, I3, I12)."""
    shard = RunningShard()
    limits: tuple[MatchLimit, ...] = ()
    made: dict[MatchId, tuple[int, Match]] = {}
    for number in range(data.draw(st.integers(3, 9))):
        if number == 0 or data.draw(st.integers(0, 3)) == 3:
            limits = data.draw(match_limits(6))
            # Each day's limit counts from the first match on, whatever was in force.
            shard.activate(_terms(limits))
        if data.draw(st.booleans()):
            shard.apply(UpsertWarehouse(data.draw(warehouses(number % 2))))
        _fill(shard, number, data)
        before = set(shard.store.rows.matches)
        shard.round()
        day = shard.now_us // DAY_US
        for match_id in shard.store.rows.matches.keys() - before:
            made[match_id] = (day, shard.match(match_id))
        _check(shard, limits, day, before)
        for match_id in sorted(made):
            _end(shard, match_id, data)
        if data.draw(st.integers(0, 3)) == 3:
            shard.restart()
        shard.tick(shard.now_us + data.draw(st.sampled_from([HOUR_US, 9 * HOUR_US])))


def _terms(limits: tuple[MatchLimit, ...]) -> Policy:
    age_us = 90 * DAY_US
    return policy(
        rule(verification_max_age_us=age_us),
        hold_duration_us=5 * HOUR_US,
        match_limits=limits,
    )


def _fill(shard: RunningShard, number: int, data: st.DataObject) -> None:
    ends_us = shard.now_us + 9 * DAY_US
    for at in range(data.draw(st.integers(0, 6))):
        name = f"{number}-{at}"
        sku = data.draw(st.sampled_from(["shirt", "coat"]))
        shard.upsert(demand(name, data.draw(EAST_M), sku=sku, ship_by_us=ends_us))
        fresh = verification(verify_us=shard.now_us)
        item = return_item(name, data.draw(EAST_M), sku=sku, verification=fresh)
        shard.submit(replace(item, decide_by_us=ends_us))


def _end(shard: RunningShard, match_id: MatchId, data: st.DataObject) -> None:
    if shard.match(match_id).hold_state is HoldState.ACTIVE:
        how = data.draw(st.sampled_from([None, None, ConfirmMatch, ReleaseMatch]))
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
