"""Faults that only a whole policy document shows: all of them at once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.errors import InvalidPolicyError
from matcher.domain.item import UNMATCHABLE_REASONS, Condition, ReturnReason
from matcher.domain.policy import CostModel, MatchKey, Policy, ZoneRate
from tests.scenarios import policy, rule


def _zones(*bounds: tuple[int, int]) -> CostModel:
    return CostModel(zones=tuple(ZoneRate(*each, 1) for each in bounds))


def _refused(*rules: Any, **changes: Any) -> list[str]:
    changes = {"categories": rules or (rule(),), **changes}
    with pytest.raises(InvalidPolicyError) as refused:
        replace(policy(), **changes)
    assert all(each.value and each.accepted for each in refused.value.violations)
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
        rule(radius_m=0), rule(min_saving_micros=-1), rollout_basis_points=-1
    )
    assert fields == [
        "categories[0].radius_m",
        "categories[1].category",
        "categories[1].min_saving_micros",
        "rollout_basis_points",
    ]


def test_bounds_belong_to_their_range() -> None:
    """The narrowest and the widest document are both good ones."""
    for radius_m, share in ((1, 0), (500_000, 10_000)):
        document = policy(rule(radius_m=radius_m), rollout_basis_points=share)
        assert document.rule_for("apparel") == document.categories[0]


def test_categories_are_closed_unless_opened() -> None:
    """Default deny, case and all; the names come sorted (R15)."""
    document = policy(rule(category="toys"), rule(category="apparel"))
    assert document.category_names == ("apparel", "toys")
    assert document.rule_for("toys") == rule(category="toys")
    assert document.rule_for("Toys") is None
    assert document.rule_for("") is None


def test_nothing_can_switch_the_warehouse_off() -> None:
    """No field of a policy is about verification or fallback as such (R7)."""
    names = " ".join(Policy.__dataclass_fields__)
    for word in ("force", "skip", "disable", "override", "bypass", "require"):
        assert word not in names
