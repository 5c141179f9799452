"""Return items between contract and domain."""

from __future__ import annotations

from matcher.domain.ids import ReturnId
from matcher.domain.item import (
    Condition,
    Fact,
    ItemAttributes,
    ReturnReason,
    Verification,
    VerificationStatus,
)
from matcher.domain.return_item import (
    Channel,
    ReturnItem,
    ReturnPath,
    TransitState,
)
from matcher.engine.records import ReturnRecord
from nearturn.v1 import item_pb2, return_item_pb2
from server.api.convert.demand import from_latlng, to_latlng
from server.api.convert.outcome import from_outcome_record
from server.api.convert.times import (
    optional_timestamp,
    optional_us,
    to_timestamp,
    to_us,
)


def to_return_item(message: return_item_pb2.ReturnItem) -> ReturnItem:
    """Return a return item; output-only fields are ignored."""
    has_evidence = message.HasField("verification")
    return ReturnItem(
        return_id=ReturnId(message.return_id),
        order_id=message.order_id,
        customer_id=message.customer_id,
        location=to_latlng(message.location),
        sku=message.sku,
        category=message.category,
        decide_by_us=to_us(message, "decide_by_time"),
        reason=ReturnReason(message.reason),
        condition=Condition(message.condition),
        attributes=to_attributes(message.attributes),
        verification=to_verification(message.verification) if has_evidence else None,
        customer_consents=message.customer_consents,
        value_micros=message.value_micros,
        channel=Channel(message.channel),
        transit_state=TransitState(message.transit_state),
        segment=message.segment,
        order_return_count=message.order_return_count or 1,
        preferred_path=ReturnPath(message.preferred_path),
        weight_grams=message.weight_grams,
        refund_due_us=optional_us(message, "refund_due_time"),
        season_end_us=optional_us(message, "season_end_time"),
    )


def from_return_record(record: ReturnRecord) -> return_item_pb2.ReturnItem:
    """Return a stored return item as a message."""
    message = from_return_item(record.item)
    message.MergeFrom(from_return_state(record))
    return message


def from_return_state(record: ReturnRecord) -> return_item_pb2.ReturnItem:
    """Return what we say of a stored return item, without what the caller said."""
    outcome = record.outcome_record
    return return_item_pb2.ReturnItem(
        state=return_item_pb2.ReturnState.ValueType(record.state),
        create_time=to_timestamp(record.created_us),
        update_time=to_timestamp(record.updated_us),
        etag=str(record.version),
        erase_time=optional_timestamp(record.erased_us),
        item_outcome=None if outcome is None else from_outcome_record(outcome),
    )


def from_return_item(item: ReturnItem) -> return_item_pb2.ReturnItem:
    """Return what the caller said of an item, as a message."""
    evidence = item.verification
    return return_item_pb2.ReturnItem(
        return_id=item.return_id,
        order_id=item.order_id,
        customer_id=item.customer_id,
        location=from_latlng(item.location),
        sku=item.sku,
        category=item.category,
        reason=item_pb2.ReturnReason.ValueType(item.reason),
        condition=item_pb2.Condition.ValueType(item.condition),
        attributes=from_attributes(item.attributes),
        verification=None if evidence is None else from_verification(evidence),
        customer_consents=item.customer_consents,
        value_micros=item.value_micros,
        decide_by_time=to_timestamp(item.decide_by_us),
        channel=return_item_pb2.Channel.ValueType(item.channel),
        transit_state=return_item_pb2.TransitState.ValueType(item.transit_state),
        segment=item.segment,
        order_return_count=item.order_return_count,
        preferred_path=return_item_pb2.ReturnPath.ValueType(item.preferred_path),
        weight_grams=item.weight_grams,
        refund_due_time=optional_timestamp(item.refund_due_us),
        season_end_time=optional_timestamp(item.season_end_us),
    )


def to_attributes(message: item_pb2.ItemAttributes) -> ItemAttributes:
    """Return facts about an item; what is not stated is unknown."""
    return ItemAttributes(
        fragile=Fact(message.fragile),
        regulated=Fact(message.regulated),
        custom_made=Fact(message.custom_made),
        damaged=Fact(message.damaged),
        defective=Fact(message.defective),
        end_of_season=Fact(message.end_of_season),
    )


def from_attributes(attributes: ItemAttributes) -> item_pb2.ItemAttributes:
    """Return facts as a message."""
    known = item_pb2.Fact.ValueType
    return item_pb2.ItemAttributes(
        fragile=known(attributes.fragile),
        regulated=known(attributes.regulated),
        custom_made=known(attributes.custom_made),
        damaged=known(attributes.damaged),
        defective=known(attributes.defective),
        end_of_season=known(attributes.end_of_season),
    )


def to_verification(message: return_item_pb2.Verification) -> Verification:
    """Return the evidence of an inspection."""
    is_stated = message.HasField("confidence")
    return Verification(
        status=VerificationStatus(message.status),
        method=message.method,
        source=message.source,
        source_version=message.source_version,
        evidence_id=message.evidence_id,
        confidence=message.confidence if is_stated else None,
        verify_us=optional_us(message, "verify_time"),
        expire_us=optional_us(message, "expire_time"),
    )


def from_verification(evidence: Verification) -> return_item_pb2.Verification:
    """Return the evidence of an inspection as a message."""
    return return_item_pb2.Verification(
        status=item_pb2.VerificationStatus.ValueType(evidence.status),
        method=evidence.method,
        source=evidence.source,
        source_version=evidence.source_version,
        evidence_id=evidence.evidence_id,
        confidence=evidence.confidence,
        verify_time=optional_timestamp(evidence.verify_us),
        expire_time=optional_timestamp(evidence.expire_us),
    )
