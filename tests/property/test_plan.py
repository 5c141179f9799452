"""What holds for every plan, whatever the snapshot and the policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from matcher.domain.decision import Decision, Outcome
from matcher.domain.demand import Demand
from matcher.domain.item import Condition, Fact, ItemAttributes, VerificationStatus
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective
from matcher.domain.policy import (
    CostModel,
    MatchKey,
    Policy,
    RolloutStep,
    VolumeCap,
    ZoneRate,
)
from matcher.domain.return_item import ReturnItem, TransitState
from matcher.domain.warehouse import Warehouse
from matcher.engine.market import PoolItem
from matcher.engine.plan import Plan, plan
from matcher.engine.proof import pack, unpack
from matcher.engine.snapshot import Snapshot
from matcher.geo import ServiceAreas
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import evaluate_gates
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    TENANT,
    demand,
    demand_record,
    policy,
    return_item,
    rule,
    verification,
    warehouse,
)
from tests.unit.engine.naive_market import NaiveMarket

# Each of the properties sees this many snapshots.
EXAMPLES = 40

NOT = ItemAttributes(*(Fact.NO,) * 6)

_WAREHOUSE = LimitScope.WAREHOUSE

# Few places, so that distances of zero and exact ties are normal.
EAST_M = st.sampled_from([0.0, 0.0, 1_000.0, 2_000.0, 20_000.0, 30_000.0])


# What keeps an item from being matched, whatever the policy.
FLAWS: tuple[dict[str, Any], ...] = (
    {"attributes": replace(NOT, damaged=Fact.YES)},
    {"attributes": replace(NOT, fragile=Fact.YES)},
    {"attributes": replace(NOT, end_of_season=Fact.YES)},
    {"attributes": ItemAttributes()},
    {"season_end_us": NOW_US},
    {"verification": None},
    {"verification": verification(status=VerificationStatus.FAILED)},
    {"verification": verification(status=VerificationStatus.PENDING)},
    {"verification": verification(expire_us=NOW_US)},
    {"verification": verification(evidence_id="")},
    {"customer_consents": False},
    {"transit_state": TransitState.IN_TRANSIT},
    {"decide_by_us": NOW_US},
)


@st.composite
def items(draw: st.DrawFn, number: int) -> ReturnItem:
    """Draw an item; one in four has a flaw."""
    flaw = draw(st.sampled_from(FLAWS)) if draw(st.integers(0, 3)) == 3 else {}
    sound = return_item(
        f"r{number}",
        draw(EAST_M),
        sku=draw(st.sampled_from(["shirt", "shirt", "coat"])),
        condition=draw(st.sampled_from([Condition.GOOD, Condition.NEW])),
        decide_by_us=NOW_US + draw(st.sampled_from([1, DAY_US])),
        refund_due_us=draw(st.sampled_from([None, NOW_US, NOW_US - DAY_US])),
        weight_grams=draw(st.sampled_from([300, 900])),
    )
    return replace(sound, **flaw)


@st.composite
def demands(draw: st.DrawFn, number: int) -> Demand:
    """Draw a demand, more often open to a returned item than not."""
    return demand(
        f"d{number}",
        draw(EAST_M),
        sku=draw(st.sampled_from(["shirt", "shirt", "coat"])),
        quantity=draw(st.integers(1, 3)),
        ship_by_us=NOW_US + draw(st.sampled_from([DAY_US, DAY_US, HOUR_US])),
        min_condition=draw(st.sampled_from([Condition.GOOD] * 3 + [Condition.NEW])),
        accepts_returned_item=draw(st.sampled_from([True, True, True, False])),
        priority=draw(st.integers(0, 2)),
    )


@st.composite
def warehouses(draw: st.DrawFn, number: int) -> Warehouse:
    """Draw a warehouse, small enough to overflow."""
    return warehouse(
        f"w{number}",
        draw(EAST_M),
        daily_capacity=draw(st.integers(0, 3)),
        categories=draw(st.sampled_from([(), ("apparel",), ("shoes",)])),
        outbound_base_micros=draw(st.integers(0, 3)) * 1_000_000,
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw up to eight items, six demands and three warehouses."""
    sizes = ([8, 6, 4, 1, 0], [3, 6, 2, 1, 0], [0, 3, 1, 0])
    counts = [draw(st.sampled_from(each)) for each in sizes]
    return Snapshot(
        tuple(draw(items(number)) for number in range(counts[0])),
        tuple(draw(demands(number)) for number in range(counts[1])),
        tuple(draw(warehouses(number)) for number in range(counts[2])),
    )


