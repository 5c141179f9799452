"""A decision in full: alternatives, what it lacked, who was before it, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.decision import Outcome
from matcher.domain.ids import DecisionId, DemandId, ReturnId, RoundId
from matcher.domain.policy import BASIS_POINTS, Policy
from matcher.domain.reason import Check, CheckResult, Gate
from matcher.engine.plan import Plan, plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.alternatives import Alternatives, ChainLink, Displacement
from matcher.explain.detail import (
    Detail,
    deciding_round,
    detail_summary,
    market_detail,
    rollout_change,
)
from matcher.explain.loss import Loss
from matcher.explain.settled_market import SettledMarket
from matcher.explain.smallest_change import ChangeKind
from matcher.policy.rollout import in_rollout
from tests.scenarios import NOW_US, TENANT, demand, policy, return_item


def _planned(snapshot: Snapshot, terms: Policy | None = None) -> Plan:
    return plan(snapshot, terms or policy(), now_us=NOW_US, tenant=TENANT)


def _settled(snapshot: Snapshot, made: Plan) -> SettledMarket:
    return SettledMarket.of_plan(snapshot, policy(), made, NOW_US)


def _street() -> Snapshot:
    """
    Return three buyers and three returns on a street, and one return too many.

    Metres from home, a saving is 6,000,000 less 10 a metre:
    r1 at 0, r2 at 10,000, r3 at 20,000, r4 at 45,000; d1 at 1,000, d2 at 12,000 and
    d3 at 24,000.
    """
    places = {"r1": 0, "r2": 10_000, "r3": 20_000, "r4": 45_000}
    return Snapshot(
        tuple(return_item(each, east) for each, east in places.items()),
        (demand("d1", 1_000), demand("d2", 12_000), demand("d3", 24_000)),
    )


def test_a_match_has_its_alternatives_best_first() -> None:
    """r1 on d2 sends r2 to d1; on d3 r3 moves to d2 and r2 to d1 besides."""
    snapshot = _street()
    made = _planned(snapshot)
    detail = market_detail(_settled(snapshot, made), ReturnId("r1"))
    first, second = detail.alternatives
    assert (first.demand_id, first.distance_m, first.saving_micros) == (
        "d2",
        12_000,
        5_880_000,
    )
    # Ways now: 1 + 2 + 4 km. With r1 on d2: 12 + 9 + 4; on d3: 24 + 9 + 8.
    assert first.loss == Loss(180_000, 0, 18_000)
    assert [(m.return_id, m.demand_id, m.to_demand_id) for m in first.moves] == [
        ("r2", "d2", "d1")
    ]
    assert second.demand_id == "d3"
    assert second.loss == Loss(340_000, 0, 34_000)
    assert [(m.return_id, m.to_demand_id) for m in second.moves] == [
        ("r3", "d2"),
        ("r2", "d1"),
    ]


def test_what_a_warehouse_would_have_cost() -> None:
    """Without r1 nobody gains: its 5,990,000; r4 takes its place by 3 others' moves."""
    snapshot = _street()
    detail = market_detail(_settled(snapshot, _planned(snapshot)), ReturnId("r1"))
    # r4 to d3 (21 km), r3 to d2 (8), r2 to d1 (9): 38 km instead of 7.
    assert detail.warehouse_loss == Loss(310_000, 0, 31_000)
    assert detail.displacement is None
    assert detail.changes == ()


def test_a_non_match_has_its_chain() -> None:
    """r4 would take d3 of r3, which has no buyer then: 21 km instead of 4."""
    snapshot = _street()
    made = _planned(snapshot)
    detail = market_detail(_settled(snapshot, made), ReturnId("r4"))
    assert detail.alternatives == ()
    assert detail.displacement == Displacement(
        (_link("r4", "", "d3", 0, 5_790_000), _link("r3", "d3", "", 5_960_000, 0)),
        Loss(170_000, 0, 17_000),
    )
    saving = next(c for c in detail.changes if c.kind is ChangeKind.SAVING)
    assert saving.amount == 170_001


