"""A study: what is shared changes nothing, and its numbers add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from matcher.domain.demand_floor import DemandFloor
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import MatchKey, Policy
from matcher.domain.reason import ReasonCode
from matcher.engine.plan import Plan, plan
from matcher.engine.snapshot import Snapshot
from matcher.simulate import ScenarioParams, generate
from matcher.simulate.whatif.codes import bit
from matcher.simulate.whatif.course import Course, Ending
from matcher.simulate.whatif.difference import compare, item_differences
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.study import Study, Variant
from matcher.simulate.whatif.tally import OTHERS, Dimension, Groups, tally
from matcher.simulate.whatif.timeline import Timeline
from matcher.simulate.whatif.unfolding import at_once, over_days
from tests.scenarios import DAY_US, HOUR_US, NOW_US, TENANT, policy, rule

CATEGORIES = ("apparel", "accessories")

LIMITS = [
    (),
    (MatchLimit(LimitScope.DAY, 20),),
    (MatchLimit(LimitScope.SKU, 2), MatchLimit(LimitScope.DAY, 25)),
    (MatchLimit(LimitScope.ZONE, 3, 5), MatchLimit(LimitScope.ZONE, 8, 3)),
    (MatchLimit(LimitScope.WAREHOUSE, 7),),
]


def _policy(radius_m: int = 40_000, **changes: object) -> Policy:
    rules = (
        rule(
            category=name,
            radius_m=radius_m,
            reasons=rule().reasons,
            min_confidence=0.5,
            verification_max_age_us=90 * DAY_US,
        )
        for name in CATEGORIES
    )
    return policy(*rules, **changes)


def _with_floor(floor: DemandFloor | None) -> Policy:
    rules = (replace(each, demand_floor=floor) for each in _policy().categories)
    return replace(_policy(), categories=tuple(rules))


@pytest.fixture(name="snapshot", scope="module")
def _snapshot() -> Snapshot:
    params = ScenarioParams(
        country="DE",
        city_count=3,
        demand_count=400,
        return_count=300,
        sku_count=15,
        categories=CATEGORIES,
    )
    drawn = generate(params, np.random.default_rng(5), NOW_US)
    return Snapshot(drawn.return_items, drawn.demands, drawn.warehouses)


@pytest.fixture(name="timeline", scope="module")
def _timeline(snapshot: Snapshot) -> Timeline:
    return over_days(
        snapshot,
        _policy(),
        np.random.default_rng(1),
        now_us=NOW_US,
        span_us=3 * DAY_US,
        round_us=6 * HOUR_US,
    )


def _courses(facts: Facts, *variants: Policy, threads: int = 1) -> list[Course]:
    tried = [Variant(str(at), each) for at, each in enumerate(variants)]
    return [course for _, course in Study(facts, tried, threads=threads).run()]


def _same(one: Course, other: Course) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("ending", "bits", "state", "distance_m", "decided_us")
    )


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("objective", list(Objective)[1:])
def test_a_plan_is_lived_at_once(
    snapshot: Snapshot, objective: Objective, limits: tuple[MatchLimit, ...]
) -> None:
    """Whatever it is best at, and within whatever limits (R26, R40)."""
    terms = _policy(objective=objective, match_limits=limits)
    made = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT)
    facts = Facts(TENANT, at_once(snapshot, terms, now_us=NOW_US))
    (course,) = _courses(facts, terms)
    _must_be_planned(facts, course, made)


@pytest.mark.parametrize(
    "floor",
    [
        None,
        DemandFloor(7 * DAY_US, min_open_units=30),
        DemandFloor(7 * DAY_US, min_orders=28, min_steadiness_basis_points=9_000),
    ],
)
def test_all_at_once_is_a_plan(snapshot: Snapshot, floor: DemandFloor | None) -> None:
    """A snapshot lived in one round matches what plan() matches, at its saving."""
    terms = _with_floor(floor)
    made = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT)
    facts = Facts(TENANT, at_once(snapshot, terms, now_us=NOW_US))
    (course,) = _courses(facts, terms)
    thin = bit(ReasonCode.SKU_DEMAND_TOO_THIN)
    told = Counter(
        reason.code is ReasonCode.SKU_DEMAND_TOO_THIN
        for decision in made.decisions
        for reason in decision.reasons
    )
    assert told[True] == np.count_nonzero(course.bits & thin)
    assert (0 < told[True] < 300) == (floor is not None)
    _must_be_planned(facts, course, made)


def _must_be_planned(facts: Facts, course: Course, made: Plan) -> None:
    matched = {
        facts.items.items[row].return_id: facts.orders.demand_ids[
            facts.orders.unit[course.state[row]]
        ]
        for row in np.nonzero(course.is_matched)[0].tolist()
    }
    wanted = {d.return_id: d.match.demand_id for d in made.decisions if d.match}
    assert matched == wanted
    assert tally(facts, course).saving_micros == made.summary.saving_micros
    assert sum(each.dual for each in course.rounds) == made.assignment.value


def test_what_is_shared_changes_no_course(timeline: Timeline) -> None:
    """Each variant of a crowd, on threads, is as it is alone: pairs, gates, prices."""
    facts = Facts(TENANT, timeline)
    by_category = replace(
        _policy(),
        categories=tuple(
            replace(each, match_key=MatchKey.CATEGORY) for each in _policy().categories
        ),
    )
    dearer = replace(
        _policy().cost_model, label_base_micros=4_000_000, label_per_km_micros=90_000
    )
    variants = (
        _policy(2_000),
        _policy(),
        by_category,
        _policy(cost_model=dearer),
        _policy(rollout_basis_points=3_000),
        _policy(hold_duration_us=1),
        _with_floor(DemandFloor(DAY_US, min_open_units=8)),
        _with_floor(DemandFloor(2 * DAY_US, min_orders=9)),
    )
    crowd = _courses(facts, *variants, threads=3)
    for variant, course in zip(variants, crowd, strict=True):
        (alone,) = _courses(Facts(TENANT, timeline), variant)
        assert _same(course, alone)
    assert len({int(course.is_matched.sum()) for course in crowd}) > 3


def test_counts_are_those_of_a_loop(timeline: Timeline) -> None:
    """Against counting one by one, in all and in each group; groups add up."""
    facts = Facts(TENANT, timeline)
    (course,) = _courses(facts, _policy())
    total = tally(facts, course)
    endings = Counter(Ending(int(each)) for each in course.ending)
    assert total.return_count == 300
    assert total.matched_count == endings[Ending.CONFIRMED] + endings[Ending.HELD]
    assert total.warehouse_count == endings[Ending.WAREHOUSE]
    rows = [row for row in range(300) if course.is_matched[row]]
    assert total.saving_micros == sum(int(course.saving_micros[row]) for row in rows)
    distances = sorted(int(course.distance_m[row]) for row in rows)
    assert total.distance_m.p50 == distances[-(-len(rows) * 50 // 100) - 1]
    assert total.distance_m.p95 == distances[-(-len(rows) * 95 // 100) - 1]
    groups = Groups(facts, zone_resolution=4, group_count_max=3)
    counts: Counter[Dimension] = Counter()
    for dimension, name, each in groups.tallies(facts, course):
        counts[dimension] += each.matched_count
        if dimension is Dimension.SKU and name != OTHERS:
            mine = [r for r in rows if facts.items.items[r].sku == name]
            assert each.matched_count == len(mine)
    assert set(counts.values()) == {total.matched_count}
    assert len(counts) == len(Dimension)


def test_differences_are_those_of_a_loop(timeline: Timeline) -> None:
    """Moves, buyers and savings against going through all items."""
    facts = Facts(TENANT, timeline)
    before, after = _courses(facts, _policy(), _policy(9_000))
    found = compare(facts, before, after)
    changed = 0
    more = []
    for row in range(300):
        buyers = [
            facts.orders.unit[c.state[row]] if c.state[row] >= 0 else -1
            for c in (before, after)
        ]
        changed += before.ending[row] != after.ending[row] or buyers[0] != buyers[1]
        more.append(
            int(after.saving_micros[row]) * bool(after.is_matched[row])
            - int(before.saving_micros[row]) * bool(before.is_matched[row])
        )
    assert found.same_count == 300 - changed
    assert changed == len(list(item_differences(facts, before, after)))
    moved = sum(count for _, _, count in found.moves)
    assert moved + found.other_buyer_count == changed
    assert found.saving_per_return.estimate == pytest.approx(sum(more) / 300)
    same = compare(facts, before, before)
    assert (same.moves, same.same_count) == ((), 300)


def test_a_study_may_be_ended(timeline: Timeline) -> None:
    """Whoever waits no longer ends it at the next round, and nothing goes on."""

    class LeftError(Exception):
        pass

    beats = 0

    def pulse() -> None:
        nonlocal beats
        beats += 1
        if beats > 5:
            raise LeftError

    study = Study(Facts(TENANT, timeline), [Variant("a", _policy())], pulse=pulse)
    with pytest.raises(LeftError):
        list(study.run())


def test_an_empty_timeline_has_a_course() -> None:
    """No returns, no demands: nothing to say, and no error."""
    empty = at_once(Snapshot((), ()), _policy(), now_us=NOW_US)
    facts = Facts(TENANT, empty)
    (course,) = _courses(facts, _policy())
    total = tally(facts, course)
    assert (total.return_count, total.matched_count, total.saving_micros) == (0, 0, 0)
    assert list(Groups(facts).tallies(facts, course)) == []
