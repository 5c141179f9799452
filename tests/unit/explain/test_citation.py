"""The rule of a category is cited with why it is so (R24)."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from matcher.domain.decision import Decision
from matcher.domain.demand_floor import DemandFloor
from matcher.domain.errors import InvalidPolicyError
from matcher.domain.item import Condition, ReturnReason
from matcher.domain.justification import Justification
from matcher.domain.policy import CategoryRule, MatchKey, Policy
from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.citation import RULE_CHECKS, citation_sentence, cite
from matcher.explain.rendering import render
from tests.scenarios import DAY_US, NOW_US, TENANT, demand, policy, return_item, rule

WHY = Justification("app-1", "Apparel is easy to inspect.", "Kim", "https://wiki/a")

# What each field of a rule may be instead.
_OTHER = {
    "reasons": (ReturnReason.ARRIVED_LATE, ReturnReason.FIT),
    "min_condition": Condition.POOR,
    "min_confidence": 0.5,
    "verification_max_age_us": 12 * 3_600_000_000,
    "radius_m": 40_000,
    "match_key": MatchKey.CATEGORY,
    "min_saving_micros": 2,
    "allow_custom_made": True,
    "season_end_us": NOW_US + 1,
    "demand_floor": DemandFloor(DAY_US, 1),
}


def _decided(terms: Policy) -> Decision:
    (decision,) = plan(
        Snapshot((return_item(),), (demand(),), ()),
        terms,
        now_us=NOW_US,
        tenant=TENANT,
    ).decisions
    return decision


def test_what_reads_the_rule_is_what_cites_it() -> None:
    """Changing any field of the rule changes a cited check and no other."""
    plain = {check.name: check for check in _decided(policy()).checks}
    told = set()
    assert {f.name for f in fields(CategoryRule)} == {
        "category",
        "justification",
        *_OTHER,
    }
    for name, value in _OTHER.items():
        changed = _decided(policy(rule(**{name: value}))).checks
        told |= {check.name for check in changed if plain[check.name] != check}
    assert told | {"category_allowed"} == set(RULE_CHECKS)


def test_a_decision_cites_its_rule() -> None:
    """Id, text, owner, link, and the checks that were made by it."""
    terms = policy(rule(justification=WHY))
    found = cite(_decided(terms), terms, "apparel")
    assert found is not None
    assert found.justification == WHY
    assert set(found.check_names) == set(RULE_CHECKS)
    assert citation_sentence(found) == (
        "The rule for apparel is app-1, answered for by Kim: Apparel is easy to "
        "inspect. (https://wiki/a)"
    )


def test_without_a_reason_nothing_is_cited() -> None:
    """No policy, no rule for the category, nobody said why: none of it is made up."""
    decision = _decided(policy())
    assert cite(decision, policy(), "apparel") is None
    assert cite(decision, policy(rule(justification=WHY)), "shoes") is None
    assert cite(decision, None, "apparel") is None


def test_it_changes_no_decision() -> None:
    """The same item, with and without: the same bytes."""
    assert _decided(policy(rule(justification=WHY))) == _decided(policy())


def test_the_policy_in_words_says_why() -> None:
    """RenderPolicy has it under the category (R44)."""
    text = render(policy(rule(justification=WHY)), NOW_US).text
    assert (
        "For apparel:\n- Why: app-1, Apparel is easy to inspect. (Kim), https://wiki/a."
    ) in text


def test_an_id_stands_once() -> None:
    """Two rules of one id could not be told apart; all faults come at once."""
    twice = Justification("app-1", "")
    with pytest.raises(InvalidPolicyError) as refused:
        replace(
            policy(),
            categories=(
                rule(justification=WHY),
                rule(category="toys", justification=twice),
            ),
        )
    assert [each.field for each in refused.value.violations] == [
        "categories[1].justification.rule_id",
        "categories[1].justification.text",
    ]
