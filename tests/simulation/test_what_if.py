"""Lives without a word about them end as those of a real shard, return by return."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from matcher.domain.demand_floor import DemandFloor
from matcher.domain.match import HoldState
from matcher.engine.commands import ReleaseMatches
from matcher.simulate.whatif.recording import timeline_of
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    TENANT,
    demand,
    policy,
    return_item,
    rule,
)
from tests.simulation.recorded_life import (
    START,
    RecordedLife,
    RecordingShard,
    draw_policy,
)
from tests.simulation.relived import Relived
from tests.simulation.what_if_checks import ENDINGS, compare, timeline

SEEDS = tuple(range(1, 16))

# What all lives together must have met, so that none of it is tested in name only.
MET = (
    *(ending.name for ending in ENDINGS.values()),
    "NOT_IN_ROLLOUT",
    "VOLUME_CAP_REACHED",
    "PROGRAM_PAUSED",
    "GUARDRAIL_TRIPPED",
    "SKU_DEMAND_TOO_THIN",
    "SHADOW_MODE",
    "OUTSIDE_SERVICE_AREA",
    "VERIFICATION_PENDING",
    "VERIFICATION_EXPIRED",
    "ITEM_END_OF_SEASON",
    "NO_DEMAND",
    "OUT_OF_RADIUS",
    "DEMAND_NEEDS_BETTER_CONDITION",
    "DEMAND_SHIPS_TOO_SOON",
    "DEMAND_CAPACITY",
    "DAY_LIMIT_REACHED",
    "SKU_LIMIT_REACHED",
    "ZONE_LIMIT_REACHED",
    "WAREHOUSE_LIMIT_REACHED",
    "DECIDE_BY_REACHED",
    "HOLD_EXPIRED",
    "MATCH_RELEASED",
    "extended",
    "extended and confirmed later than it was held at first",
    "released with others",
)


@pytest.fixture(name="met", scope="module")
def _met() -> Counter[str]:
    return Counter()


def _promises(life: RecordedLife) -> Iterator[str]:
    # What callers did with matches that only what-if has to take out of rows.
    released = {
        entry.now_us
        for entry in life.shard.entries
        if isinstance(entry.event, ReleaseMatches)
    }
    made = {
        decision.match.match_id: decision.match.hold_expire_us
        for decision in life.shard.store.rows.decisions
        if decision.match
    }
    for match in life.shard.store.rows.matches.values():
        if match.extended_us is not None:
            yield "extended"
            is_confirmed = match.hold_state is HoldState.CONFIRMED
            if is_confirmed and (match.ended_us or 0) >= made[match.match_id]:
                yield "extended and confirmed later than it was held at first"
        if match.hold_state is HoldState.RELEASED and match.ended_us in released:
            yield "released with others"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_in_force_gives_what_happened(seed: int, met: Counter[str]) -> None:
    """From its beginning and from its middle a life ends as it did, to the reason."""
    life = RecordedLife(seed)
    store = life.shard.store
    matches = store.rows.matches.values()
    whole = timeline(life, START, life.shard.entries, matches)
    met.update(compare(whole, store)[1])
    met.update(event.kind.name for event in store.rows.program_events)
    met.update(_promises(life))
    compare(timeline(life, *life.shard.from_the_middle()), store)


@pytest.mark.parametrize("by_clock", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_another_policy_gives_what_a_shard_would_have_done(
    seed: int, *, by_clock: bool, met: Counter[str]
) -> None:
    """The same callers before a real shard with that policy: the same ends, all.

    With rounds when they were, and with rounds when the policy's own clock has them.
    """
    life = RecordedLife(seed)
    rng = random.Random(1_000 + seed)
    policy = draw_policy(rng)
    if by_clock:
        interval_us = rng.choice([HOUR_US, 20 * MINUTE_US])
        policy = replace(policy, round_interval_us=interval_us)
    matches = life.shard.store.rows.matches.values()
    lived = timeline(life, START, life.shard.entries, matches)
    relived = Relived(policy, lived, by_clock=by_clock)
    relived.run(life.shard.entries, life.end_us)
    course, found = compare(lived, relived.shard.store, policy)
    rounds = relived.shard.store.rows.rounds
    assert course.round_count == len(rounds)
    assert sum(each.matched_count for each in course.rounds) == sum(
        each.matched_count for each in rounds
    )
    assert all(each.value == each.dual for each in course.rounds)
    met.update(found)


def test_what_was_seen_before_the_start_counts() -> None:
    """A stricter floor finds what an item saw as it came in, before the checkpoint."""
    shard = RecordingShard()
    shard.activate(policy(rule(demand_floor=DemandFloor(DAY_US, min_open_units=1))))
    shard.upsert(demand("far", 900_000))
    shard.submit(return_item("r1"))
    start, *_ = shard.cut(len(shard.history))
    before = len(shard.history)
    shard.activate(policy(rule(demand_floor=DemandFloor(DAY_US, min_open_units=2))))
    shard.upsert(demand("more", 900_000))
    shard.round()
    entries = shard.cut(before)[1]
    lived = timeline_of(TENANT, start, entries, (), end_us=shard.now_us)
    _, found = compare(lived, shard.store)
    assert found["SKU_DEMAND_TOO_THIN"] == 1


def test_the_lives_met_everything(met: Counter[str]) -> None:
    """Each ending and reason that matters came up among the seeds."""
    missing = [name for name in MET if not met[name]]
    assert not missing, sorted(met.items())
