"""Outcomes of return items between contract and domain."""

from __future__ import annotations

from matcher.domain.item import Condition
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.engine.standing import OutcomeRecord
from nearturn.v1 import item_outcome_pb2, item_pb2
from server.api.convert.times import to_timestamp, to_us


def to_item_outcome(message: item_outcome_pb2.ItemOutcome) -> ItemOutcome:
    """Return what became of an item."""
    return ItemOutcome(
        occurred_us=to_us(message, "occurred_time"),
        arrival=Arrival(message.arrival),
        condition=Condition(message.condition),
        response=BuyerResponse(message.buyer_response),
        note=message.note,
    )


def from_outcome_record(record: OutcomeRecord) -> item_outcome_pb2.ItemOutcome:
    """Return a recorded outcome as a message."""
    outcome = record.outcome
    return item_outcome_pb2.ItemOutcome(
        arrival=item_outcome_pb2.Arrival.ValueType(outcome.arrival),
        condition=item_pb2.Condition.ValueType(outcome.condition),
        buyer_response=item_outcome_pb2.BuyerResponse.ValueType(outcome.response),
        note=outcome.note,
        occurred_time=to_timestamp(outcome.occurred_us),
        record_time=to_timestamp(record.recorded_us),
    )