@st.composite
def match_limits(draw: st.DrawFn, count_max: int = 3) -> tuple[MatchLimit, ...]:
    """Draw limits that nest, more often none than any of them."""
    kinds = [LimitScope.DAY, draw(st.sampled_from([LimitScope.SKU, _WAREHOUSE]))]
    chosen = [(kind, 0) for kind in kinds if draw(st.integers(0, 3)) == 3]
    chosen += [
        (LimitScope.ZONE, resolution)
        for resolution in (4, 7, 8)
        if draw(st.integers(0, 5)) == 5
    ]
    return tuple(
        MatchLimit(scope, draw(st.integers(0, count_max)), resolution)
        for scope, resolution in draw(st.permutations(chosen))
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy; none of its settings can lift the never-list."""
    zones = (ZoneRate(1_500, 500, 1_000_000), ZoneRate(25_000, 900, 2_000_000))
    return policy(
        rule(
            radius_m=draw(st.sampled_from([50_000, 50_000, 500_000, 1_000, 1])),
            match_key=draw(st.sampled_from([MatchKey.SKU, MatchKey.CATEGORY])),
            min_saving_micros=draw(st.sampled_from([1, 5_000_000, 9_000_000])),
            min_confidence=draw(st.sampled_from([0.95, 0.0])),
            allow_custom_made=draw(st.booleans()),
        ),
        cost_model=CostModel(
            label_base_micros=3_000_000,
            label_per_km_micros=draw(st.sampled_from([10_000, 0, 200_000])),
            zones=draw(st.sampled_from([(), zones])),
            standard_return_micros=draw(st.sampled_from([5_000_000, 0])),
            standard_shipping_micros=4_000_000,
            priority_step_micros=draw(st.sampled_from([0, 500_000])),
        ),
        handling_duration_us=draw(st.sampled_from([0, HOUR_US])),
        rollout_basis_points=draw(st.sampled_from([10_000, 10_000, 10_000, 5_000])),
        allow_multi_item_returns=draw(st.booleans()),
        objective=draw(st.sampled_from([each for each in Objective if each])),
        match_limits=draw(match_limits()),
    )


def _planned(snapshot: Snapshot, terms: Policy, threads: int = 1) -> Plan:
    return plan(snapshot, terms, now_us=NOW_US, tenant=TENANT, threads=threads)


def _passes(item: ReturnItem, terms: Policy) -> bool:
    report = evaluate_gates(
        item, terms, tenant=TENANT, surroundings=Surroundings(), now_us=NOW_US
    )
    return report.passed and item.decide_by_us > NOW_US


def _savings(snapshot: Snapshot, terms: Policy) -> NDArray[np.int64]:
    """Return the saving of each item with each unit, 0 where there is no pair."""
    units = [each for each in snapshot.demands for _ in range(each.quantity)]
    naive = NaiveMarket(
        [demand_record(each) for each in snapshot.demands],
        snapshot.warehouses,
        {each.warehouse_id: each.daily_capacity for each in snapshot.warehouses},
        ServiceAreas(()),
        terms,
        NOW_US,
    )
    table = np.zeros((len(snapshot.return_items), len(units)), np.int64)
    for row, item in enumerate(snapshot.return_items):
        found = terms.rule_for(item.category)
        if found is None or not _passes(item, terms):
            continue
        candidates = naive.row(PoolItem(item, found)).candidates
        for column, unit in enumerate(units):
            table[row, column] = candidates.get(unit.demand_id, (0, 0, 0, 0))[3]
    return table


@settings(max_examples=3 * EXAMPLES)
@given(snapshots(), policies())
def test_no_assignment_saves_more(snapshot: Snapshot, terms: Policy) -> None:
    """SciPy, on one column per unit and a free one per item, finds the same total."""
    terms = replace(terms, objective=Objective.MAX_SAVING, match_limits=())
    table = _savings(snapshot, terms)
    count = len(table)
    expanded = np.hstack([table, np.zeros((count, count), np.int64)])
    rows, columns = linear_sum_assignment(expanded, maximize=True)
    made = _planned(snapshot, terms)
    assert made.summary.saving_micros == int(expanded[rows, columns].sum())
    assert made.summary.saving_micros == sum(
        each.match.saving_micros for each in made.decisions if each.match
    )


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies())
def test_the_certificate_verifies(snapshot: Snapshot, terms: Policy) -> None:
    """Stored and read back, it proves the plan, and its pairs are the plan's (I6)."""
    made = _planned(snapshot, terms)
    proof = unpack(pack(made.proof))
    proof.check()
    assert proof.pairs == sorted(
        (each.return_id, each.match.demand_id) for each in made.decisions if each.match
    )
    saved = sum(each.match.saving_micros for each in made.decisions if each.match)
    assert proof.saving_micros == saved == made.summary.saving_micros
    assert saved == made.summary.dual_micros


def _content(decisions: tuple[Decision, ...]) -> bytes:
    return msgspec.json.encode(sorted(decisions, key=lambda each: each.return_id))


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies(), st.data())
def test_input_order_changes_no_byte(
    snapshot: Snapshot, terms: Policy, data: st.DataObject
) -> None:
    """Any order of items, demands and warehouses: the same decisions (R3, I5)."""
    made = _planned(snapshot, terms)
    shuffled = Snapshot(
        tuple(data.draw(st.permutations(snapshot.return_items))),
        tuple(data.draw(st.permutations(snapshot.demands))),
        tuple(data.draw(st.permutations(snapshot.warehouses))),
    )
    again = _planned(shuffled, terms, threads=2)
    assert _content(again.decisions) == _content(made.decisions)
    assert again.summary == made.summary
    assert pack(again.proof) == pack(made.proof)


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies())
def test_no_unit_is_promised_twice(snapshot: Snapshot, terms: Policy) -> None:
    """A demand at most as often as its quantity, an item at most once (I2)."""
    made = _planned(snapshot, terms)
    matches = [each.match for each in made.decisions if each.match]
    for wanted in snapshot.demands:
        taken = [m for m in matches if m.demand_id == wanted.demand_id]
        assert len(taken) <= wanted.quantity
    assert [d.return_id for d in made.decisions] == [
        item.return_id for item in snapshot.return_items
    ]


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies())
def test_no_warehouse_takes_more_than_it_can_unflagged(
    snapshot: Snapshot, terms: Policy
) -> None:
    """Within capacity up to the capacity; a flag only where all are full (I3)."""
    routes = [d.warehouse for d in _planned(snapshot, terms).decisions if d.warehouse]
    for each in snapshot.warehouses:
        mine = [route for route in routes if route.warehouse_id == each.warehouse_id]
        within = [route for route in mine if not route.over_capacity]
        assert len(within) <= each.daily_capacity
        if each.categories in ((), ("apparel",)):
            full = len(within) == each.daily_capacity
            assert full or not any(route.over_capacity for route in routes)


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies())
def test_the_never_list_holds(snapshot: Snapshot, terms: Policy) -> None:
    """No policy matches an item with any of the flaws (R7, R8, R16, R18; I3)."""
    made = _planned(snapshot, terms)
    for item, decision in zip(snapshot.return_items, made.decisions, strict=True):
        for flaw in FLAWS:
            if all(getattr(item, name) == value for name, value in flaw.items()):
                assert decision.outcome is Outcome.WAREHOUSE


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies())
def test_every_decision_is_complete(snapshot: Snapshot, terms: Policy) -> None:
    """One route, evidence, reason, fallback, the caller's refund (R2, R39; I7, I8)."""
    made = _planned(snapshot, terms)
    assert len({each.decision_id for each in made.decisions}) == len(made.decisions)
    known = {"", *(each.warehouse_id for each in snapshot.warehouses)}
    for item, decision in zip(snapshot.return_items, made.decisions, strict=True):
        assert decision.outcome in (Outcome.MATCHED, Outcome.WAREHOUSE)
        assert decision.reasons
        assert all(reason.text for reason in decision.reasons)
        assert decision.checks
        assert decision.fallback.warehouse_id in known
        assert decision.refund_due_us == item.refund_due_us
        assert decision.policy_version == terms.version


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies())
def test_nobody_is_named_to_the_other(snapshot: Snapshot, terms: Policy) -> None:
    """No text of a decision holds a demand's or a customer's id (I10)."""
    hidden = [each.demand_id for each in snapshot.demands]
    renamed = Snapshot(
        snapshot.return_items,
        tuple(
            replace(each, demand_id=type(each.demand_id)(f"buyer-{each.demand_id}"))
            for each in snapshot.demands
        ),
        snapshot.warehouses,
    )
    for decision in _planned(renamed, terms).decisions:
        texts = [reason.text for reason in decision.reasons]
        for check in decision.checks:
            texts += [check.observed, check.accepted]
        said = " ".join(texts)
        assert not any(f"buyer-{each}" in said for each in hidden)
        assert "customer-of-" not in said


