"""One-shot planning on tiny inputs; tests/property has what holds for all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from matcher.domain.decision import Decision, Outcome
from matcher.domain.errors import InvalidValueError
from matcher.domain.item import Fact, VerificationStatus
from matcher.domain.match import HoldState
from matcher.domain.reason import Gate, ReasonCode
from matcher.domain.return_item import Channel, ReturnItem
from matcher.engine.plan import Plan, plan
from matcher.engine.snapshot import Snapshot
from matcher.solve import check_certificate
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    TENANT,
    demand,
    policy,
    return_item,
    rule,
    service_area,
    verification,
    warehouse,
)
from tests.scenarios.named import (
    border,
    chain,
    full_warehouse,
    just_within,
    nobody_near,
    one_place,
    two_items_one_buyer,
)


def _planned(snapshot: Snapshot, threads: int = 1) -> Plan:
    return plan(snapshot, policy(), now_us=NOW_US, threads=threads)


def _pairs(made: Plan) -> dict[str, str]:
    return {d.return_id: d.match.demand_id for d in made.decisions if d.match}


def _codes(decision: Decision) -> list[ReasonCode]:
    return [reason.code for reason in decision.reasons]


def _single(item: ReturnItem, **terms: object) -> Decision:
    made = plan(Snapshot((item,), (demand(),)), policy(**terms), now_us=NOW_US)
    assert len(made.decisions) == 1
    return made.decisions[0]


def test_the_nearer_of_two_gets_the_buyer() -> None:
    """1 km saves 5,990,000, 2 km 5,980,000; the other is told why (R40, R41)."""
    made = _planned(two_items_one_buyer())
    assert _pairs(made) == {"r2": "d1"}
    assert made.summary.saving_micros == 5_990_000
    assert _codes(made.decisions[0])[0] is ReasonCode.DEMAND_CAPACITY


def test_the_sum_counts_not_the_nearest() -> None:
    """Greedy would match one pair for 5,990,000; the optimum two for 11,400,000."""
    made = _planned(chain())
    assert _pairs(made) == {"r1": "d1", "r2": "d2"}
    assert made.summary.saving_micros == 11_400_000
    assert made.summary.dual_micros == 11_400_000


def test_ties_are_canonical() -> None:
    """All equal at one place: the first items by id take the first demands by id."""
    assert _pairs(_planned(one_place())) == {"r1": "d1", "r2": "d2"}


def test_the_circle_is_closed() -> None:
    """50,000 m is within 50,000 m, 50,001 m is not."""
    made = _planned(just_within())
    assert _pairs(made) == {"r1": "d1"}
    assert ReasonCode.OUT_OF_RADIUS in _codes(made.decisions[1])


def test_no_buyer_is_a_decision() -> None:
    """Too far and unknown are reasons, not errors (R13, R55)."""
    far, unknown = _planned(nobody_near()).decisions
    assert _codes(far)[0] is ReasonCode.OUT_OF_RADIUS
    assert _codes(unknown)[0] is ReasonCode.NO_DEMAND
    assert far.outcome is unknown.outcome is Outcome.WAREHOUSE


def test_warehouses_fill_up() -> None:
    """One place each: two fit, the third goes to the cheaper one, flagged (R58)."""
    decisions = _planned(full_warehouse()).decisions
    routes = [each.warehouse for each in decisions if each.warehouse]
    found = sorted((route.warehouse_id, route.over_capacity) for route in routes)
    assert found == [("w1", False), ("w1", True), ("w2", False)]
    over = next(d for d in decisions if d.warehouse and d.warehouse.over_capacity)
    assert _codes(over) == [ReasonCode.NO_DEMAND, ReasonCode.WAREHOUSE_OVER_CAPACITY]


def test_the_border_cuts_both_sides() -> None:
    """An item outside is not eligible; a buyer outside is no demand for it."""
    made = _planned(border())
    assert _pairs(made) == {"r1": "d1"}
    assert ReasonCode.OUTSIDE_SERVICE_AREA in _codes(made.decisions[1])
    alone = Snapshot(
        (return_item(),), (demand("d2", 11_000),), service_areas=(service_area(),)
    )
    outside = _planned(alone).decisions[0]
    assert _codes(outside)[0] is ReasonCode.DEMAND_OUTSIDE_SERVICE_AREA


def test_an_empty_snapshot_is_no_error() -> None:
    """Nothing in, nothing out, and the certificate of nothing verifies (I6)."""
    made = _planned(Snapshot((), ()))
    assert made.decisions == ()
    assert made.summary.return_count == 0
    made.proof.check()


def test_a_match_states_its_terms() -> None:
    """10 km, an hour of hold; both prices and their difference (R64)."""
    made = _planned(Snapshot((return_item(),), (demand("d1", 10_000),)))
    decision = made.decisions[0]
    match = decision.match
    assert match is not None
    assert (match.distance_m, match.match_cost_micros) == (10_000, 3_100_000)
    assert (match.fallback_cost_micros, match.saving_micros) == (9_000_000, 5_900_000)
    assert match.hold_state is HoldState.ACTIVE
    assert match.hold_expire_us == NOW_US + HOUR_US
    assert match.policy_version == decision.policy_version == 1
    assert decision.warehouse is None
    assert decision.fallback.cost_micros == 5_000_000


def test_a_hold_ends_before_either_side_needs_it() -> None:
    """Not after decide-by, nor when the buyer's own shipment has to start (R61)."""
    for item, wanted, expected in (
        (return_item(decide_by_us=NOW_US + 60), demand(), NOW_US + 60),
        (return_item(), demand(ship_by_us=NOW_US + HOUR_US), NOW_US + HOUR_US // 2),
    ):
        made = plan(
            Snapshot((item,), (wanted,)),
            policy(handling_duration_us=HOUR_US // 2),
            now_us=NOW_US,
        )
        match = made.decisions[0].match
        assert match is not None
        assert match.hold_expire_us == expected


def test_past_its_decide_by_an_item_goes_to_the_warehouse() -> None:
    """At the instant itself it is too late; a microsecond earlier it is not (R61)."""
    late = _single(return_item(decide_by_us=NOW_US))
    assert late.outcome is Outcome.WAREHOUSE
    assert _codes(late)[0] is ReasonCode.DECIDE_BY_REACHED
    assert _single(return_item(decide_by_us=NOW_US + 1)).outcome is Outcome.MATCHED


def test_late_and_unfit_says_both() -> None:
    """Every reason counts, not only the first (R41)."""
    item = return_item(decide_by_us=NOW_US, customer_consents=False)
    assert _codes(_single(item))[:2] == [
        ReasonCode.DECIDE_BY_REACHED,
        ReasonCode.CONSENT_MISSING,
    ]


NEVER: dict[str, tuple[ReturnItem, ReasonCode]] = {
    "no evidence": (return_item(verification=None), ReasonCode.VERIFICATION_MISSING),
    "failed": (
        return_item(verification=verification(status=VerificationStatus.FAILED)),
        ReasonCode.VERIFICATION_FAILED,
    ),
    "pending": (
        return_item(verification=verification(status=VerificationStatus.PENDING)),
        ReasonCode.VERIFICATION_PENDING,
    ),
    "expired": (
        return_item(verification=verification(expire_us=NOW_US)),
        ReasonCode.VERIFICATION_EXPIRED,
    ),
    "season over": (
        return_item(season_end_us=NOW_US),
        ReasonCode.ITEM_END_OF_SEASON,
    ),
    **{
        name: (
            return_item(
                attributes=replace(return_item().attributes, **{name: Fact.YES})
            ),
            code,
        )
        for name, code in (
            ("damaged", ReasonCode.ITEM_DAMAGED),
            ("defective", ReasonCode.ITEM_DEFECTIVE),
            ("regulated", ReasonCode.ITEM_REGULATED),
            ("fragile", ReasonCode.ITEM_FRAGILE),
            ("end_of_season", ReasonCode.ITEM_END_OF_SEASON),
        )
    },
}


@pytest.mark.parametrize("name", NEVER)
def test_the_never_list_holds(name: str) -> None:
    """A perfect buyer next door does not help (R7, R8, R16, R18; I3)."""
    item, code = NEVER[name]
    decision = _single(item)
    assert decision.outcome is Outcome.WAREHOUSE
    assert code in _codes(decision)


def test_gates_one_and_two_are_reported_with_gate_three() -> None:
    """A matched decision shows checks of all three gates (R5, I7)."""
    decision = _single(return_item())
    gates = {check.gate for check in decision.checks}
    assert gates == {Gate.VERIFICATION, Gate.ELIGIBILITY, Gate.DEMAND}
    assert "evidence-1" in {check.evidence_id for check in decision.checks}


def test_refund_due_is_the_same_in_both_branches() -> None:
    """Matched or routed, it is the caller's own instant (R37, I8)."""
    for consents in (True, False):
        item = return_item(refund_due_us=NOW_US + 9, customer_consents=consents)
        assert _single(item).refund_due_us == NOW_US + 9
    assert _single(return_item()).refund_due_us is None


def test_the_channel_is_no_input() -> None:
    """The five channels give one and the same decision (R43)."""
    decisions = {repr(_single(return_item(channel=each))) for each in Channel}
    assert len(decisions) == 1


def test_the_rollout_is_the_tenants() -> None:
    """At 0 % nobody is in; whom 50 % takes depends on the tenant too (R42)."""
    assert _single(return_item(), rollout_basis_points=0).outcome is Outcome.WAREHOUSE
    items = tuple(return_item(f"r{n:02d}", sku=f"s{n}") for n in range(40))
    snapshot = Snapshot(items, tuple(demand(f"d{n}", sku=f"s{n}") for n in range(40)))
    half = policy(rollout_basis_points=5_000)
    first, again, other = (
        _pairs(plan(snapshot, half, now_us=NOW_US, tenant=tenant))
        for tenant in (TENANT, TENANT, type(TENANT)("other"))
    )
    assert first == again
    assert first != other
    assert 8 <= len(first) <= 32


def _twice(change: Callable[[Snapshot], Snapshot]) -> None:
    snapshot = chain()
    with pytest.raises(InvalidValueError, match="each id once"):
        change(snapshot)


def test_an_id_that_comes_twice_is_refused() -> None:
    """Of each kind: the error names the second place."""
    _twice(lambda s: replace(s, return_items=s.return_items + s.return_items[:1]))
    _twice(lambda s: replace(s, demands=s.demands * 2))
    _twice(lambda s: replace(s, warehouses=(warehouse(), warehouse())))
    _twice(lambda s: replace(s, service_areas=(service_area(), service_area())))
    with pytest.raises(InvalidValueError) as caught:
        Snapshot((return_item("a"), return_item("b"), return_item("a")), ())
    assert caught.value.violations[0].field == "return_items[2]"


def _city(seed: int) -> Snapshot:
    # Many ties: few places, few keys, warehouses that fill up.
    rng = random.Random(seed)
    items = tuple(
        return_item(
            f"r{number:03d}",
            rng.randrange(12) * 3_000,
            sku=rng.choice(["shirt", "coat"]),
            customer_consents=rng.random() < 0.9,
            decide_by_us=NOW_US + rng.choice([0, DAY_US]),
        )
        for number in range(120)
    )
    demands = tuple(
        demand(
            f"d{number:03d}",
            rng.randrange(12) * 3_000,
            sku=rng.choice(["shirt", "coat"]),
            quantity=rng.randrange(1, 3),
        )
        for number in range(40)
    )
    warehouses = tuple(
        warehouse(f"w{number}", number * 9_000, daily_capacity=15)
        for number in range(4)
    )
    return Snapshot(items, demands, warehouses)


def _bytes(made: Plan, *, by_id: bool) -> bytes:
    decisions = list(made.decisions)
    if by_id:
        decisions.sort(key=lambda decision: decision.return_id)
    return msgspec.json.encode((decisions, made.summary, made.proof))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_input_order_changes_no_byte(seed: int) -> None:
    """Five shuffles of items, demands and warehouses: equal decisions (R3, I5)."""
    snapshot = _city(seed)
    first = _bytes(_planned(snapshot), by_id=True)
    rng = random.Random(seed)
    for _ in range(5):
        items, demands = list(snapshot.return_items), list(snapshot.demands)
        warehouses = list(snapshot.warehouses)
        rng.shuffle(items)
        rng.shuffle(demands)
        rng.shuffle(warehouses)
        shuffled = Snapshot(tuple(items), tuple(demands), tuple(warehouses))
        made = _planned(shuffled)
        assert _bytes(made, by_id=True) == first
        assert [d.return_id for d in made.decisions] == [i.return_id for i in items]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_threads_change_no_byte(seed: int) -> None:
    """One thread, two, five: the same decisions, prices and proof (I5)."""
    snapshot = _city(seed)
    first = _bytes(_planned(snapshot), by_id=False)
    for threads in (2, 5):
        assert _bytes(_planned(snapshot, threads), by_id=False) == first


def test_the_plan_hands_over_its_certificate() -> None:
    """Graph, answer, ids and summary belong together and verify (I6)."""
    made = _planned(_city(4))
    check_certificate(made.graph, made.assignment)
    made.proof.check()
    assert dict(made.proof.pairs) == _pairs(made)
    assert made.graph.row_count == len(made.return_ids)
    assert made.graph.column_count == len(made.demand_ids)
    matched = int(np.count_nonzero(made.assignment.column >= 0))
    assert made.summary.matched_count == matched > 0
    assert made.summary.saving_micros == made.summary.dual_micros
    assert made.summary.return_count == 120
    assert made.summary.warehouse_count == 120 - matched
    assert made.summary.distance_sum_m == sum(
        d.match.distance_m for d in made.decisions if d.match
    )


def test_every_route_has_a_reason_and_a_fallback() -> None:
    """120 items of all sorts: one route each, never without a reason (R2, R39; I7)."""
    made = _planned(_city(5))
    numbers = {each.decision_id for each in made.decisions}
    assert len(numbers) == 120
    for decision in made.decisions:
        assert decision.outcome in (Outcome.MATCHED, Outcome.WAREHOUSE)
        assert decision.reasons
        assert decision.checks
        assert decision.fallback.cost_micros > 0
        assert decision.decided_us == NOW_US
    counts = dict(made.summary.reason_counts)
    assert counts[ReasonCode.MATCHED_BEST_SAVING] == made.summary.matched_count


def test_no_category_opened_matches_nothing() -> None:
    """Default deny: a rule for shoes leaves apparel to the warehouse (R15, R27)."""
    decision = plan(
        Snapshot((return_item(),), (demand(),)),
        policy(rule(category="shoes")),
        now_us=NOW_US,
    ).decisions[0]
    assert _codes(decision)[0] is ReasonCode.CATEGORY_NOT_ALLOWED
