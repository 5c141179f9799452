"""Policies between contract and domain."""

from __future__ import annotations

from matcher.domain.errors import InvalidPolicyError
from matcher.domain.item import Condition, ReturnReason
from matcher.domain.mode import Mode
from matcher.domain.policy import (
    CategoryRule,
    CostModel,
    LocaleMessages,
    MatchKey,
    Policy,
    RolloutStep,
    StepLimits,
    VolumeCap,
    ZoneRate,
)
from matcher.domain.policy_change import PolicyChange
from matcher.engine.records import PolicyRecord
from matcher.explain.message_catalogue import shipped_texts
from matcher.explain.message_check import check_messages
from nearturn.v1 import item_pb2, match_limit_pb2, mode_pb2, policy_pb2
from server.api.convert.guardrails import (
    from_floor,
    from_guardrail,
    from_thresholds,
    to_floor,
    to_guardrail,
    to_thresholds,
)
from server.api.convert.justification import from_justification, to_justification
from server.api.convert.match_limit import (
    from_match_limits,
    to_match_limits,
    to_objective,
)
from server.api.convert.times import (
    optional_timestamp,
    optional_us,
    to_duration,
    to_timestamp,
    to_us,
)


def to_policy(message: policy_pb2.Policy) -> Policy:
    """
    Return a policy document; its number is given when it is stored.

    Raises
    ------
    InvalidPolicyError
        With every fault of the document and of its messages.
    """
    messages = tuple(
        LocaleMessages(each.locale, each.text) for each in message.messages
    )
    banned = tuple(message.banned_terms)
    faults = check_messages(messages, banned, shipped_texts())
    try:
        policy = _to_document(message, messages, banned)
    except InvalidPolicyError as error:
        raise InvalidPolicyError([*error.violations, *faults]) from None
    if faults:
        raise InvalidPolicyError(faults)
    return policy


def _to_document(
    message: policy_pb2.Policy,
    messages: tuple[LocaleMessages, ...],
    banned_terms: tuple[str, ...],
) -> Policy:
    return Policy(
        version=0,
        owner=message.owner,
        currency_code=message.currency_code,
        categories=tuple(_to_rule(rule) for rule in message.categories),
        rollout_basis_points=message.rollout_basis_points,
        hold_duration_us=to_us(message, "hold_duration"),
        cost_model=_to_cost_model(message.cost_model),
        description=message.description,
        segments=tuple(message.segments),
        rollout_salt=message.rollout_salt,
        round_interval_us=to_us(message, "round_interval"),
        round_size=message.round_size,
        handling_duration_us=to_us(message, "handling_duration"),
        allow_multi_item_returns=message.allow_multi_item_returns,
        rollout_steps=tuple(
            RolloutStep(to_us(step, "start_time"), step.basis_points)
            for step in message.rollout_steps
        ),
        volume_cap=_to_cap(message),
        step_limits=_to_limits(message),
        messages=messages,
        banned_terms=banned_terms,
        guardrails=tuple(to_guardrail(each) for each in message.guardrails),
        evidence_thresholds=to_thresholds(message),
        mode=Mode(message.mode or Mode.ACT),
        objective=to_objective(message),
        match_limits=to_match_limits(message),
    )


def from_policy(record: PolicyRecord) -> policy_pb2.Policy:
    """Return a policy version as a message."""
    policy = record.policy
    return policy_pb2.Policy(
        version=policy.version,
        description=policy.description,
        owner=policy.owner,
        currency_code=policy.currency_code,
        categories=[_from_rule(rule) for rule in policy.categories],
        segments=policy.segments,
        rollout_basis_points=policy.rollout_basis_points,
        rollout_salt=policy.rollout_salt,
        hold_duration=to_duration(policy.hold_duration_us),
        round_interval=to_duration(policy.round_interval_us),
        round_size=policy.round_size,
        handling_duration=to_duration(policy.handling_duration_us),
        cost_model=_from_cost_model(policy.cost_model),
        allow_multi_item_returns=policy.allow_multi_item_returns,
        rollout_steps=[
            policy_pb2.RolloutStep(
                start_time=to_timestamp(step.start_us), basis_points=step.basis_points
            )
            for step in policy.rollout_steps
        ],
        volume_cap=_from_cap(policy.volume_cap),
        step_limits=policy_pb2.StepLimits(
            rollout_basis_points=policy.step_limits.rollout_basis_points,
            radius_m=policy.step_limits.radius_m,
            category_count=policy.step_limits.category_count,
        ),
        messages=[
            policy_pb2.LocaleMessages(locale=each.locale, text=each.text)
            for each in policy.messages
        ],
        banned_terms=policy.banned_terms,
        guardrails=[from_guardrail(each) for each in policy.guardrails],
        evidence_thresholds=from_thresholds(policy.evidence_thresholds),
        mode=mode_pb2.Mode.ValueType(policy.mode or Mode.ACT),
        objective=match_limit_pb2.Objective.ValueType(policy.objective),
        match_limits=from_match_limits(policy.match_limits),
        state=policy_pb2.PolicyState.ValueType(record.state),
        create_time=to_timestamp(record.created_us),
        activate_time=optional_timestamp(record.activated_us),
    )


