"""Shadow results as messages; nobody sends them in."""

from __future__ import annotations

from matcher.engine.shadow_records import ShadowRecord
from nearturn.v1 import decision_pb2, shadow_pb2
from server.api.convert.decision import from_reason
from server.api.convert.times import to_duration, to_timestamp


def from_shadow(shadow: ShadowRecord) -> shadow_pb2.ShadowResult:
    """Return a shadow as a message, without the demand that it would have gone to."""
    message = shadow_pb2.ShadowResult(
        state=shadow_pb2.ShadowState.ValueType(shadow.state),
        kept_out=decision_pb2.ReasonCode.ValueType(shadow.kept_out),
        policy_version=shadow.policy_version,
        until_time=to_timestamp(shadow.until_us),
        reasons=[from_reason(reason) for reason in shadow.reasons],
    )
    result = shadow.result
    if result is not None:
        message.decide_time.CopyFrom(to_timestamp(result.decided_us))
        message.round_id = result.round_id
        message.waiting_duration.CopyFrom(to_duration(result.waiting_us))
        message.distance_m = result.distance_m
        message.saving_micros = result.saving_micros
        message.label_micros = result.label_micros
        message.reasons.extend(from_reason(reason) for reason in result.reasons)
    return message
