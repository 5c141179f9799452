"""What a return item counts as in reports, as a narrow row."""

from __future__ import annotations

from matcher.domain.ids import TenantId
from matcher.domain.return_item import ReturnState
from matcher.engine.records import ReturnRecord
from matcher.policy.guardrails import is_not_as_verified

UNKNOWN = -1


def fact_row(tenant: TenantId, record: ReturnRecord) -> dict[str, object]:
    """Return the row of ``return_facts`` for a return item as it stands."""
    item, standing = record.item, record.standing
    has_promise = standing.matched_us is not None
    is_routed = record.state is ReturnState.WAREHOUSE
    arrival, response, is_worse = _outcome(record)
    return {
        "tenant": tenant,
        "return_id": item.return_id,
        "policy_version": standing.policy_version,
        "created_us": record.created_us,
        "category": item.category,
        "reason": int(item.reason),
        "sku": item.sku,
        "state": int(record.state),
        "is_verified": int(standing.is_verified),
        "is_eligible": int(standing.is_eligible),
        "fallback_codes": (
            ",".join([str(int(code)) for code in record.reason_codes])
            if is_routed
            else ""
        ),
        "arrival": arrival,
        "response": response,
        "is_worse": is_worse,
        "distance_m": standing.distance_m,
        "saving_micros": standing.saving_micros,
        "waited_us": (
            standing.matched_us - record.created_us
            if standing.matched_us is not None
            else None
        ),
        "fallback_distance_m": standing.fallback_distance_m if has_promise else None,
    }


def _outcome(record: ReturnRecord) -> tuple[int, int, int]:
    if record.outcome_record is None:
        return 0, 0, UNKNOWN
    outcome = record.outcome_record.outcome
    is_worse = UNKNOWN
    if outcome.condition:
        is_worse = int(is_not_as_verified(outcome, record.item.condition))
    return int(outcome.arrival), int(outcome.response), is_worse