def from_change(change: PolicyChange) -> policy_pb2.PolicyChange:
    """Return a difference of two policies as a message."""
    return policy_pb2.PolicyChange(
        dimension=policy_pb2.PolicyDimension.ValueType(change.dimension),
        direction=policy_pb2.ChangeDirection.ValueType(change.direction),
        path=change.path,
        before=change.before,
        after=change.after,
        step=change.step,
    )


def _to_cap(message: policy_pb2.Policy) -> VolumeCap | None:
    if not message.HasField("volume_cap"):
        return None
    cap = message.volume_cap
    return VolumeCap(cap.basis_points, to_us(cap, "window"))


def _from_cap(cap: VolumeCap | None) -> policy_pb2.VolumeCap | None:
    if cap is None:
        return None
    return policy_pb2.VolumeCap(
        basis_points=cap.basis_points, window=to_duration(cap.window_us)
    )


def _to_limits(message: policy_pb2.Policy) -> StepLimits:
    if not message.HasField("step_limits"):
        return StepLimits()
    limits = message.step_limits
    return StepLimits(
        limits.rollout_basis_points, limits.radius_m, limits.category_count
    )


def _to_rule(message: policy_pb2.CategoryRule) -> CategoryRule:
    return CategoryRule(
        category=message.category,
        reasons=tuple(ReturnReason(reason) for reason in message.reasons),
        min_condition=Condition(message.min_condition),
        min_confidence=message.min_confidence,
        verification_max_age_us=to_us(message, "verification_max_age"),
        radius_m=message.radius_m,
        match_key=MatchKey(message.match_key),
        # A match has to save something; unset asks for the least there is.
        min_saving_micros=message.min_saving_micros or 1,
        allow_custom_made=message.allow_custom_made,
        season_end_us=optional_us(message, "season_end_time"),
        demand_floor=to_floor(message),
        justification=to_justification(message),
    )


def _from_rule(rule: CategoryRule) -> policy_pb2.CategoryRule:
    return policy_pb2.CategoryRule(
        category=rule.category,
        reasons=[item_pb2.ReturnReason.ValueType(reason) for reason in rule.reasons],
        min_condition=item_pb2.Condition.ValueType(rule.min_condition),
        min_confidence=rule.min_confidence,
        verification_max_age=to_duration(rule.verification_max_age_us),
        radius_m=rule.radius_m,
        match_key=policy_pb2.MatchKey.ValueType(rule.match_key),
        min_saving_micros=rule.min_saving_micros,
        allow_custom_made=rule.allow_custom_made,
        season_end_time=optional_timestamp(rule.season_end_us),
        demand_floor=from_floor(rule.demand_floor),
        justification=from_justification(rule.justification),
    )


def _to_cost_model(message: policy_pb2.CostModel) -> CostModel:
    return CostModel(
        label_base_micros=message.label_base_micros,
        label_per_km_micros=message.label_per_km_micros,
        zones=tuple(
            ZoneRate(zone.max_distance_m, zone.max_weight_grams, zone.price_micros)
            for zone in message.zones
        ),
        standard_return_micros=message.standard_return_micros,
        standard_shipping_micros=message.standard_shipping_micros,
        priority_step_micros=message.priority_step_micros,
    )


def _from_cost_model(model: CostModel) -> policy_pb2.CostModel:
    return policy_pb2.CostModel(
        label_base_micros=model.label_base_micros,
        label_per_km_micros=model.label_per_km_micros,
        zones=[
            policy_pb2.ZoneRate(
                max_distance_m=zone.max_distance_m,
                max_weight_grams=zone.max_weight_grams,
                price_micros=zone.price_micros,
            )
            for zone in model.zones
        ],
        standard_return_micros=model.standard_return_micros,
        standard_shipping_micros=model.standard_shipping_micros,
        priority_step_micros=model.priority_step_micros,
    )
