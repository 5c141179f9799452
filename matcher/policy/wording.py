"""Sentences of the reason codes: one table, from which every text is made."""

from __future__ import annotations

from matcher.domain.reason import Reason, ReasonCode

_TEXTS = {
    ReasonCode.MATCHED_BEST_SAVING: (
        "A buyer {observed} m away takes the item; within the round {accepted}."
    ),
    ReasonCode.AWAITING_ROUND: "The item waits in the pool for the next round.",
    ReasonCode.VERIFICATION_MISSING: "There is no evidence about the item.",
    ReasonCode.VERIFICATION_FAILED: "The item did not pass its inspection.",
    ReasonCode.VERIFICATION_PENDING: "The inspection has no result yet.",
    ReasonCode.VERIFICATION_EXPIRED: (
        "The evidence no longer counts: {observed}; accepted: {accepted}."
    ),
    ReasonCode.VERIFICATION_LOW_CONFIDENCE: (
        "The evidence has a confidence of {observed}; accepted: {accepted}."
    ),
    ReasonCode.INSUFFICIENT_EVIDENCE: (
        "Something that has to be known is not: {observed}; accepted: {accepted}."
    ),
    ReasonCode.NO_ACTIVE_POLICY: "No policy is active, so nothing is matched.",
    ReasonCode.CATEGORY_NOT_ALLOWED: (
        "The policy does not open the category {observed}."
    ),
    ReasonCode.REASON_NOT_ALLOWED: (
        "The return reason is {observed}; the category takes {accepted}."
    ),
    ReasonCode.CONDITION_BELOW_FLOOR: (
        "The item is graded {observed}; the category takes {accepted}."
    ),
    ReasonCode.SEGMENT_NOT_ALLOWED: (
        "The customer's segment is {observed}; the policy takes {accepted}."
    ),
    ReasonCode.CONSENT_MISSING: "The customer did not consent to a hand-over.",
    ReasonCode.CUSTOMER_CHOSE_STORE: "The customer chose to bring it to a store.",
    ReasonCode.ALREADY_IN_TRANSIT: (
        "The item has left the customer already: {observed}."
    ),
    ReasonCode.ITEM_DAMAGED: "The item is damaged.",
    ReasonCode.ITEM_DEFECTIVE: "The item does not work.",
    ReasonCode.ITEM_REGULATED: "The item is restricted by law or carrier rules.",
    ReasonCode.ITEM_FRAGILE: "The item breaks easily.",
    ReasonCode.ITEM_END_OF_SEASON: "The item's season is over.",
    ReasonCode.ITEM_CUSTOM_MADE: "The item was made for one customer.",
    ReasonCode.MULTI_ITEM_RETURN: (
        "{observed} items of the order come back together; accepted: {accepted}."
    ),
    ReasonCode.OUTSIDE_SERVICE_AREA: "The item is outside every service area.",
    ReasonCode.NOT_IN_ROLLOUT: (
        "The customer is not in the rollout of {accepted} of customers."
    ),
    ReasonCode.PROGRAM_PAUSED: "Matching is paused for now.",
    ReasonCode.VOLUME_CAP_REACHED: (
        "As many items as the program takes for now are in it: {accepted}."
    ),
    ReasonCode.SKU_DEMAND_TOO_THIN: (
        "Too little demand for the SKU: {observed}; accepted: {accepted}."
    ),
    ReasonCode.SHADOW_MODE: (
        "The policy only observes for now: it decides and does not act."
    ),
    ReasonCode.NO_DEMAND: "Nobody has an open order for the item.",
    ReasonCode.OUT_OF_RADIUS: (
        "The nearest open order is {observed} m away; the radius is {accepted} m."
    ),
    ReasonCode.DEMAND_OUTSIDE_SERVICE_AREA: (
        "Outside every service area: {observed} of the open orders in the radius."
    ),
    ReasonCode.DEMAND_NEEDS_BETTER_CONDITION: (
        "Asking for a better condition: {observed} of the open orders in the radius."
    ),
    ReasonCode.DEMAND_SHIPS_TOO_SOON: (
        "Shipping before a hand-over could be made: {observed} of the open orders in "
        "the radius."
    ),
    ReasonCode.DEMAND_RELEASED_BEFORE: (
        "Released from this item before: {observed} of the open orders in the radius."
    ),
    ReasonCode.NO_LABEL_RATE: (
        "Outside every zone of the carrier: {observed} of the open orders in the "
        "radius."
    ),
    ReasonCode.SAVING_BELOW_THRESHOLD: (
        "Saving less than the category asks ({accepted} micros): {observed} of the "
        "open orders in the radius; the best would save {best} micros."
    ),
    ReasonCode.DEMAND_CAPACITY: ("{observed} buyers that qualify went to {accepted}."),
    ReasonCode.DAY_LIMIT_REACHED: (
        "As many matches as a UTC day may have are made: {accepted}."
    ),
    ReasonCode.SKU_LIMIT_REACHED: (
        "As many matches as the SKU may have on a UTC day are made: {accepted}."
    ),
    ReasonCode.ZONE_LIMIT_REACHED: (
        "In zones that have as many matches as they may have on a UTC day "
        "({accepted}): {observed} of the buyers that qualify."
    ),
    ReasonCode.WAREHOUSE_LIMIT_REACHED: (
        "As many matches as may pass the item's warehouse on a UTC day are made: "
        "{accepted}."
    ),
    ReasonCode.DEMAND_CHANGED: (
        "The buyer's order, the item or the policy changed while it was being matched."
    ),
    ReasonCode.WAREHOUSE_OVER_CAPACITY: (
        "Every warehouse that takes the category is at its capacity for the day; the "
        "item goes to the cheapest all the same."
    ),
    ReasonCode.STANDARD_WAREHOUSE_ROUTE: (
        "No stored warehouse takes the category; the standard return route applies."
    ),
    ReasonCode.DECIDE_BY_REACHED: "The decide-by time came before a match did.",
    ReasonCode.HOLD_EXPIRED: "The match was not confirmed before its hold ran out.",
    ReasonCode.MATCH_RELEASED: "The match was released.",
    ReasonCode.RETURN_CANCELLED: "The return was cancelled.",
    ReasonCode.PLANNING_UNAVAILABLE: (
        "Planning was not available in time, so the ordinary route applies."
    ),
}


def stated(
    code: ReasonCode,
    *,
    observed: object = "",
    accepted: object = "",
    best: object = "",
) -> Reason:
    """
    State a reason as a sentence.

    Parameters
    ----------
    code
        The reason.
    observed, accepted, best
        What was seen, the limit that bit, and how near the best came. Never a place
        or an id of another party: texts may reach either side.

    Returns
    -------
    Reason
        The code with its sentence.
    """
    text = _TEXTS[code].format(observed=observed, accepted=accepted, best=best)
    return Reason(code, text)