def test_a_chain_goes_on_to_whoever_can_best_do_without() -> None:
    """With r1 31 km from its buyer, r3 moves to d2, r2 to d1, and r1 has none."""
    snapshot = _street()
    first, *others = snapshot.return_items
    far = replace(first, location=return_item("r1", -30_000).location)
    snapshot = replace(snapshot, return_items=(far, *others))
    made = _planned(snapshot)
    detail = market_detail(_settled(snapshot, made), ReturnId("r4"))
    # 21, 8 and 9 km instead of 4, 2 and 31.
    assert detail.displacement == Displacement(
        (
            _link("r4", "", "d3", 0, 5_790_000),
            _link("r3", "d3", "d2", 5_960_000, 5_920_000),
            _link("r2", "d2", "d1", 5_980_000, 5_910_000),
            _link("r1", "d1", "", 5_690_000, 0),
        ),
        Loss(10_000, 0, 1_000),
    )
    (of_r4,) = [d for d in made.decisions if d.return_id == "r4"]
    told = detail_summary(of_r4, detail)
    assert "could have had was d3: 3 other returns would move, and no" in told
    assert "no buyer is left for r1." in told
    assert "10,000 micros less" in told


def _link(
    return_id: str, demand_id: str, to_demand_id: str, saving: int, to_saving: int
) -> ChainLink:
    return ChainLink(
        ReturnId(return_id),
        DemandId(demand_id),
        DemandId(to_demand_id),
        saving,
        to_saving,
    )


def test_the_best_alternatives_are_the_best_of_all() -> None:
    """Cut to a few, they are the first of all."""
    snapshot = Snapshot(
        tuple(return_item(f"r{n}", 700.0 * n) for n in range(9)),
        tuple(demand(f"d{n}", 997.0 * n, 400.0 * (n % 4)) for n in range(8)),
    )
    settled = _settled(snapshot, _planned(snapshot))
    row = 4
    assert settled.assignment.column[row] >= 0
    every = Alternatives(settled, row).best(99)
    assert len(every) == 7
    assert [a.loss.micros for a in every] == sorted(a.loss.micros for a in every)
    for count in range(1, 7):
        assert Alternatives(settled, row).best(count) == every[:count]


def test_it_is_said_in_words() -> None:
    """Amounts, orders and returns, for operators; nothing where there is nothing."""
    snapshot = _street()
    made = _planned(snapshot)
    settled = _settled(snapshot, made)
    told = {
        d.return_id: detail_summary(d, market_detail(settled, d.return_id))
        for d in made.decisions
    }
    assert "310,000 micros less" in told[ReturnId("r1")]
    assert "order d2, 12,000 m away: 180,000 micros less" in told[ReturnId("r1")]
    assert "1 other return would have moved" in told[ReturnId("r1")]
    assert "All else equal, what it lacked was" in told[ReturnId("r4")]
    assert "had was d3: return r3 has no buyer then." in told[ReturnId("r4")]
    assert detail_summary(made.decisions[0], Detail()) == ""


def test_a_round_without_a_proof_says_nothing_exact() -> None:
    """Only by how much it may have missed the optimum."""
    snapshot = _street()
    made = _planned(snapshot)
    settled = _settled(snapshot, made)
    solved = settled.solved
    missed = replace(solved, assignment=replace(solved.assignment, gap=7))
    hasty = replace(settled, solved=missed)
    detail = market_detail(hasty, ReturnId("r1"), RoundId("r-1"))
    assert detail == Detail(RoundId("r-1"), gap_micros=7)
    assert "7 micros" in detail_summary(made.decisions[0], detail)


def test_the_round_that_looked_for_a_buyer() -> None:
    """That of the decision; of the one before if time was up; else none."""
    made = _planned(_street()).decisions[0]
    of_round = replace(
        made, outcome=Outcome.WAITING, match=None, round_id=RoundId("r-7")
    )
    gate_3 = Check(Gate.DEMAND, "open_orders", CheckResult.PASSED, "1", "some")
    late = replace(made, decision_id=DecisionId("d-9"), checks=(gate_3,))
    assert deciding_round(of_round, ()) == "r-7"
    assert deciding_round(late, (of_round,)) == "r-7"
    assert deciding_round(replace(late, checks=()), (of_round,)) == ""
    assert deciding_round(late, ()) == ""


@pytest.mark.parametrize("number", range(40))
def test_the_rollout_that_lets_in_is_exact(number: int) -> None:
    """With it the customer is in, with a basis point less not (R42)."""
    item = return_item("r1", customer_id=f"customer-{number}")
    change = rollout_change(TENANT, item, policy(rollout_salt="salt"))
    assert change.kind is ChangeKind.ROLLOUT
    assert 1 <= change.amount <= BASIS_POINTS
    for share, expected in ((change.amount, True), (change.amount - 1, False)):
        terms = policy(rollout_salt="salt", rollout_basis_points=share)
        found = in_rollout(TENANT, item.customer_id, terms, NOW_US)
        assert found is expected
