"""Gate 3 in words, with the numbers that bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId
from matcher.domain.item import Condition
from matcher.domain.policy import CostModel, MatchKey, Policy, ZoneRate
from matcher.domain.reason import CheckResult, Gate, Reason, ReasonCode
from matcher.domain.warehouse import ServiceArea
from matcher.engine.demand_gate import DemandFinding, state_demand
from matcher.engine.market import PoolItem, collect
from matcher.engine.network import Network
from matcher.engine.open_demands import OpenDemands
from matcher.geo import ServiceAreas
from tests.scenarios import (
    HOUR_US,
    NOW_US,
    demand,
    demand_record,
    policy,
    return_item,
    rule,
    service_area,
)

ITEM = PoolItem(return_item(), rule())
NAMES = [
    "open_orders",
    "within_radius",
    "demand_in_service_area",
    "demand_takes_condition",
    "demand_ships_later",
    "demand_not_released",
    "demand_has_label_rate",
    "saving_sufficient",
    "unit_left",
]
ZONES = CostModel(zones=(ZoneRate(30_000, 1_000, 1_000_000),))


def _finding(
    demands: Sequence[Demand],
    entry: PoolItem = ITEM,
    terms: Policy | None = None,
    areas: Sequence[ServiceArea] = (),
    column: int = -1,
) -> DemandFinding:
    network = Network((), ServiceAreas.of(areas))
    known = OpenDemands(network)
    known.update([demand_record(each) for each in demands])
    market = collect(
        [entry],
        known,
        network,
        terms or policy(),
        remaining=network.daily_capacity,
        now_us=NOW_US,
    )
    return state_demand(market, 0, column)


def _results(finding: DemandFinding) -> dict[str, CheckResult]:
    return {check.name: check.result for check in finding.checks}


def _only(finding: DemandFinding) -> Reason:
    assert len(finding.reasons) == 1
    return finding.reasons[0]


def test_a_taken_candidate_passes_every_check() -> None:
    """Nine checks of gate 3 in their order, all passed, and no reason (R5, R12)."""
    finding = _finding([demand("d1", 10_000)], column=0)
    assert [check.name for check in finding.checks] == NAMES
    assert {check.gate for check in finding.checks} == {Gate.DEMAND}
    assert set(_results(finding).values()) == {CheckResult.PASSED}
    assert finding.reasons == ()


def test_nobody_wants_it() -> None:
    """No open order of the SKU: one failure, the rest cannot be asked (R55)."""
    finding = _finding([demand("d1", sku="coat")])
    assert _only(finding).code is ReasonCode.NO_DEMAND
    results = _results(finding)
    assert results.pop("open_orders") is CheckResult.FAILED
    assert set(results.values()) == {CheckResult.SKIPPED}


def test_by_category_the_check_says_so() -> None:
    """What has to be equal is named: the SKU or the category."""
    for key, word in ((MatchKey.SKU, "SKU"), (MatchKey.CATEGORY, "category")):
        finding = _finding([], PoolItem(return_item(), rule(match_key=key)))
        assert finding.checks[0].accepted == f"open orders of the {word}"


def test_the_nearest_is_too_far() -> None:
    """50,001 m against 50,000: both numbers are said (R55)."""
    finding = _finding([demand("d1", 90_000), demand("d2", 50_001)])
    reason = _only(finding)
    assert reason.code is ReasonCode.OUT_OF_RADIUS
    assert "50001 m" in reason.text
    assert "50000 m" in reason.text
    check = finding.checks[1]
    assert (check.observed, check.accepted) == ("nearest at 50001 m", "within 50000 m")
    assert _results(finding)["open_orders"] is CheckResult.PASSED


CASES = {
    ReasonCode.DEMAND_OUTSIDE_SERVICE_AREA: partial(
        _finding, [demand("d1", 11_000), demand("d2", 12_000)], areas=[service_area()]
    ),
    ReasonCode.DEMAND_NEEDS_BETTER_CONDITION: partial(
        _finding, [demand(f"d{n}", min_condition=Condition.NEW) for n in (1, 2)]
    ),
    ReasonCode.DEMAND_SHIPS_TOO_SOON: partial(
        _finding,
        [demand(f"d{n}", ship_by_us=NOW_US + HOUR_US) for n in (1, 2)],
        terms=policy(handling_duration_us=HOUR_US),
    ),
    ReasonCode.DEMAND_RELEASED_BEFORE: partial(
        _finding,
        [demand("d1"), demand("d2")],
        replace(ITEM, released_demand_ids=(DemandId("d1"), DemandId("d2"))),
    ),
    ReasonCode.NO_LABEL_RATE: partial(
        _finding,
        [demand("d1", 30_001), demand("d2", -40_000)],
        terms=policy(cost_model=ZONES),
    ),
    ReasonCode.SAVING_BELOW_THRESHOLD: partial(
        _finding,
        [demand("d1", 10_000), demand("d2", 20_000)],
        PoolItem(return_item(), rule(min_saving_micros=5_900_001)),
    ),
}


@pytest.mark.parametrize("code", CASES, ids=lambda code: code.name)
def test_each_test_that_drops_all_is_the_reason(code: ReasonCode) -> None:
    """Two in the radius and both dropped by one test: it fails, with the count."""
    finding = CASES[code]()
    reason = _only(finding)
    assert reason.code is code
    assert "2 of the open orders" in reason.text
    failed = [c for c in finding.checks if c.result is CheckResult.FAILED]
    assert [check.reason for check in failed] == [code]
    assert failed[0].observed == "0 of 2"
    after = finding.checks[finding.checks.index(failed[0]) + 1 :]
    assert all(check.result is CheckResult.SKIPPED for check in after)


def test_the_best_saving_is_said() -> None:
    """At 10 km 5,900,000 would be saved, and 5,900,001 is asked: both are named."""
    text = CASES[ReasonCode.SAVING_BELOW_THRESHOLD]().reasons[0].text
    assert "5900000 micros" in text
    assert "5900001 micros" in text


def test_all_failed_tests_are_reported() -> None:
    """One dropped for its condition, one for its time: both reasons (R41)."""
    finding = _finding(
        [
            demand("d1", min_condition=Condition.NEW),
            demand("d2", ship_by_us=NOW_US + HOUR_US),
        ],
        terms=policy(handling_duration_us=HOUR_US),
    )
    assert [reason.code for reason in finding.reasons] == [
        ReasonCode.DEMAND_NEEDS_BETTER_CONDITION,
        ReasonCode.DEMAND_SHIPS_TOO_SOON,
    ]
    assert [check.observed for check in finding.checks[3:5]] == ["1 of 2", "0 of 1"]


def test_what_drops_some_is_no_failure_while_one_is_left() -> None:
    """A candidate is left after the condition dropped another: nothing failed."""
    finding = _finding(
        [demand("d1", min_condition=Condition.NEW), demand("d2")], column=0
    )
    assert set(_results(finding).values()) == {CheckResult.PASSED}
    assert finding.checks[3].observed == "1 of 2"


def test_displaced_by_others_is_said() -> None:
    """Three buyers qualify and all went elsewhere: the certificate's answer (R41)."""
    finding = _finding([demand(f"d{n}") for n in range(3)])
    reason = _only(finding)
    assert reason.code is ReasonCode.DEMAND_CAPACITY
    assert "3 buyers" in reason.text
    assert _results(finding)["unit_left"] is CheckResult.FAILED


def test_no_text_names_the_other_party() -> None:
    """No demand id stands in any check or sentence (I10)."""
    buyer = "the-other-party"
    variants: tuple[dict[str, Any], ...] = (
        {"min_condition": Condition.NEW},
        {},
        {"east_m": 60_000},
    )
    for changes in variants:
        finding = _finding([demand(buyer, **changes)])
        texts = [reason.text for reason in finding.reasons]
        for check in finding.checks:
            texts += [check.name, check.observed, check.accepted]
        assert not any(buyer in text for text in texts)
