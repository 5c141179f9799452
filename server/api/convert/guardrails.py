"""Guardrails, floors and thresholds of a policy between contract and domain."""

from __future__ import annotations

from matcher.domain.demand_floor import DemandFloor
from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.policy import BASIS_POINTS
from nearturn.v1 import demand_floor_pb2, evidence_pb2, guardrail_pb2, policy_pb2
from server.api.convert.times import to_duration, to_us


def to_guardrail(message: guardrail_pb2.Guardrail) -> Guardrail:
    """Return a guardrail."""
    return Guardrail(
        message.category,
        GuardrailMetric(message.metric),
        message.threshold_basis_points,
        message.sample_size_min,
        to_us(message, "window"),
    )


def from_guardrail(guardrail: Guardrail) -> guardrail_pb2.Guardrail:
    """Return a guardrail as a message."""
    return guardrail_pb2.Guardrail(
        category=guardrail.category,
        metric=guardrail_pb2.GuardrailMetric.ValueType(guardrail.metric),
        threshold_basis_points=guardrail.threshold_basis_points,
        sample_size_min=guardrail.sample_size_min,
        window=to_duration(guardrail.window_us),
    )


def to_thresholds(policy: policy_pb2.Policy) -> EvidenceThresholds | None:
    """Return the evidence that a policy asks for, ``None`` for none."""
    if not policy.HasField("evidence_thresholds"):
        return None
    message = policy.evidence_thresholds
    states_complaints = message.HasField("max_complaint_basis_points")
    return EvidenceThresholds(
        message.min_outcome_count,
        message.max_complaint_basis_points if states_complaints else BASIS_POINTS,
        message.min_matched_basis_points,
        message.min_in_force_days,
    )


def from_thresholds(
    thresholds: EvidenceThresholds | None,
) -> evidence_pb2.EvidenceThresholds | None:
    """Return the evidence that is asked for as a message."""
    if thresholds is None:
        return None
    return evidence_pb2.EvidenceThresholds(
        min_outcome_count=thresholds.min_outcome_count,
        max_complaint_basis_points=thresholds.max_complaint_basis_points,
        min_matched_basis_points=thresholds.min_matched_basis_points,
        min_in_force_days=thresholds.min_in_force_days,
    )


def to_floor(rule: policy_pb2.CategoryRule) -> DemandFloor | None:
    """Return the least demand that a category asks for, ``None`` for none."""
    if not rule.HasField("demand_floor"):
        return None
    message = rule.demand_floor
    return DemandFloor(
        to_us(message, "window"),
        message.min_open_units,
        message.min_orders,
        message.min_steadiness_basis_points,
    )


def from_floor(floor: DemandFloor | None) -> demand_floor_pb2.DemandFloor | None:
    """Return the least demand that is asked for as a message."""
    if floor is None:
        return None
    return demand_floor_pb2.DemandFloor(
        window=to_duration(floor.window_us),
        min_open_units=floor.min_open_units,
        min_orders=floor.min_orders,
        min_steadiness_basis_points=floor.min_steadiness_basis_points,
    )
