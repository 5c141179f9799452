"""Every check of gates 1 to 3 in a sentence, with the reasons that it can give."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.match_limit import LimitScope
from matcher.domain.reason import Gate, ReasonCode

_R = ReasonCode


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """
    One check.

    Parameters
    ----------
    gate, name
        As in :class:`matcher.domain.reason.Check`.
    sentence
        What an item has to be; ``{accepted}`` is what the check accepts.
    codes
        Reasons of a failure.
    is_optional
        Whether it runs only if the policy has such a limit.
    """

    gate: Gate
    name: str
    sentence: str
    codes: tuple[ReasonCode, ...]
    is_optional: bool = False


def _verification(name: str, sentence: str, *codes: ReasonCode) -> CheckEntry:
    return CheckEntry(Gate.VERIFICATION, name, sentence, codes)


def _eligibility(name: str, sentence: str, *codes: ReasonCode) -> CheckEntry:
    return CheckEntry(Gate.ELIGIBILITY, name, sentence, codes)


def _demand(name: str, sentence: str, *codes: ReasonCode) -> CheckEntry:
    return CheckEntry(Gate.DEMAND, name, sentence, codes)


def _limit(scope: LimitScope, words: str, code: ReasonCode) -> CheckEntry:
    name = f"{scope.name.lower()}_limit"
    sentence = f"There is a place left of {words}"
    return CheckEntry(Gate.DEMAND, name, sentence, (code,), is_optional=True)


_UNKNOWN = _R.INSUFFICIENT_EVIDENCE

#: In the order in which they run; a test holds it complete.
CHECKS = (
    _verification(
        "inspection_passed",
        "It was inspected and passed.",
        _R.VERIFICATION_MISSING,
        _R.VERIFICATION_FAILED,
        _R.VERIFICATION_PENDING,
    ),
    _verification("evidence_identified", "The evidence has an id.", _UNKNOWN),
    _verification(
        "evidence_fresh",
        "The evidence is {accepted}.",
        _R.VERIFICATION_EXPIRED,
        _UNKNOWN,
    ),
    _verification(
        "evidence_confident",
        "The confidence of the evidence is {accepted}.",
        _R.VERIFICATION_LOW_CONFIDENCE,
        _UNKNOWN,
    ),
    _eligibility("policy_active", "A policy is in force.", _R.NO_ACTIVE_POLICY),
    _eligibility(
        "category_allowed",
        "Its category is open: {accepted}.",
        _R.CATEGORY_NOT_ALLOWED,
    ),
    _eligibility(
        "program_running", "Neither program nor category is paused.", _R.PROGRAM_PAUSED
    ),
    _eligibility(
        "return_reason_allowed",
        "It comes back for one of these reasons: {accepted}.",
        _R.REASON_NOT_ALLOWED,
        _R.ITEM_DAMAGED,
        _R.ITEM_DEFECTIVE,
        _UNKNOWN,
    ),
    _eligibility(
        "condition_sufficient",
        "It is graded {accepted}.",
        _R.CONDITION_BELOW_FLOOR,
        _UNKNOWN,
    ),
    _eligibility("not_damaged", "It is not damaged.", _R.ITEM_DAMAGED, _UNKNOWN),
    _eligibility("not_defective", "It works.", _R.ITEM_DEFECTIVE, _UNKNOWN),
    _eligibility(
        "not_regulated",
        "Neither law nor carrier rules restrict it.",
        _R.ITEM_REGULATED,
        _UNKNOWN,
    ),
    _eligibility("not_fragile", "It does not break easily.", _R.ITEM_FRAGILE, _UNKNOWN),
    _eligibility(
        "not_end_of_season",
        "Its season is not over: {accepted}.",
        _R.ITEM_END_OF_SEASON,
        _UNKNOWN,
    ),
    _eligibility(
        "not_custom_made",
        "It was made for one customer: {accepted}.",
        _R.ITEM_CUSTOM_MADE,
        _UNKNOWN,
    ),
    _eligibility(
        "customer_consents", "The customer consents to a hand-over.", _R.CONSENT_MISSING
    ),
    _eligibility(
        "path_left_open",
        "The customer did not choose to bring it to a store.",
        _R.CUSTOMER_CHOSE_STORE,
    ),
    _eligibility(
        "with_customer",
        "It is still with the customer.",
        _R.ALREADY_IN_TRANSIT,
        _UNKNOWN,
    ),
    _eligibility(
        "in_service_area",
        "It lies in a service area, if there are any.",
        _R.OUTSIDE_SERVICE_AREA,
    ),
    _eligibility(
        "single_item_return",
        "Items of its order that come back together: {accepted}.",
        _R.MULTI_ITEM_RETURN,
    ),
    _eligibility(
        "segment_allowed",
        "The customer's segment is one of: {accepted}.",
        _R.SEGMENT_NOT_ALLOWED,
    ),
    _eligibility(
        "in_rollout",
        "The customer is in the rollout, {accepted} of customers.",
        _R.NOT_IN_ROLLOUT,
    ),
    _eligibility(
        "policy_acts",
        "The policy acts on what it decides, and does not only observe.",
        _R.SHADOW_MODE,
    ),
    _eligibility(
        "sku_demand_sufficient",
        "Its SKU has demand when it is submitted: {accepted}.",
        _R.SKU_DEMAND_TOO_THIN,
    ),
    _eligibility(
        "within_volume_cap",
        "There is a place under the volume cap: {accepted}.",
        _R.VOLUME_CAP_REACHED,
    ),
    _demand("open_orders", "There are {accepted}.", _R.NO_DEMAND),
    _demand("within_radius", "A buyer is {accepted}.", _R.OUT_OF_RADIUS),
    _demand(
        "demand_in_service_area",
        "The buyer is inside a service area, if there are any.",
        _R.DEMAND_OUTSIDE_SERVICE_AREA,
    ),
    _demand(
        "demand_takes_condition",
        "The buyer takes the item's condition.",
        _R.DEMAND_NEEDS_BETTER_CONDITION,
    ),
    _demand(
        "demand_ships_later",
        "The buyer's order ships after the handling time.",
        _R.DEMAND_SHIPS_TOO_SOON,
    ),
    _demand(
        "demand_not_released",
        "The two were not matched and released before.",
        _R.DEMAND_RELEASED_BEFORE,
    ),
    _demand("demand_has_label_rate", "A label goes to the buyer.", _R.NO_LABEL_RATE),
    _demand(
        "saving_sufficient", "The match saves {accepted}.", _R.SAVING_BELOW_THRESHOLD
    ),
    _demand(
        "unit_left",
        "The buyer's unit is not worth more with another item.",
        _R.DEMAND_CAPACITY,
    ),
    _limit(LimitScope.DAY, "{accepted}.", _R.DAY_LIMIT_REACHED),
    _limit(LimitScope.SKU, "{accepted}.", _R.SKU_LIMIT_REACHED),
    _limit(LimitScope.ZONE, "{accepted}, by the buyer.", _R.ZONE_LIMIT_REACHED),
    _limit(LimitScope.WAREHOUSE, "{accepted}.", _R.WAREHOUSE_LIMIT_REACHED),
)