@settings(max_examples=EXAMPLES)
@given(snapshots(), policies(), st.integers(1, 5_000_000))
def test_a_dearer_ordinary_way_never_saves_less(
    snapshot: Snapshot, terms: Policy, more: int
) -> None:
    """Without warehouses, raising the standard return raises no total but upward."""
    plain = replace(snapshot, warehouses=())
    model = terms.cost_model
    dearer = replace(
        terms,
        cost_model=replace(
            model, standard_return_micros=model.standard_return_micros + more
        ),
    )
    before, after = _planned(plain, terms).summary, _planned(plain, dearer).summary
    assert after.saving_micros >= before.saving_micros + more * before.matched_count


@st.composite
def wild_policies(draw: st.DrawFn) -> Policy:
    """Draw a policy with steps of the rollout and a volume cap as well."""
    share = draw(st.integers(0, 10_000))
    later = draw(st.sampled_from([NOW_US, NOW_US + 1, NOW_US - DAY_US]))
    steps = (RolloutStep(later, draw(st.integers(share + 1, 10_001))),)
    cap = VolumeCap(draw(st.integers(0, 10_000)), HOUR_US * draw(st.integers(1, 48)))
    return replace(
        draw(policies()),
        rollout_basis_points=share,
        rollout_steps=steps if steps[0].basis_points <= 10_000 else (),
        volume_cap=draw(st.sampled_from([None, cap])),
        segments=draw(st.sampled_from([(), ("staff",), ("staff", "")])),
        mode=draw(st.sampled_from([Mode.ACT, Mode.ACT, Mode.SHADOW])),
    )


