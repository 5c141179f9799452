"""Faults that only a whole policy document shows: all of them at once."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.errors import InvalidPolicyError
from matcher.domain.item import UNMATCHABLE_REASONS, Condition, ReturnReason
from matcher.domain.policy import (
    CostModel,
    MatchKey,
    Policy,
    RolloutStep,
    VolumeCap,
    ZoneRate,
)
from tests.scenarios import DAY_US, HOUR_US, policy, rule


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
    "categories.justification.text": "1 to 1,000 characters",
    "rollout_basis_points": "0 to 10,000",
    "hold_duration": "above zero",
    "rollout_steps.start_time": "after the one before",
    "volume_cap.basis_points": "0 to 10,000",
    "volume_cap.window": "whole hours, from one to 90 days",
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


@pytest.mark.parametrize(
    ("steps", "fields"),
    [
        ([(1, 600), (2, 601)], []),
        ([(1, 600), (1, 700)], ["rollout_steps[1].start_time"]),
        ([(2, 600), (1, 600)], ["rollout_steps[1].start_time", "[1].basis_points"]),
        ([(1, 500)], ["rollout_steps[0].basis_points"]),
        ([(1, 10_001)], ["rollout_steps[0].basis_points"]),
    ],
)
def test_steps_rise_by_time_and_share(
    steps: list[tuple[int, int]], fields: list[str]
) -> None:
    """Who is in stays in, so no step may be narrower than the one before (R42)."""
    made = tuple(RolloutStep(*each) for each in steps)
    changes = {"rollout_basis_points": 500, "rollout_steps": made}
    if not fields:
        replace(policy(), **changes)
        return
    with pytest.raises(InvalidPolicyError) as refused:
        replace(policy(), **changes)
    found = [each.field for each in refused.value.violations]
    assert len(found) == len(fields)
    assert all(f.endswith(each) for f, each in zip(found, fields, strict=True))


@pytest.mark.parametrize(
    ("cap", "fields"),
    [
        (VolumeCap(0, HOUR_US), []),
        (VolumeCap(10_000, 90 * DAY_US), []),
        (VolumeCap(-1, HOUR_US), ["volume_cap.basis_points"]),
        (VolumeCap(10_001, 0), ["volume_cap.basis_points", "volume_cap.window"]),
        (VolumeCap(1, HOUR_US + 1), ["volume_cap.window"]),
        (VolumeCap(1, 90 * DAY_US + HOUR_US), ["volume_cap.window"]),
    ],
)
def test_a_volume_cap_counts_whole_hours(cap: VolumeCap, fields: list[str]) -> None:
    """A share of 0 to 100 %, over one hour to 90 days (R25)."""
    if fields:
        assert _refused(volume_cap=cap) == fields
    else:
        assert replace(policy(), volume_cap=cap).volume_cap == cap


def test_the_rollout_widens_at_its_steps() -> None:
    """To the microsecond; the widest step that has begun counts (R25)."""
    document = policy(
        rollout_basis_points=500,
        rollout_steps=(RolloutStep(10, 1_000), RolloutStep(20, 5_000)),
    )
    assert [document.rollout_at(each) for each in (9, 10, 19, 20)] == [
        500,
        1_000,
        1_000,
        5_000,
    ]
    assert [document.next_step_us(each) for each in (9, 10, 20)] == [10, 20, None]
