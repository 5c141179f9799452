"""The first difference of two decisions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from matcher.domain.decision import Decision
from matcher.domain.item import Condition
from matcher.domain.policy import Policy
from matcher.domain.reason import CheckResult, Gate, ReasonCode
from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.copy_lint import BANNED, find_terms
from matcher.explain.difference import (
    Difference,
    DifferenceKind,
    difference_texts,
    first_difference,
)
from matcher.explain.message_catalogue import SHIPPED, MessageCatalogue
from tests.property.test_plan import policies, snapshots
from tests.scenarios import NOW_US, TENANT, demand, policy, return_item, rule


def _decisions(*items: Any, terms: Policy | None = None) -> tuple[Decision, ...]:
    made = plan(
        Snapshot(tuple(items), (demand(),), ()),
        terms or policy(),
        now_us=NOW_US,
        tenant=TENANT,
    )
    return made.decisions


def _between(one: Any, other: Any) -> Difference:
    return first_difference(*_decisions(one, other))


def test_the_first_check_that_ended_differently() -> None:
    """Two faults on one side: the one that ran first is named (R40)."""
    poor = return_item("r2", condition=Condition.POOR, customer_consents=False)
    found = _between(return_item("r1"), poor)
    assert (found.kind, found.gate) == (DifferenceKind.CHECK, Gate.ELIGIBILITY)
    assert found.one is not None
    assert found.other is not None
    assert found.one.name == found.other.name == "condition_sufficient"
    assert found.reason is None
    assert found.other_reason is not None
    assert found.other_reason.code is ReasonCode.CONDITION_BELOW_FLOOR
    assert found.has_same_rules


def test_two_items_for_one_buyer_differ_in_the_last_check() -> None:
    """Equal in all but the optimum: the unit went to the other item."""
    found = _between(return_item("r1"), return_item("r2"))
    assert found.one is not None
    assert found.one.name == "unit_left"
    assert {found.one.result, found.other and found.other.result} == {
        CheckResult.PASSED,
        CheckResult.FAILED,
    }


def test_an_item_that_did_not_get_so_far() -> None:
    """One failed gate 2 like the other did not: the check both had comes first."""
    late = return_item("r2", decide_by_us=NOW_US)
    found = _between(return_item("r1"), late)
    assert found.kind is DifferenceKind.CHECK
    assert found.gate is Gate.DEMAND
    assert found.other_reason is not None
    assert found.other_reason.code is ReasonCode.DECIDE_BY_REACHED


def test_equal_decisions_do_not_differ() -> None:
    """The same way for the same reasons, whatever the numbers."""
    far = [return_item(f"r{n}", east_m=60_000 + n) for n in (1, 2)]
    found = _between(*far)
    assert found.kind is DifferenceKind.NONE
    assert "no check and no state differs" in (
        difference_texts(found, MessageCatalogue(())).operator
    )


def test_other_rules_are_said() -> None:
    """Judged under two versions, the item may be the same."""
    (one,) = _decisions(return_item())
    strict = policy(rule(min_condition=Condition.NEW), version=2)
    (other,) = _decisions(return_item(), terms=strict)
    found = first_difference(one, other)
    assert not found.has_same_rules
    texts = difference_texts(found, MessageCatalogue(()))
    assert "had changed" in texts.customer
    assert "condition_sufficient" in texts.operator
    assert "new or better" in texts.operator


@pytest.mark.parametrize("locale", SHIPPED)
@given(snapshot=snapshots(), terms=policies())
def test_any_two_decisions_are_compared(
    locale: str, snapshot: Snapshot, terms: Policy
) -> None:
    """Both ways round the same, nothing banned is said, and the three parts are."""
    made = plan(snapshot, terms, now_us=NOW_US, tenant=TENANT).decisions
    catalogue = MessageCatalogue(())
    for one, other in pairwise(made):
        found, back = first_difference(one, other), first_difference(other, one)
        assert (found.kind, found.gate) == (back.kind, back.gate)
        assert (found.one, found.reason) == (back.other, back.other_reason)
        alike = {(c.name, c.result) for c in one.checks} == {
            (c.name, c.result) for c in other.checks
        }
        assert (found.kind is DifferenceKind.CHECK) is not alike
        if one.outcome is not other.outcome:
            assert found.kind is not DifferenceKind.NONE
        texts = difference_texts(found, catalogue, locale)
        if found.kind is not DifferenceKind.NONE:
            assert texts.customer.endswith(catalogue.parts(locale))
        for text in (texts.customer, texts.support):
            assert not list(find_terms(text, BANNED[locale]))
