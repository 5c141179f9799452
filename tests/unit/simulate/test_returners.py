"""Return items: each fault closes the gate it is named after, and only faults do."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.domain.ids import TenantId
from matcher.domain.item import Condition, ReturnReason
from matcher.domain.policy import CategoryRule, CostModel, MatchKey, Policy
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import evaluate_gates
from matcher.simulate import ScenarioParams, generate
from matcher.simulate.draws import Draws
from matcher.simulate.evidence import make_evidence
from matcher.simulate.facts import make_facts
from matcher.simulate.faults import WEIGHTS, Fault, draw_faults

NOW_US = 1_772_366_400_000_000
DAY_US = 86_400_000_000

#: Opens every category as wide as a sensible policy does.
POLICY = Policy(
    version=1,
    owner="test",
    currency_code="USD",
    categories=tuple(
        CategoryRule(
            category=category,
            reasons=(
                ReturnReason.FIT,
                ReturnReason.PREFERENCE,
                ReturnReason.NO_LONGER_NEEDED,
            ),
            min_condition=Condition.GOOD,
            min_confidence=0.8,
            verification_max_age_us=14 * DAY_US,
            radius_m=40_000,
            match_key=MatchKey.SKU,
        )
        for category in ScenarioParams().categories
    ),
    rollout_basis_points=10_000,
    hold_duration_us=DAY_US,
    cost_model=CostModel(),
)

EXPECTED = {
    Fault.NOT_VERIFIED: {ReasonCode.VERIFICATION_MISSING},
    Fault.VERIFICATION_FAILED: {ReasonCode.VERIFICATION_FAILED},
    Fault.VERIFICATION_PENDING: {ReasonCode.VERIFICATION_PENDING},
    Fault.VERIFICATION_OLD: {ReasonCode.VERIFICATION_EXPIRED},
    Fault.LOW_CONFIDENCE: {ReasonCode.VERIFICATION_LOW_CONFIDENCE},
    Fault.NO_EVIDENCE_ID: {ReasonCode.INSUFFICIENT_EVIDENCE},
    Fault.FACT_UNKNOWN: {ReasonCode.INSUFFICIENT_EVIDENCE},
    Fault.DAMAGED: {ReasonCode.ITEM_DAMAGED},
    Fault.DEFECTIVE: {ReasonCode.ITEM_DEFECTIVE},
    Fault.FRAGILE: {ReasonCode.ITEM_FRAGILE},
    Fault.REGULATED: {ReasonCode.ITEM_REGULATED},
    Fault.CUSTOM_MADE: {ReasonCode.ITEM_CUSTOM_MADE},
    Fault.SEASON_OVER: {ReasonCode.ITEM_END_OF_SEASON},
    Fault.ODD_REASON: {ReasonCode.REASON_NOT_ALLOWED, ReasonCode.INSUFFICIENT_EVIDENCE},
    Fault.WORN: {ReasonCode.CONDITION_BELOW_FLOOR},
    Fault.NO_CONSENT: {ReasonCode.CONSENT_MISSING},
    Fault.IN_TRANSIT: {ReasonCode.ALREADY_IN_TRANSIT},
    Fault.CHOSE_STORE: {ReasonCode.CUSTOMER_CHOSE_STORE},
    Fault.SEVERAL_ITEMS: {ReasonCode.MULTI_ITEM_RETURN},
}


def _returns(share_eligible: float, count: int = 2_000) -> tuple[ReturnItem, ...]:
    params = ScenarioParams(
        demand_count=0, return_count=count, share_eligible=share_eligible, city_count=3
    )
    return generate(params, np.random.default_rng(31), NOW_US).return_items


def _codes(item: ReturnItem) -> set[ReasonCode]:
    report = evaluate_gates(
        item, POLICY, tenant=TenantId("t"), surroundings=Surroundings(), now_us=NOW_US
    )
    return {reason.code for reason in report.reasons}


def test_items_without_fault_pass_both_gates() -> None:
    """With every item eligible, all 2,000 pass a wide policy."""
    assert not set().union(*map(_codes, _returns(1.0)))


def test_items_with_a_fault_pass_neither() -> None:
    """With no item eligible, every one of 2,000 is turned away, all codes occur."""
    codes = [_codes(item) for item in _returns(0.0)]
    assert all(codes)
    assert set().union(*codes) == set().union(*EXPECTED.values())


def test_share_of_eligible_items_is_kept() -> None:
    """At 0.7, 1,400 of 2,000 pass, within five standard deviations."""
    passed = sum(not _codes(item) for item in _returns(0.7))
    assert abs(passed - 1_400) < 5 * 21


@pytest.mark.parametrize("fault", list(Fault))
def test_each_fault_gives_its_reason(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item with one fault alone is turned away for that and nothing else."""
    only = np.zeros((len(Fault), 200), np.bool_)
    only[fault] = True
    monkeypatch.setattr("matcher.simulate.returners.draw_faults", lambda *_: only)
    items = _returns(0.0, 200)
    assert {frozenset(_codes(item)) for item in items} == {
        frozenset({code}) for code in EXPECTED[fault]
    }


def test_fault_weights_are_a_distribution() -> None:
    """Every fault has a weight, and they are hundredths of one whole."""
    assert sorted(WEIGHTS) == sorted(Fault)
    assert sum(WEIGHTS.values()) == 100


def test_faulty_items_have_one_or_two_faults() -> None:
    """Of 10,000 faulty items some 15 % have a second fault, a few twice the same."""
    faults = draw_faults(Draws(np.random.default_rng(32)), 10_000, 0.0)
    counts = np.bincount(faults.sum(axis=0), minlength=3)
    assert counts[0] == 0
    assert len(counts) == 3
    assert 1_200 < counts[2] < 1_500


def test_evidence_keeps_its_promises() -> None:
    """Inspections lie in the past, are sure, and half expire 30 days on."""
    faults = np.zeros((len(Fault), 1_000), np.bool_)
    made = make_evidence(Draws(np.random.default_rng(33)), faults, NOW_US)
    found = [each for each in made if each is not None]
    assert len(found) == 1_000
    assert all(each.verify_us is not None and each.verify_us < NOW_US for each in found)
    assert min(each.confidence or 0 for each in found) >= 0.9
    expiring = [each for each in found if each.expire_us is not None]
    assert abs(len(expiring) - 500) < 5 * 16
    assert {(each.expire_us or 0) - (each.verify_us or 0) for each in expiring} == {
        30 * DAY_US
    }
    assert found[11].evidence_id == "E000012"


def test_facts_take_thirty_percent_of_seasons_as_dates() -> None:
    """About 300 of 1,000 items state a season's end, ahead, instead of a fact."""
    faults = np.zeros((len(Fault), 1_000), np.bool_)
    facts = make_facts(Draws(np.random.default_rng(34)), faults, NOW_US)
    dated = [end for end in facts.season_end_us if end is not None]
    assert abs(len(dated) - 300) < 5 * 15
    assert min(dated) > NOW_US
    unknown = [item.end_of_season == 0 for item in facts.attributes]
    assert unknown == [end is not None for end in facts.season_end_us]


def test_times_and_ids_are_as_documented() -> None:
    """Ids count from 1; decide-by is 2 h to 5 days on; the refund 14 days (R37)."""
    items = _returns(0.8)
    assert items[0].return_id == "R000001"
    assert items[-1].return_id == "R002000"
    ahead = [item.decide_by_us - NOW_US for item in items]
    assert min(ahead) >= DAY_US // 12
    assert max(ahead) <= 5 * DAY_US
    assert {item.refund_due_us for item in items} == {NOW_US + 14 * DAY_US}
