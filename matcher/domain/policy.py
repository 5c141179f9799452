"""A policy version: everything a brand controls, as one immutable document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from matcher.domain.demand_floor import DemandFloor, floor_violations
from matcher.domain.errors import FieldViolation, InvalidPolicyError
from matcher.domain.evidence import EvidenceThresholds, evidence_violations
from matcher.domain.guardrail import Guardrail, guardrail_violations
from matcher.domain.instant import utc_text
from matcher.domain.item import UNMATCHABLE_REASONS, Condition, ReturnReason
from matcher.domain.justification import Justification, justification_violations
from matcher.domain.match_limit import MatchLimit, limit_violations
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective

BASIS_POINTS = 10_000
RADIUS_M_MAX = 500_000

#: A volume cap counts by the hour, so its window is a number of hours.
CAP_STEP_US = 3_600 * 1_000_000
CAP_WINDOW_US_MAX = 90 * 24 * CAP_STEP_US


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
    demand_floor: DemandFloor | None = None
    justification: Justification | None = None


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


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """From an instant on, the rollout is this wide at least."""

    start_us: int
    basis_points: int


@dataclass(frozen=True, slots=True)
class VolumeCap:
    """
    Share of the eligible return items that may be matched, over a rolling window.

    The window moves on by the hour of UTC: it is the hour of the decision and those
    before it, ``window_us`` in all.
    """

    basis_points: int
    window_us: int


@dataclass(frozen=True, slots=True)
class StepLimits:
    """
    How much wider the next version may be before somebody has to say so.

    Parameters
    ----------
    rollout_basis_points
        Of rollout, or of the volume cap.
    radius_m
        Of a category's radius.
    category_count
        Categories opened.
    """

    rollout_basis_points: int = 1_000
    radius_m: int = 10_000
    category_count: int = 1


@dataclass(frozen=True, slots=True)
class LocaleMessages:
    """Messages in one language that take the place of the shipped ones, as Fluent."""

    locale: str
    text: str


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
    rollout_steps: tuple[RolloutStep, ...] = ()
    volume_cap: VolumeCap | None = None
    step_limits: StepLimits = StepLimits()
    messages: tuple[LocaleMessages, ...] = ()
    banned_terms: tuple[str, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    evidence_thresholds: EvidenceThresholds | None = None
    mode: Mode = Mode.ACT
    objective: Objective = Objective.MAX_SAVING
    match_limits: tuple[MatchLimit, ...] = ()

    def __post_init__(self) -> None:
        violations = _violations(self)
        if violations:
            raise InvalidPolicyError(violations)

    def rule_for(self, category: str) -> CategoryRule | None:
        """Return the rule that opens ``category``, or ``None``: default deny."""
        return self._rules.get(category)

    def rollout_at(self, now_us: int) -> int:
        """Return the rollout at an instant, in basis points."""
        share = self.rollout_basis_points
        for step in self.rollout_steps:
            if step.start_us > now_us:
                break
            share = step.basis_points
        return share

    def next_step_us(self, now_us: int) -> int | None:
        """Return when the rollout next widens by itself."""
        for step in self.rollout_steps:
            if step.start_us > now_us:
                return step.start_us
        return None

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
    found.extend(
        justification_violations(
            (f"categories[{index}]", rule.justification)
            for index, rule in enumerate(policy.categories)
            if rule.justification is not None
        )
    )
    if not 0 <= policy.rollout_basis_points <= BASIS_POINTS:
        found.append(
            FieldViolation(
                "rollout_basis_points", str(policy.rollout_basis_points), "0 to 10,000"
            )
        )
    found.extend(_step_violations(policy))
    if policy.hold_duration_us <= 0:
        found.append(
            FieldViolation(
                "hold_duration", f"{policy.hold_duration_us} us", "above zero"
            )
        )
    found.extend(_zone_violations(policy.cost_model))
    locales = [each.locale for each in policy.messages]
    found.extend(
        FieldViolation(f"messages[{index}].locale", repr(locale), "each locale once")
        for index, locale in enumerate(locales)
        if locale in locales[:index]
    )
    if policy.objective is Objective.UNSPECIFIED:
        found.append(
            FieldViolation(
                "objective",
                "UNSPECIFIED",
                ", ".join(each.name for each in Objective if each),
            )
        )
    found.extend(limit_violations(policy.match_limits))
    found.extend(guardrail_violations(policy.guardrails, seen))
    found.extend(evidence_violations(policy.evidence_thresholds))
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
    found.extend(floor_violations(path, rule.demand_floor))
    return found


def _step_violations(policy: Policy) -> list[FieldViolation]:
    found: list[FieldViolation] = []
    last = (-(2**63), policy.rollout_basis_points)
    for index, step in enumerate(policy.rollout_steps):
        path = f"rollout_steps[{index}]"
        if step.start_us <= last[0]:
            found.append(
                FieldViolation(
                    f"{path}.start_time",
                    utc_text(step.start_us),
                    "after the one before",
                )
            )
        if not last[1] < step.basis_points <= BASIS_POINTS:
            # A customer who is in stays in.
            found.append(
                FieldViolation(
                    f"{path}.basis_points",
                    str(step.basis_points),
                    f"above the {last[1]} before it, at most 10,000",
                )
            )
        last = (step.start_us, step.basis_points)
    cap = policy.volume_cap
    if cap is not None and not 0 <= cap.basis_points <= BASIS_POINTS:
        found.append(
            FieldViolation(
                "volume_cap.basis_points", str(cap.basis_points), "0 to 10,000"
            )
        )
    if cap is not None and (
        not CAP_STEP_US <= cap.window_us <= CAP_WINDOW_US_MAX
        or cap.window_us % CAP_STEP_US
    ):
        found.append(
            FieldViolation(
                "volume_cap.window",
                f"{cap.window_us / 1e6:g} s",
                "whole hours, from one to 90 days",
            )
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
