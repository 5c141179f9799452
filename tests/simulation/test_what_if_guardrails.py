"""A life decides anew when guardrails pause, as a shard under its policy would."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.ids import ReturnId
from matcher.domain.item_outcome import Arrival, ItemOutcome
from matcher.domain.policy import Policy
from matcher.engine.commands import ConfirmMatch, RecordOutcome
from matcher.simulate.whatif.codes import codes_of
from matcher.simulate.whatif.course import Course, Ending
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.recording import timeline_of
from matcher.simulate.whatif.study import Study, Variant
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
    GuardedLife,
    RecordingShard,
    SteadyLife,
    draw_guarded,
)
from tests.simulation.relived import Relived
from tests.simulation.what_if_checks import compare, timeline, tripped

SEEDS = tuple(range(1, 11))

LOST = GuardrailMetric.LOST_SHARE

# What the lives below must have met together.
MET = (
    "paused in a life",
    "paused under the recorded policy",
    "paused under another policy",
    "paused under another policy by its clock",
    "said before the hand-over of another life",
    "said of an item from before the start",
    "corrected what was said before the start",
    *(f"a pause by {metric.name}" for metric in GuardrailMetric if metric),
)


@pytest.fixture(name="met", scope="module")
def _met() -> Counter[str]:
    return Counter()


@pytest.mark.parametrize("seed", SEEDS)
def test_pauses_are_those_that_happened(seed: int, met: Counter[str]) -> None:
    """Under what was in force, whole and from the middle: instants, figures, ends."""
    life = GuardedLife(seed)
    store = life.shard.store
    whole = timeline(life, START, life.shard.entries, store.rows.matches.values())
    course, _ = compare(whole, store)
    met["paused in a life"] += len(course.tripped)
    for metric in GuardrailMetric:
        words = metric.name.lower().replace("_", " ")
        met[f"a pause by {metric.name}"] += sum(
            pause.note.startswith(words) for pause in course.tripped
        )
    late = timeline(life, *life.shard.from_the_middle())
    compare(late, store)
    old = [report for report in late.reports if report.demand_id is None]
    met["said of an item from before the start"] += len(old)
    met["corrected what was said before the start"] += sum(
        report.before is not None for report in old
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_recorded_policy_as_a_variant(seed: int, met: Counter[str]) -> None:
    """A variant that equals the one policy there was ends all as it did, pauses too."""
    life = SteadyLife(seed)
    store = life.shard.store
    matches = store.rows.matches.values()
    lived = timeline(life, START, life.shard.entries, matches)
    course, _ = compare(lived, store, life.policy)
    met["paused under the recorded policy"] += len(course.tripped)


@pytest.mark.parametrize("by_clock", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_another_policy_pauses_as_a_shard_would(
    seed: int, *, by_clock: bool, met: Counter[str]
) -> None:
    """A real shard under the policy, told what was said where the buyer is the same."""
    life = GuardedLife(seed)
    rng = random.Random(2_000 + seed)
    other = draw_guarded(rng)
    if by_clock:
        interval_us = rng.choice([HOUR_US, 20 * MINUTE_US])
        other = replace(other, round_interval_us=interval_us)
    matches = life.shard.store.rows.matches.values()
    lived = timeline(life, START, life.shard.entries, matches)
    relived = Relived(other, lived, by_clock=by_clock)
    relived.run(life.shard.entries, life.end_us)
    course, _ = compare(lived, relived.shard.store, other)
    how = "paused under another policy" + " by its clock" * by_clock
    met[how] += len(course.tripped)
    met["said before the hand-over of another life"] += relived.early_count


def test_the_lives_met_everything(met: Counter[str]) -> None:
    """Each of what is tried above came up among the seeds."""
    missing = [name for name in MET if not met[name]]
    assert not missing, sorted(met.items())


def _guarded(*guardrails: Guardrail, handling_us: int = 0) -> Policy:
    one_rule = rule(radius_m=10_000)
    return policy(one_rule, guardrails=guardrails, handling_duration_us=handling_us)


def _two_lost() -> RecordingShard:
    # Two hand-overs, both lost; a third return comes in later and is matched.
    shard = RecordingShard()
    shard.activate(_guarded())
    for number, east_m in ((1, 0), (2, 1_000), (3, 2_000)):
        shard.advance(shard.now_us + MINUTE_US)
        shard.upsert(demand(f"d{number}", east_m))
        shard.submit(return_item(f"r{number}", east_m))
        if number < 3:
            shard.round()
            shard.apply(ConfirmMatch(shard.item(f"r{number}").match_id))
            lost = ItemOutcome(shard.now_us, Arrival.LOST)
            shard.apply(RecordOutcome(lost, ReturnId(f"r{number}")))
    shard.round()
    return shard


def _course(shard: RecordingShard, variant: Policy | None) -> tuple[Course, list[str]]:
    # Its life under a policy, and where the returns end.
    matches = shard.store.rows.matches.values()
    end_us = shard.now_us + MINUTE_US
    lived = timeline_of(TENANT, START, shard.entries, matches, end_us=end_us)
    study = Study(Facts(TENANT, lived), [Variant("it", variant)])
    ((_, course),) = study.run()
    return course, [Ending(int(each)).name for each in course.ending]


def test_a_stricter_guardrail_pauses_earlier() -> None:
    """Nothing paused in fact; one that bears no loss of two holds the third back."""
    shard = _two_lost()
    assert not tripped(shard.store, 0)
    course, endings = _course(shard, None)
    assert (course.tripped, endings[2]) == ((), "HELD")
    course, endings = _course(shard, _guarded(Guardrail("", LOST, 0, 2, DAY_US)))
    (pause,) = course.tripped
    assert pause.note == (
        "lost share 100.00 % (2 of 2 hand-overs that arrived or were lost in 1 day)"
        " is above 0.00 %"
    )
    assert endings == ["CONFIRMED", "CONFIRMED", "WAREHOUSE"]
    reasons = {code.name for code in codes_of(int(course.bits[2]))}
    assert reasons == {"PROGRAM_PAUSED"}


def test_one_that_asks_for_more_outcomes_pauses_nothing() -> None:
    """Two were heard of: a sample of three is not there."""
    guarded = _guarded(Guardrail("", LOST, 0, 3, DAY_US))
    course, endings = _course(_two_lost(), guarded)
    assert (course.tripped, endings[2]) == ((), "HELD")


def test_what_became_of_another_match_is_not_known() -> None:
    """The return goes to another buyer: that it was lost on its way tells nothing."""
    shard = RecordingShard()
    shard.activate(_guarded())
    soon_us = shard.now_us + HOUR_US
    shard.upsert(demand("near", 1_000, ship_by_us=soon_us), demand("far", 5_000))
    shard.submit(return_item("r1"))
    shard.round()
    shard.apply(ConfirmMatch(shard.item("r1").match_id))
    shard.apply(RecordOutcome(ItemOutcome(shard.now_us, Arrival.LOST), ReturnId("r1")))
    guardrail = Guardrail("apparel", LOST, 0, 1, DAY_US)
    course, _ = _course(shard, _guarded(guardrail))
    assert [pause.category for pause in course.tripped] == ["apparel"]
    # Who takes that long to hand over is too late for the nearer one.
    course, endings = _course(shard, _guarded(guardrail, handling_us=HOUR_US))
    assert (course.tripped, endings) == ((), ["CONFIRMED"])


def test_what_was_said_before_a_later_hand_over_counts_with_it() -> None:
    """Matched by the clock an hour later: the loss counts then, and not before."""
    shard = RecordingShard()
    shard.activate(_guarded())
    shard.upsert(demand("d1", 1_000))
    began_us = shard.now_us
    shard.submit(return_item("r1"))
    shard.round()
    shard.apply(ConfirmMatch(shard.item("r1").match_id))
    shard.apply(RecordOutcome(ItemOutcome(shard.now_us, Arrival.LOST), ReturnId("r1")))
    shard.advance(began_us + 2 * HOUR_US)
    slow = _guarded(Guardrail("", LOST, 0, 1, DAY_US))
    course, endings = _course(shard, replace(slow, round_interval_us=HOUR_US))
    assert endings == ["CONFIRMED"]
    assert [pause.start_us for pause in course.tripped] == [began_us + HOUR_US]
