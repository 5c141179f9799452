"""A policy version: everything a brand controls, as one immutable document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from matcher.domain.errors import FieldViolation, InvalidPolicyError
from matcher.domain.item import UNMATCHABLE_REASONS, Condition, ReturnReason

BASIS_POINTS = 10_000
RADIUS_M_MAX = 500_000


class MatchKey(IntEnum):
    """What must be equal for a return item and a demand to be a pair."""

    UNSPECIFIED = 0
    SKU = 1
    CATEGORY = 2


class PolicyState(IntEnum):
    """Where a policy version is in its life."""

    UNSPECIFIED = 0
    CREATED = 1
    ACTIVE = 2
    RETIRED = 3


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """What opens one category: reasons, floors, evidence, radius, match key."""

    category: str
    reasons: tuple[ReturnReason, ...]
    min_condition: Condition
    min_confidence: float
    verification_max_age_us: int
    radius_m: int
    match_key: MatchKey
    min_saving_micros: int = 1
    allow_custom_made: bool = False
    season_end_us: int | None = None


@dataclass(frozen=True, slots=True)
class ZoneRate:
    """Label price of one carrier zone; both bounds are inclusive."""

    max_distance_m: int
    max_weight_grams: int
    price_micros: int


@dataclass(frozen=True, slots=True)
class CostModel:
    """Prices of the two ways of an item, in micros."""

    label_base_micros: int = 0
    label_per_km_micros: int = 0
    zones: tuple[ZoneRate, ...] = ()
    standard_return_micros: int = 0
    standard_shipping_micros: int = 0
    priority_step_micros: int = 0


# Without slots, so that the look-ups derived from the document can be kept.
@dataclass(frozen=True)
class Policy:
    """
    One immutable, numbered version; durations are microseconds.

    ``version`` is 0 until the version is stored. Nothing here can switch off
    verification, selection or the warehouse.

    Raises
    ------
    InvalidPolicyError
        With every fault of the document at once.
    """

    version: int
    owner: str
    currency_code: str
    categories: tuple[CategoryRule, ...]
    rollout_basis_points: int
    hold_duration_us: int
    cost_model: CostModel
    description: str = ""
    segments: tuple[str, ...] = ()
    rollout_salt: str = ""
    round_interval_us: int = 0
    round_size: int = 0
    handling_duration_us: int = 0
    allow_multi_item_returns: bool = False

    def __post_init__(self) -> None:
        violations = _violations(self)
        if violations:
            raise InvalidPolicyError(violations)

    def rule_for(self, category: str) -> CategoryRule | None:
        """Return the rule that opens ``category``, or ``None``: default deny."""
        return self._rules.get(category)

    @cached_property
    def category_names(self) -> tuple[str, ...]:
        """The opened categories, sorted."""
        return tuple(sorted(self._rules))

    @cached_property
    def _rules(self) -> dict[str, CategoryRule]:
        return {rule.category: rule for rule in self.categories}


# Ranges of single fields stand in the contract and are checked where a document
# comes in; what follows are the faults that only the whole document shows, and
# the ones that must hold even for a policy that a library user builds by hand.
def _violations(policy: Policy) -> list[FieldViolation]:
    found: list[FieldViolation] = []
    seen: set[str] = set()
    for index, rule in enumerate(policy.categories):
        path = f"categories[{index}]"
        if rule.category in seen:
            found.append(
                FieldViolation(
                    f"{path}.category", repr(rule.category), "each category once"
                )
            )
        seen.add(rule.category)
        found.extend(_rule_violations(path, rule))
    if not 0 <= policy.rollout_basis_points <= BASIS_POINTS:
        found.append(
            FieldViolation(
                "rollout_basis_points", str(policy.rollout_basis_points), "0 to 10,000"
            )
        )
    if policy.hold_duration_us <= 0:
        found.append(
            FieldViolation(
                "hold_duration", f"{policy.hold_duration_us} us", "above zero"
            )
        )
    found.extend(_zone_violations(policy.cost_model))
    return found


def _rule_violations(path: str, rule: CategoryRule) -> list[FieldViolation]:
    found = [
        FieldViolation(
            f"{path}.reasons[{index}]",
            reason.name,
            "a reason that may be matched: not DAMAGED, DEFECTIVE, OTHER or "
            "UNSPECIFIED",
        )
        for index, reason in enumerate(rule.reasons)
        if reason in UNMATCHABLE_REASONS
    ]
    if not 1 <= rule.radius_m <= RADIUS_M_MAX:
        found.append(
            FieldViolation(f"{path}.radius_m", str(rule.radius_m), "1 to 500,000")
        )
    if not 0.0 <= rule.min_confidence <= 1.0:
        found.append(
            FieldViolation(
                f"{path}.min_confidence", str(rule.min_confidence), "finite, 0 to 1"
            )
        )
    if rule.min_saving_micros < 1:
        found.append(
            FieldViolation(
                f"{path}.min_saving_micros", str(rule.min_saving_micros), "at least 1"
            )
        )
    if rule.match_key is MatchKey.UNSPECIFIED:
        found.append(
            FieldViolation(f"{path}.match_key", "UNSPECIFIED", "SKU or CATEGORY")
        )
    if rule.min_condition is Condition.UNSPECIFIED:
        found.append(
            FieldViolation(f"{path}.min_condition", "UNSPECIFIED", "POOR to NEW")
        )
    return found


def _zone_violations(cost_model: CostModel) -> list[FieldViolation]:
    order = [(zone.max_distance_m, zone.max_weight_grams) for zone in cost_model.zones]
    return [
        FieldViolation(
            f"cost_model.zones[{index}]",
            f"({order[index][0]} m, {order[index][1]} g)",
            "zones rise by distance, then by weight, each once",
        )
        for index in range(1, len(order))
        if order[index] <= order[index - 1]
    ]