@settings(max_examples=1_000)
@given(snapshots(), wild_policies())
def test_no_policy_matches_what_must_never_be(
    snapshot: Snapshot, terms: Policy
) -> None:
    """
    A thousand policies: none matches the never-list or the unverified (R7, R16, R18).

    And none leaves a return without its one route and a reason (R2), or matches more
    than its volume cap allows (R25).
    """
    made = _planned(snapshot, terms)
    by_id = {item.return_id: item for item in snapshot.return_items}
    assert sorted(d.return_id for d in made.decisions) == sorted(by_id)
    matched = [d for d in made.decisions if d.outcome is Outcome.MATCHED]
    assert not matched or terms.mode is Mode.ACT
    for decision in made.decisions:
        assert decision.reasons
        assert (decision.match is None) != (decision.warehouse is None)
    for decision in matched:
        item = by_id[decision.return_id]
        facts = item.attributes
        assert Fact.YES not in (facts.damaged, facts.defective, facts.regulated)
        assert Fact.YES not in (facts.fragile, facts.end_of_season)
        assert Fact.UNKNOWN not in (facts.damaged, facts.defective, facts.regulated)
        assert facts.fragile is Fact.NO
        assert item.verification is not None
        assert item.verification.status is VerificationStatus.PASSED
    if terms.volume_cap is not None:
        eligible = sum(_passes_all_but_rollout(item, terms) for item in by_id.values())
        allowed = eligible * terms.volume_cap.basis_points // 10_000
        assert len(matched) <= allowed


def _passes_all_but_rollout(item: ReturnItem, terms: Policy) -> bool:
    everybody = replace(terms, rollout_basis_points=10_000, rollout_steps=())
    report = evaluate_gates(
        item, everybody, tenant=TENANT, surroundings=Surroundings(), now_us=NOW_US
    )
    return report.passed
