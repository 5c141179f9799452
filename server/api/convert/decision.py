"""Decisions, matches and rounds as messages; nobody sends them in."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from matcher.domain.decision import Decision, WarehouseRoute
from matcher.domain.match import Match
from matcher.domain.match_label import MatchLabel
from matcher.domain.reason import Check, Reason
from matcher.engine.records import RoundRecord
from nearturn.v1 import decision_pb2, match_label_pb2
from server.api.convert.times import optional_timestamp, to_duration, to_timestamp


def from_decision(decision: Decision) -> decision_pb2.Decision:
    """Return a decision as a message."""
    message = _without_findings(decision)
    message.MergeFromString(_encoded_findings(decision))
    return message


def encoded_decision(decision: Decision) -> bytes:
    """Return the bytes of the message of a decision, reasons and checks last."""
    return _without_findings(decision).SerializeToString() + _encoded_findings(decision)


def _without_findings(decision: Decision) -> decision_pb2.Decision:
    fallback = from_route(decision.fallback)
    warehouse = None
    if decision.warehouse is not None:
        # Who goes to a warehouse mostly takes what stood open.
        is_same = decision.warehouse is decision.fallback
        warehouse = fallback if is_same else from_route(decision.warehouse)
    return decision_pb2.Decision(
        decision_id=decision.decision_id,
        return_id=decision.return_id,
        outcome=decision_pb2.Outcome.ValueType(decision.outcome),
        match=None if decision.match is None else from_match(decision.match),
        warehouse=warehouse,
        fallback=fallback,
        policy_version=decision.policy_version,
        round_id=decision.round_id,
        decide_time=to_timestamp(decision.decided_us),
        handoff_mode=decision_pb2.HandoffMode.ValueType(decision.handoff),
        refund_policy_unchanged=True,
        refund_due_time=optional_timestamp(decision.refund_due_us),
        void_label_ids=decision.void_label_ids,
    )


# Most checks end in the same words for most items, and are one object then, with their
# reasons: a look-up by that costs a third of one by all that they say.
_KNOWN_MAX = 20_000
_KNOWN: dict[int, tuple[Check | Reason, bytes]] = {}


def _encoded_findings(decision: Decision) -> bytes:
    # Encoded messages of one type that follow one another are their sum.
    found: tuple[Check | Reason, ...] = (*decision.reasons, *decision.checks)
    return b"".join(map(_encoded_finding, found))


def _encoded_finding(finding: Check | Reason) -> bytes:
    known = _KNOWN.get(id(finding))
    # What was found is kept beside its bytes: no other object can have its id.
    if known is not None and known[0] is finding:
        return known[1]
    message = (
        decision_pb2.Decision(checks=[from_check(finding)])
        if isinstance(finding, Check)
        else decision_pb2.Decision(reasons=[from_reason(finding)])
    )
    encoded = message.SerializeToString()
    if len(_KNOWN) >= _KNOWN_MAX:
        _KNOWN.clear()
    _KNOWN[id(finding)] = finding, encoded
    return encoded


def from_reason(reason: Reason) -> decision_pb2.Reason:
    """Return a reason as a message."""
    return decision_pb2.Reason(
        code=decision_pb2.ReasonCode.ValueType(reason.code),
        gate=decision_pb2.Gate.ValueType(reason.code.gate),
        text=reason.text,
    )


def from_check(check: Check) -> decision_pb2.Check:
    """Return a check as a message."""
    return decision_pb2.Check(
        gate=decision_pb2.Gate.ValueType(check.gate),
        name=check.name,
        result=decision_pb2.CheckResult.ValueType(check.result),
        reason=decision_pb2.ReasonCode.ValueType(check.reason),
        observed=check.observed,
        accepted=check.accepted,
        evidence_id=check.evidence_id,
    )


def from_match(match: Match) -> decision_pb2.Match:
    """Return a match as a message."""
    return decision_pb2.Match(
        match_id=match.match_id,
        return_id=match.return_id,
        demand_id=match.demand_id,
        distance_m=match.distance_m,
        match_cost_micros=match.match_cost_micros,
        fallback_cost_micros=match.fallback_cost_micros,
        saving_micros=match.saving_micros,
        hold_state=decision_pb2.HoldState.ValueType(match.hold_state),
        hold_expire_time=to_timestamp(match.hold_expire_us),
        round_id=match.round_id,
        policy_version=match.policy_version,
        etag=str(match.version),
        extend_time=optional_timestamp(match.extended_us),
        end_time=optional_timestamp(match.ended_us),
        labels=[from_label(label) for label in match.labels],
    )


def from_label(label: MatchLabel) -> match_label_pb2.MatchLabel:
    """Return a label of a match as a message."""
    return match_label_pb2.MatchLabel(
        label_id=label.label_id,
        state=match_label_pb2.LabelState.ValueType(label.state),
        change_time=to_timestamp(label.changed_us),
        must_void=label.must_void,
    )


def from_route(route: WarehouseRoute) -> decision_pb2.WarehouseRoute:
    """Return a warehouse route as a message."""
    return decision_pb2.WarehouseRoute(
        warehouse_id=route.warehouse_id,
        distance_m=route.distance_m,
        cost_micros=route.cost_micros,
        over_capacity=route.over_capacity,
    )


def from_round(record: RoundRecord) -> decision_pb2.Round:
    """Return the summary of a round as a message."""
    mean_m = record.distance_sum_m // max(1, record.matched_count)
    return decision_pb2.Round(
        round_id=record.round_id,
        policy_version=record.policy_version,
        start_time=to_timestamp(record.started_us),
        return_count=record.return_count,
        demand_count=record.demand_count,
        candidate_count=record.candidate_count,
        matched_count=record.matched_count,
        waiting_count=record.waiting_count,
        warehouse_count=record.warehouse_count,
        mean_distance_m=mean_m,
        reason_counts=[
            decision_pb2.ReasonCount(
                code=decision_pb2.ReasonCode.ValueType(code), decision_count=count
            )
            for code, count in record.reason_counts
        ],
        certificate=decision_pb2.Certificate(
            saving_micros=record.saving_micros,
            dual_micros=record.dual_micros,
            gap_micros=record.dual_micros - record.saving_micros,
            verified=record.verified,
        ),
        dropped_count=record.dropped_count,
        overtaken_count=record.overtaken_count,
        longest_overtaken_wait=to_duration(record.overtaken_wait_us)
        if record.overtaken_count
        else None,
    )


def from_prices(
    ids: Iterable[str], prices: NDArray[np.int64]
) -> list[decision_pb2.DualPrice]:
    """Return the prices above zero, each with its id."""
    return [
        decision_pb2.DualPrice(id=each, price_micros=price)
        for each, price in zip(ids, prices.tolist(), strict=True)
        if price > 0
    ]
