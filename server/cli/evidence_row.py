"""A decision with its return and what became of it, as one row of an export."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from nearturn.v1 import decision_pb2, return_item_pb2
from server.files.columns import ColumnType

Row = dict[str, object]


class Personal(StrEnum):
    """What an export does with what is about a person (R33)."""

    OMIT = "omit"
    HASH = "hash"
    KEEP = "keep"


_T = ColumnType

#: Columns that say nothing about a person.
COLUMNS = {
    "decision_id": _T.TEXT,
    "return_id": _T.TEXT,
    "decide_time": _T.TIME,
    "outcome": _T.ENUM,
    "reasons": _T.TEXT_LIST,
    "policy_version": _T.INT64,
    "round_id": _T.TEXT,
    "match_id": _T.TEXT,
    "demand_id": _T.TEXT,
    "distance_m": _T.INT64,
    "saving_micros": _T.INT64,
    "fallback_warehouse_id": _T.TEXT,
    "fallback_distance_m": _T.INT64,
    "fallback_cost_micros": _T.INT64,
    "sku": _T.TEXT,
    "category": _T.TEXT,
    "return_reason": _T.ENUM,
    "condition": _T.ENUM,
    "segment": _T.TEXT,
    "channel": _T.ENUM,
    "submit_time": _T.TIME,
    "state": _T.ENUM,
    "arrival": _T.ENUM,
    "arrived_condition": _T.ENUM,
    "buyer_response": _T.ENUM,
    "occurred_time": _T.TIME,
}

#: Ids of people and their orders: hashed with a key, or kept.
ID_COLUMNS = {"order_id": _T.TEXT, "customer_id": _T.TEXT}

#: What a hash would not hide, or would make useless: kept or left out.
PLACE_COLUMNS = {
    "latitude": _T.FLOAT,
    "longitude": _T.FLOAT,
    "outcome_note": _T.TEXT,
}


def columns_of(personal: Personal) -> dict[str, ColumnType]:
    """Return the columns of an export, in their order."""
    columns = dict(COLUMNS)
    if personal is not Personal.OMIT:
        columns |= ID_COLUMNS
    if personal is Personal.KEEP:
        columns |= PLACE_COLUMNS
    return columns


def item_row(item: return_item_pb2.ReturnItem, personal: Personal, key: bytes) -> Row:
    """Return the part of a row that is about a return item."""
    said = item.item_outcome
    row: Row = {
        "sku": item.sku,
        "category": item.category,
        "return_reason": _name(item, "reason"),
        "condition": _name(item, "condition"),
        "segment": item.segment or None,
        "channel": _name(item, "channel"),
        "submit_time": _time(item.create_time),
        "state": _name(item, "state"),
        "arrival": _name(said, "arrival"),
        "arrived_condition": _name(said, "condition"),
        "buyer_response": _name(said, "buyer_response"),
        "occurred_time": (
            _time(said.occurred_time) if item.HasField("item_outcome") else None
        ),
    }
    if personal is not Personal.OMIT:
        for name in ID_COLUMNS:
            value = str(getattr(item, name))
            row[name] = value if personal is Personal.KEEP else _hashed(value, key)
    if personal is Personal.KEEP:
        row["latitude"] = item.location.latitude
        row["longitude"] = item.location.longitude
        row["outcome_note"] = said.note or None
    return row


def decision_row(decision: decision_pb2.Decision) -> Row:
    """Return the part of a row that is about a decision."""
    match = decision.match if decision.HasField("match") else None
    return {
        "decision_id": decision.decision_id,
        "return_id": decision.return_id,
        "decide_time": _time(decision.decide_time),
        "outcome": _name(decision, "outcome"),
        "reasons": [
            decision_pb2.ReasonCode.Name(each.code).removeprefix("REASON_CODE_")
            for each in decision.reasons
        ],
        "policy_version": decision.policy_version,
        "round_id": decision.round_id or None,
        "match_id": match.match_id if match else None,
        "demand_id": match.demand_id if match else None,
        "distance_m": match.distance_m if match else None,
        "saving_micros": match.saving_micros if match else None,
        "fallback_warehouse_id": decision.fallback.warehouse_id or None,
        "fallback_distance_m": decision.fallback.distance_m,
        "fallback_cost_micros": decision.fallback.cost_micros,
    }


def _hashed(value: str, key: bytes) -> str:
    return blake2b(value.encode(), key=key, digest_size=16).hexdigest()


def _time(value: Timestamp) -> datetime:
    return value.ToDatetime(UTC)


# Enum values by their names without the prefix, nothing for the unspecified one.
def _name(message: Message, field: str) -> str | None:
    enum = message.DESCRIPTOR.fields_by_name[field].enum_type
    number = getattr(message, field)
    if enum is None or number == 0:
        return None
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    name: str = enum.values_by_number[number].name
    return name.removeprefix(prefix)
