"""A policy in words: the table is what the gates note, and the text is the table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import CostModel, Policy, RolloutStep, VolumeCap, ZoneRate
from matcher.domain.reason import Gate, ReasonCode
from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.check_catalogue import CHECKS
from matcher.explain.rendering import TableRow, render
from tests.property.test_plan import policies, snapshots
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    TENANT,
    demand,
    policy,
    return_item,
    rule,
)

# What an item brings along itself narrows what the policy accepts of it.
_OF_THE_ITEM = {"evidence_fresh", "not_end_of_season", "not_custom_made"}


def _limits(of_returns: LimitScope) -> tuple[MatchLimit, ...]:
    return (
        MatchLimit(LimitScope.ZONE, 20, 7),
        MatchLimit(of_returns, 5),
        MatchLimit(LimitScope.DAY, 1_000),
    )


def _accepted(rows: tuple[TableRow, ...], check: str, category: str = "") -> str:
    (found,) = [r for r in rows if (r.check, r.category) == (check, category)]
    return found.accepted


@pytest.mark.parametrize("of_returns", [LimitScope.SKU, LimitScope.WAREHOUSE, None])
def test_every_check_of_a_match_has_its_entry_in_order(
    of_returns: LimitScope | None,
) -> None:
    """The catalogue is what a decision lists, gate by gate (R12, R44)."""
    limits = () if of_returns is None else _limits(of_returns)
    made = plan(
        Snapshot((return_item(),), (demand(),), ()),
        policy(match_limits=limits),
        now_us=NOW_US,
        tenant=TENANT,
    )
    gates = (Gate.VERIFICATION, Gate.ELIGIBILITY, Gate.DEMAND)
    found = [c.name for c in made.decisions[0].checks if c.gate in gates]
    entries = [e for e in CHECKS if e.name in found or not e.is_optional]
    assert found == [entry.name for entry in entries]
    assert [entry.gate for entry in entries] == [
        c.gate for c in made.decisions[0].checks if c.gate in gates
    ]
    optional = {entry.name for entry in CHECKS if entry.is_optional}
    limited = {f"{each.scope.name.lower()}_limit" for each in limits}
    assert optional.intersection(found) == limited


def test_every_reason_of_the_gates_has_its_check() -> None:
    """Nothing can fail that the table does not show (R41, R44)."""
    listed = {code for entry in CHECKS for code in entry.codes}
    of_gates = {
        code
        for code in ReasonCode
        if code.gate in (Gate.VERIFICATION, Gate.ELIGIBILITY, Gate.DEMAND)
    }
    # The last is no check: it tells of a pair that changed while it was matched.
    assert of_gates - listed == {ReasonCode.DEMAND_CHANGED}


@given(snapshots(), policies())
def test_what_decisions_note_is_what_the_table_says(
    snapshot: Snapshot, terms: Policy
) -> None:
    """Any item under any policy: what was accepted, and why it failed (R44)."""
    table = {row.check: row for row in render(terms, NOW_US).rows}
    made = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT)
    for decision in made.decisions:
        for check in decision.checks:
            row = table.get(check.name)
            if row is None:
                assert check.gate is Gate.ROUTING
                continue
            if check.reason:
                assert check.reason in row.codes
            elif check.observed and check.name not in _OF_THE_ITEM:
                assert check.accepted == row.accepted


def test_what_differs_by_category_is_said_by_category() -> None:
    """What holds for all is one row; the rest has one for each category."""
    document = policy(
        rule(radius_m=1_000),
        rule(category="shoes", radius_m=2_000, season_end_us=NOW_US + DAY_US),
    )
    found = render(document, NOW_US)
    assert _accepted(found.rows, "condition_sufficient") == "good or better"
    assert _accepted(found.rows, "within_radius", "apparel") == "within 1000 m"
    assert _accepted(found.rows, "within_radius", "shoes") == "within 2000 m"
    assert "2026-03-03" in _accepted(found.rows, "not_end_of_season", "shoes")
    assert "For shoes:" in found.text
    assert "For apparel:" in found.text


def test_limits_and_objective_are_said() -> None:
    """As checks where there are any, and in the terms."""
    document = policy(
        match_limits=_limits(LimitScope.WAREHOUSE),
        objective=Objective.MAX_MATCHES_THEN_SAVING,
    )
    found = render(document, NOW_US)
    zones = "20 matches a UTC day in a zone of resolution 7"
    assert _accepted(found.rows, "zone_limit") == zones
    assert _accepted(found.rows, "day_limit") == "1,000 matches a UTC day"
    assert "sku_limit" not in {row.check for row in found.rows}
    for words in (
        f"There is a place left of {zones}",
        "no other assignment within the limits makes more matches",
        f"Match limits: {zones}; 5 matches a UTC day past a warehouse; 1,000 matches",
    ):
        assert words in found.text
    plain = render(policy(), NOW_US)
    assert "no other assignment saves more in total" in plain.text
    assert "Match limits: none." in plain.text
    assert not {r.check for r in plain.rows if r.check.endswith("_limit")}


def test_terms_of_the_whole_policy_are_said() -> None:
    """Rollout with its steps, cap, times and prices; amounts with their currency."""
    document = policy(
        rollout_basis_points=500,
        rollout_steps=(RolloutStep(NOW_US + 1, 5_000),),
        volume_cap=VolumeCap(1_000, 36 * HOUR_US),
        round_interval_us=HOUR_US,
        round_size=500,
        description="First weeks.",
        cost_model=CostModel(zones=(ZoneRate(5_000, 900, 7),), priority_step_micros=3),
    )
    text = render(document, NOW_US).text
    for words in (
        "answered for by operations",
        "First weeks.",
        "5.00 %, 50.00 % from 2026-03-02T12:00:00.000001Z",
        "10.00 % of eligible items in 36 hours",
        "every 1 hour or as soon as 500 items wait",
        "in EUR",
        "to 5,000 m and 900 g: 7 micros",
        "priority is worth 3 micros",
    ):
        assert words in text
    assert "rollout, 50.00 % of" in render(document, NOW_US + 1).text


def test_a_policy_that_opens_nothing_says_just_that() -> None:
    """No table of nothing, and no promise."""
    found = render(replace(policy(), categories=()), NOW_US)
    assert found.rows == ()
    assert "everything goes to a warehouse" in found.text


def test_ten_thousand_categories_are_rendered() -> None:
    """As many as a policy may have: one market for all of them, not one each."""
    rules = [rule(category=f"c{n}", radius_m=1 + n) for n in range(10_000)]
    found = render(policy(*rules), NOW_US)
    radii = [row for row in found.rows if row.check == "within_radius"]
    assert len(radii) == 10_000
