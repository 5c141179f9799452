"""What each column of a chunk may hold: the rules of its field in the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from nearturn.buf.validate import validate_pb2
from nearturn.v1 import demand_pb2, return_item_pb2
from server.api.accepted import EXPRESSION_WORDS, accepted_by
from server.files.columns import COLUMNS, Column, ColumnType, Kind

_DEGREES_MAX = {"latitude": 90.0, "longitude": 180.0}

# google.protobuf.Timestamp: years 1 to 9999.
_SECONDS = (-62_135_596_800, 253_402_300_799)


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """
    A column, and which of its values are accepted.

    Parameters
    ----------
    column
        Its name and type, as in tables on disk.
    low, high
        Range of a number; of a text its length in characters; of an instant its
        seconds since the epoch; of an enumeration its numbers.
    is_required
        Whether a row must have a value, for instants and places. Of other types the
        value that stands for none is judged like any.
    accepted
        The same in words.
    """

    column: Column
    low: float
    high: float
    is_required: bool
    accepted: str

    @property
    def name(self) -> str:
        """Path of the field."""
        return self.column.name


def _rules(kind: Kind, message: Descriptor) -> Mapping[str, ColumnRule]:
    return MappingProxyType(
        {name: _rule(each, message) for name, each in COLUMNS[kind].items()}
    )


def _rule(column: Column, message: Descriptor) -> ColumnRule:
    field = _field(column.name, message)
    own: Any = field.GetOptions().Extensions[validate_pb2.field]
    if field.name in _DEGREES_MAX:
        most = _DEGREES_MAX[field.name]
        accepted = EXPRESSION_WORDS[f"latlng.{field.name}"]
        return ColumnRule(column, -most, most, is_required=True, accepted=accepted)
    accepted = accepted_by(field)
    if column.type is ColumnType.TIME:
        low, high = _SECONDS
        is_required = bool(own.required)
        return ColumnRule(column, low, high, is_required, accepted)
    if column.type is ColumnType.ENUM:
        low, high = int(0 in own.enum.not_in), len(column.labels) - 1
    elif column.type is ColumnType.TEXT:
        low, high = own.string.min_len, own.string.max_len
    elif column.type is ColumnType.BOOL:
        low, high = 0, 1
    else:
        rules = getattr(own, own.WhichOneof("type"))
        low, high = rules.gte, rules.lte
    return ColumnRule(column, low, high, is_required=False, accepted=accepted)


def _field(path: str, message: Descriptor) -> FieldDescriptor:
    *outer, name = path.split(".")
    for each in outer:
        inner = message.fields_by_name[each].message_type
        assert inner is not None, f"{path} leads through a value"
        message = inner
    return message.fields_by_name[name]


#: The columns of a chunk of demands, and of one of return items, by name.
DEMAND_RULES = _rules(Kind.DEMAND, demand_pb2.Demand.DESCRIPTOR)
RETURN_RULES = _rules(Kind.RETURN_ITEM, return_item_pb2.ReturnItem.DESCRIPTOR)
