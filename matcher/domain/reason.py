"""Why a decision is as it is: gates, reason codes, and one stated reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Gate(IntEnum):
    """Part of the engine that a check or a reason belongs to."""

    UNSPECIFIED = 0
    VERIFICATION = 1
    ELIGIBILITY = 2
    DEMAND = 3
    ROUTING = 4
    LIFECYCLE = 5


class ReasonCode(IntEnum):
    """Reason of a decision; docs/REASONS.md says what each means for people."""

    UNSPECIFIED = 0
    MATCHED_BEST_SAVING = 1
    AWAITING_ROUND = 2

    VERIFICATION_MISSING = 10
    VERIFICATION_FAILED = 11
    VERIFICATION_PENDING = 12
    VERIFICATION_EXPIRED = 13
    VERIFICATION_LOW_CONFIDENCE = 14
    INSUFFICIENT_EVIDENCE = 15

    NO_ACTIVE_POLICY = 20
    CATEGORY_NOT_ALLOWED = 21
    REASON_NOT_ALLOWED = 22
    CONDITION_BELOW_FLOOR = 23
    SEGMENT_NOT_ALLOWED = 24
    CONSENT_MISSING = 25
    CUSTOMER_CHOSE_STORE = 26
    ALREADY_IN_TRANSIT = 27
    ITEM_DAMAGED = 28
    ITEM_DEFECTIVE = 29
    ITEM_REGULATED = 30
    ITEM_FRAGILE = 31
    ITEM_END_OF_SEASON = 32
    ITEM_CUSTOM_MADE = 33
    MULTI_ITEM_RETURN = 34
    OUTSIDE_SERVICE_AREA = 35
    NOT_IN_ROLLOUT = 36
    PROGRAM_PAUSED = 37
    VOLUME_CAP_REACHED = 38
    SKU_DEMAND_TOO_THIN = 39
    SHADOW_MODE = 40

    NO_DEMAND = 50
    OUT_OF_RADIUS = 51
    DEMAND_NEEDS_BETTER_CONDITION = 52
    DEMAND_SHIPS_TOO_SOON = 53
    DEMAND_RELEASED_BEFORE = 54
    NO_LABEL_RATE = 55
    SAVING_BELOW_THRESHOLD = 56
    DEMAND_CAPACITY = 57
    DEMAND_CHANGED = 58
    DEMAND_OUTSIDE_SERVICE_AREA = 59
    DAY_LIMIT_REACHED = 60
    SKU_LIMIT_REACHED = 61
    ZONE_LIMIT_REACHED = 62
    WAREHOUSE_LIMIT_REACHED = 63

    WAREHOUSE_OVER_CAPACITY = 70
    STANDARD_WAREHOUSE_ROUTE = 71

    DECIDE_BY_REACHED = 80
    HOLD_EXPIRED = 81
    MATCH_RELEASED = 82
    RETURN_CANCELLED = 83
    PLANNING_UNAVAILABLE = 84

    @property
    def gate(self) -> Gate:
        """Gate that the code belongs to, by its range of numbers."""
        if self < ReasonCode.VERIFICATION_MISSING or self >= 80:
            return Gate.LIFECYCLE
        if self < ReasonCode.NO_ACTIVE_POLICY:
            return Gate.VERIFICATION
        if self < ReasonCode.NO_DEMAND:
            return Gate.ELIGIBILITY
        if self < ReasonCode.WAREHOUSE_OVER_CAPACITY:
            return Gate.DEMAND
        return Gate.ROUTING


@dataclass(frozen=True, slots=True)
class Reason:
    """A code for programs and a sentence for people, with the limit that bit."""

    code: ReasonCode
    text: str


class CheckResult(IntEnum):
    """How one check ended."""

    UNSPECIFIED = 0
    PASSED = 1
    FAILED = 2
    SKIPPED = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one gate: what was seen, what is accepted, how it ended."""

    gate: Gate
    name: str
    result: CheckResult
    observed: str
    accepted: str
    reason: ReasonCode = ReasonCode.UNSPECIFIED
    evidence_id: str = ""
