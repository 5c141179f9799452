"""Faults that only a whole policy document shows: all of them at once."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.errors import InvalidPolicyError
from matcher.domain.item import UNMATCHABLE_REASONS, Condition, ReturnReason
from matcher.domain.policy import CostModel, MatchKey, Policy, ZoneRate
from tests.scenarios import policy, rule


def _zones(*bounds: tuple[int, int]) -> CostModel:
    return CostModel(zones=tuple(ZoneRate(*each, 1) for each in bounds))


_MATCHABLE = (
    "a reason that may be matched: not DAMAGED, DEFECTIVE, OTHER or UNSPECIFIED"
)

# What each fault says is accepted, by its field without the places in lists.
_ACCEPTED = {
    "categories.category": "each category once",
    "categories.reasons": _MATCHABLE,
    "categories.radius_m": "1 to 500,000",
    "categories.min_confidence": "finite, 0 to 1",
    "categories.min_saving_micros": "at least 1",
    "categories.match_key": "SKU or CATEGORY",
    "categories.min_condition": "POOR to NEW",
    "rollout_basis_points": "0 to 10,000",
    "hold_duration": "above zero",
    "cost_model.zones": "zones rise by distance, then by weight, each once",
}


def _refused(*rules: Any, **changes: Any) -> list[str]:
    changes = {"categories": rules or (rule(),), **changes}
    with pytest.raises(InvalidPolicyError) as refused:
        replace(policy(), **changes)
    for each in refused.value.violations:
        assert each.value
        assert each.accepted == _ACCEPTED[re.sub(r"\[\d+\]", "", each.field)]
    return [each.field for each in refused.value.violations]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"radius_m": 0}, "radius_m"),
        ({"radius_m": 500_001}, "radius_m"),
        ({"min_confidence": -0.01}, "min_confidence"),
        ({"min_confidence": math.nan}, "min_confidence"),
        ({"min_confidence": 1.01}, "min_confidence"),
        ({"min_saving_micros": 0}, "min_saving_micros"),
        ({"match_key": MatchKey.UNSPECIFIED}, "match_key"),
        ({"min_condition": Condition.UNSPECIFIED}, "min_condition"),
    ],
)
def test_a_faulty_rule_is_named(changes: dict[str, Any], field: str) -> None:
    """By the position of its category and the field."""
    assert _refused(rule(**changes)) == [f"categories[0].{field}"]


@pytest.mark.parametrize("reason", sorted(UNMATCHABLE_REASONS))
def test_no_policy_may_list_damage(reason: ReturnReason) -> None:
    """Damaged, defective, other and unspecified stay out of every policy (R16, R21)."""
    assert _refused(rule(reasons=(ReturnReason.FIT, reason))) == [
        "categories[0].reasons[1]"
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rollout_basis_points": -1}, "rollout_basis_points"),
        ({"rollout_basis_points": 10_001}, "rollout_basis_points"),
        ({"hold_duration_us": 0}, "hold_duration"),
        ({"cost_model": _zones((10, 5), (10, 5))}, "cost_model.zones[1]"),
        ({"cost_model": _zones((10, 5), (9, 9))}, "cost_model.zones[1]"),
        ({"cost_model": _zones((9, 5), (10, 5), (10, 4))}, "cost_model.zones[2]"),
    ],
)
def test_a_faulty_document_is_named(changes: dict[str, Any], field: str) -> None:
    """One change, one violation."""
    assert _refused(**changes) == [field]


def test_all_faults_are_listed_at_once() -> None:
    """A person who mends a policy sees the whole of what is wrong."""
    fields = _refused(
        rule(radius_m=0, min_confidence=2.0),
        rule(min_saving_micros=-1),
        rollout_basis_points=-1,
    )
    assert fields == [
        "categories[0].radius_m",
        "categories[0].min_confidence",
        "categories[1].category",
        "categories[1].min_saving_micros",
        "rollout_basis_points",
    ]


def test_bounds_belong_to_their_range() -> None:
    """The narrowest and the widest document are both good ones."""
    for radius_m, share, confidence, hold_us in (
        (1, 0, 1.0, 1),
        (500_000, 10_000, 0.0, 2**63 - 1),
    ):
        document = policy(
            rule(radius_m=radius_m, min_confidence=confidence, min_saving_micros=1),
            rollout_basis_points=share,
            hold_duration_us=hold_us,
        )
        assert document.rule_for("apparel") == document.categories[0]


def test_categories_are_closed_unless_opened() -> None:
    """Default deny, case and all; the names come sorted (R15)."""
    document = policy(rule(category="toys"), rule(category="apparel"))
    assert document.category_names == ("apparel", "toys")
    assert document.rule_for("toys") == rule(category="toys")
    assert document.rule_for("Toys") is None
    assert document.rule_for("") is None
    # Ids are compared byte for byte: two spellings are two categories.
    for names in (("toys", "Toys"), ("Toys", "toys")):
        both = policy(*(rule(category=name) for name in names))
        assert both.rule_for("Toys") == rule(category="Toys")


def test_nothing_can_switch_the_warehouse_off() -> None:
    """No field of a policy is about verification or fallback as such (R7)."""
    names = " ".join(Policy.__dataclass_fields__)
    for word in ("force", "skip", "disable", "override", "bypass", "require"):
        assert word not in names
