"""How policies differ, which differences open something, and how far."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from matcher.domain.demand_floor import DemandFloor
from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.item import Condition, ReturnReason
from matcher.domain.justification import Justification
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective
from matcher.domain.policy import (
    CostModel,
    LocaleMessages,
    MatchKey,
    RolloutStep,
    StepLimits,
    VolumeCap,
    ZoneRate,
)
from matcher.domain.policy_change import Dimension, Direction, PolicyChange
from matcher.policy.comparison import (
    compare,
    compared_fields,
    dimensions,
    to_acknowledge,
    warnings,
)
from tests.scenarios import DAY_US, HOUR_US, NOW_US, policy, rule

_WIDER, _NARROWER, _OTHER = Direction.WIDER, Direction.NARROWER, Direction.OTHER

_GUARDRAIL = Guardrail("apparel", GuardrailMetric.COMPLAINT_SHARE, 500, 20, 7 * DAY_US)

# One change of a rule, the direction that it goes, and its width in numbers.
_OF_A_RULE: tuple[tuple[dict[str, Any], Dimension, Direction, int], ...] = (
    (
        {"reasons": (*rule().reasons, ReturnReason.ARRIVED_LATE)},
        Dimension.RETURN_REASON,
        _WIDER,
        0,
    ),
    ({"reasons": (ReturnReason.FIT,)}, Dimension.RETURN_REASON, _NARROWER, 0),
    # Opens one and closes another: what it opens counts.
    ({"reasons": (ReturnReason.ARRIVED_LATE,)}, Dimension.RETURN_REASON, _WIDER, 0),
    ({"min_condition": Condition.FAIR}, Dimension.CONDITION, _WIDER, 0),
    ({"min_condition": Condition.NEW}, Dimension.CONDITION, _NARROWER, 0),
    ({"min_confidence": 0.8}, Dimension.VERIFICATION, _WIDER, 0),
    ({"min_confidence": 0.95}, Dimension.VERIFICATION, _NARROWER, 0),
    ({"verification_max_age_us": 8 * DAY_US}, Dimension.VERIFICATION, _WIDER, 0),
    ({"radius_m": 50_001}, Dimension.RADIUS, _WIDER, 1),
    ({"radius_m": 1}, Dimension.RADIUS, _NARROWER, 0),
    ({"match_key": MatchKey.CATEGORY}, Dimension.MATCH_KEY, _WIDER, 0),
    ({"min_saving_micros": 2}, Dimension.SAVING, _NARROWER, 0),
    ({"allow_custom_made": True}, Dimension.CUSTOM_MADE, _WIDER, 0),
    ({"season_end_us": NOW_US}, Dimension.SEASON, _NARROWER, 0),
    ({"demand_floor": DemandFloor(DAY_US, 1)}, Dimension.DEMAND_FLOOR, _NARROWER, 0),
    ({"justification": Justification("a", "b")}, Dimension.JUSTIFICATION, _OTHER, 0),
)
_OF_A_POLICY: tuple[tuple[dict[str, Any], Dimension, Direction, int], ...] = (
    ({"owner": "others"}, Dimension.DESCRIPTION, _OTHER, 0),
    ({"description": "pilot"}, Dimension.DESCRIPTION, _OTHER, 0),
    ({"currency_code": "USD"}, Dimension.COST, _OTHER, 0),
    ({"segments": ("staff",)}, Dimension.SEGMENT, _NARROWER, 0),
    ({"rollout_salt": "anew"}, Dimension.ROLLOUT, _WIDER, 0),
    ({"rollout_basis_points": 9_999}, Dimension.ROLLOUT, _NARROWER, 0),
    ({"hold_duration_us": DAY_US}, Dimension.TIMING, _OTHER, 0),
    ({"round_interval_us": HOUR_US}, Dimension.TIMING, _OTHER, 0),
    ({"round_size": 7}, Dimension.TIMING, _OTHER, 0),
    ({"handling_duration_us": HOUR_US}, Dimension.TIMING, _NARROWER, 0),
    ({"allow_multi_item_returns": True}, Dimension.MULTI_ITEM, _WIDER, 0),
    ({"volume_cap": VolumeCap(9, HOUR_US)}, Dimension.VOLUME_CAP, _NARROWER, 0),
    ({"volume_cap": VolumeCap(10_000, HOUR_US)}, Dimension.VOLUME_CAP, _OTHER, 0),
    ({"step_limits": StepLimits(radius_m=1)}, Dimension.STEP_LIMITS, _OTHER, 0),
    ({"messages": (LocaleMessages("en", "a = b"),)}, Dimension.MESSAGES, _OTHER, 0),
    ({"banned_terms": ("wow",)}, Dimension.MESSAGES, _WIDER, 0),
    ({"guardrails": (_GUARDRAIL,)}, Dimension.GUARDRAILS, _NARROWER, 0),
    (
        {"evidence_thresholds": EvidenceThresholds(1)},
        Dimension.STEP_LIMITS,
        _OTHER,
        0,
    ),
    ({"mode": Mode.SHADOW}, Dimension.MODE, _NARROWER, 0),
    (
        {"objective": Objective.MAX_MATCHES_THEN_SAVING},
        Dimension.OBJECTIVE,
        _OTHER,
        0,
    ),
    (
        {"match_limits": (MatchLimit(LimitScope.DAY, 9),)},
        Dimension.MATCH_LIMITS,
        _NARROWER,
        0,
    ),
)


@pytest.mark.parametrize(("changes", "dimension", "direction", "step"), _OF_A_RULE)
def test_each_change_of_a_rule_is_told(
    changes: dict[str, Any], dimension: Dimension, direction: Direction, step: int
) -> None:
    """Its dimension, its way, and its path by the name of the category (R29)."""
    (found,) = compare(policy(), policy(rule(**changes)))
    assert (found.dimension, found.direction, found.step) == (
        dimension,
        direction,
        step,
    )
    assert found.path.startswith("categories[apparel].")
    assert not found.path.endswith("_us")
    assert found.before != found.after
    (back,) = compare(policy(rule(**changes)), policy())
    assert (back.before, back.after) == (found.after, found.before)


@pytest.mark.parametrize(("changes", "dimension", "direction", "step"), _OF_A_POLICY)
def test_each_change_of_a_policy_is_told(
    changes: dict[str, Any], dimension: Dimension, direction: Direction, step: int
) -> None:
    """Every field of the document has its dimension (R29)."""
    (found,) = compare(policy(), policy(**changes))
    assert (found.dimension, found.direction, found.step) == (
        dimension,
        direction,
        step,
    )
    assert found.before != found.after


@pytest.mark.parametrize("name", [field.name for field in fields(CostModel)])
def test_each_price_is_told(name: str) -> None:
    """Prices move decisions both ways."""
    value = (ZoneRate(1, 1, 1),) if name == "zones" else 17
    model = replace(policy().cost_model, **{name: value})
    (found,) = compare(policy(), policy(cost_model=model))
    assert (found.dimension, found.direction) == (Dimension.COST, _OTHER)
    assert found.path == f"cost_model.{name}"


@pytest.mark.parametrize(
    ("changes", "direction"),
    [
        ({"threshold_basis_points": 501}, _WIDER),
        ({"threshold_basis_points": 499}, _NARROWER),
        ({"sample_size_min": 21}, _WIDER),
        ({"sample_size_min": 19}, _NARROWER),
        ({"window_us": DAY_US}, _OTHER),
        # Loosens one and tightens another: what it loosens counts.
        ({"threshold_basis_points": 501, "sample_size_min": 19}, _WIDER),
    ],
)
def test_a_guardrail_that_bears_more_is_wider(
    changes: dict[str, Any], direction: Direction
) -> None:
    """Another threshold, sample or window; without it anything is borne (R29)."""
    guarded = policy(guardrails=(_GUARDRAIL,))
    other = policy(guardrails=(replace(_GUARDRAIL, **changes),))
    (found,) = compare(guarded, other)
    assert (found.path, found.direction) == (
        "guardrails[apparel:COMPLAINT_SHARE]",
        direction,
    )
    (gone,) = compare(guarded, policy())
    assert (gone.direction, gone.after) == (_WIDER, "none")


@pytest.mark.parametrize(
    ("floor", "direction"),
    [
        (DemandFloor(DAY_US, 4, 6, 500), _WIDER),
        (DemandFloor(DAY_US, 5, 6, 501), _NARROWER),
        # Asks for more of one and less of another: what it opens counts.
        (DemandFloor(DAY_US, 6, 5, 500), _WIDER),
        (DemandFloor(2 * DAY_US, 5, 6, 500), _OTHER),
        (None, _WIDER),
    ],
)
def test_a_floor_that_asks_for_less_is_wider(
    floor: DemandFloor | None, direction: Direction
) -> None:
    """Of units, orders and steadiness each; another window alone is neither (R29)."""
    before = rule(demand_floor=DemandFloor(DAY_US, 5, 6, 500))
    (found,) = compare(policy(before), policy(rule(demand_floor=floor)))
    assert (found.dimension, found.direction) == (Dimension.DEMAND_FLOOR, direction)
    assert found.path == "categories[apparel].demand_floor"


def test_no_field_is_left_out() -> None:
    """A field that a later release adds has to say what a change of it means."""
    for kind, names in compared_fields().items():
        of_kind = {field.name for field in fields(kind)}
        assert names == of_kind - {"version"}


def test_limits_are_compared_one_by_one() -> None:
    """By name, whatever their order; one that is raised or lifted opens something."""
    day, zone = MatchLimit(LimitScope.DAY, 9), MatchLimit(LimitScope.ZONE, 2, 7)
    before = policy(match_limits=(day, zone, MatchLimit(LimitScope.SKU, 3)))
    after = policy(match_limits=(replace(zone, count_max=3), replace(day, count_max=8)))
    found = compare(before, after)
    assert [(each.path, each.direction) for each in found] == [
        ("match_limits[DAY]", _NARROWER),
        ("match_limits[SKU]", _WIDER),
        ("match_limits[ZONE 7]", _WIDER),
    ]
    assert (found[1].before, found[1].after) == (
        "3 matches a UTC day for a SKU",
        "none",
    )
    assert to_acknowledge(found, StepLimits()) == (Dimension.MATCH_LIMITS,)
    shuffled = replace(before, match_limits=before.match_limits[::-1])
    assert compare(before, shuffled) == ()


def test_equal_policies_do_not_differ() -> None:
    """Neither by number nor by the order in which names were written."""
    one = policy(segments=("a", "b"), version=1)
    assert compare(one, replace(one, version=2, segments=("b", "a"))) == ()


def test_categories_come_as_one_change_each() -> None:
    """By name; nothing is said of the rule of one that opens or closes."""
    toys, shoes = rule(category="toys"), rule(category="shoes", radius_m=1)
    found = compare(policy(rule(), toys), policy(rule(), shoes))
    assert found == (
        PolicyChange(
            Dimension.CATEGORY, _WIDER, "categories[shoes]", "closed", "open", 1
        ),
        PolicyChange(
            Dimension.CATEGORY, _NARROWER, "categories[toys]", "open", "closed"
        ),
    )


def test_nothing_before_matches_nothing() -> None:
    """The first version opens its categories and its rollout, and no more (R27)."""
    found = compare(None, policy())
    assert [(each.dimension, each.step) for each in found] == [
        (Dimension.ROLLOUT, 10_000),
        (Dimension.CATEGORY, 1),
    ]


def _rollout(share: int, *steps: tuple[int, int]) -> Any:
    return policy(
        rollout_basis_points=share,
        rollout_steps=tuple(RolloutStep(*each) for each in steps),
    )


@pytest.mark.parametrize(
    ("before", "after", "direction", "step"),
    [
        # The widest gap of the two schedules at any instant.
        (_rollout(500), _rollout(500, (9, 5_000)), _WIDER, 4_500),
        (_rollout(500, (9, 5_000)), _rollout(500, (5, 5_000)), _WIDER, 4_500),
        (_rollout(500, (9, 5_000)), _rollout(500, (12, 5_000)), _NARROWER, 0),
        (_rollout(500, (9, 5_000)), _rollout(600), _WIDER, 100),
        (_rollout(500, (9, 5_000)), _rollout(500), _NARROWER, 0),
    ],
)
def test_schedules_are_compared_at_every_instant(
    before: Any, after: Any, direction: Direction, step: int
) -> None:
    """A step that comes earlier is wider, whatever its size."""
    (found,) = compare(before, after)
    assert (found.direction, found.step) == (direction, step)


@pytest.mark.parametrize(
    ("changes", "limits", "expected"),
    [
        ({"rollout_basis_points": 1_500}, StepLimits(), ()),
        ({"rollout_basis_points": 1_501}, StepLimits(), (Dimension.ROLLOUT,)),
        ({"categories": (rule(radius_m=60_000),)}, StepLimits(), ()),
        (
            {"categories": (rule(radius_m=60_001),)},
            StepLimits(),
            (Dimension.RADIUS,),
        ),
        (
            {"categories": (rule(), *(rule(category=each) for each in "ab"))},
            StepLimits(),
            (Dimension.CATEGORY,),
        ),
        (
            {"categories": (rule(), *(rule(category=each) for each in "ab"))},
            StepLimits(category_count=2),
            (),
        ),
        # Widenings without a number are always named; narrowings never are.
        ({"segments": ("gold", "staff")}, StepLimits(), (Dimension.SEGMENT,)),
        ({"categories": ()}, StepLimits(), ()),
        ({"owner": "others"}, StepLimits(0, 0, 0), ()),
        ({"banned_terms": ("wow",)}, StepLimits(0, 0, 0), ()),
    ],
)
def test_what_has_to_be_acknowledged(
    changes: dict[str, Any], limits: StepLimits, expected: tuple[Dimension, ...]
) -> None:
    """A step of just the limit passes; one more does not (R27)."""
    before = policy(rollout_basis_points=500, segments=("staff",))
    assert to_acknowledge(compare(before, replace(before, **changes)), limits) == (
        expected
    )


def test_two_dimensions_at_once_are_warned_of() -> None:
    """One dimension, texts and step limits aside, tells what it did (R29)."""
    one = compare(policy(), policy(owner="x", step_limits=StepLimits(), round_size=3))
    assert dimensions(one) == (Dimension.TIMING,)
    assert warnings(dimensions(one)) == ()
    two = compare(policy(), policy(rule(radius_m=9), round_size=3))
    (text,) = warnings(dimensions(two))
    assert "radius, timing" in text
