"""Columns: the fields of the contract, and what is said of others."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from matcher.domain.errors import InvalidValueError
from nearturn.v1 import demand_pb2, network_pb2, return_item_pb2
from server.files.columns import (
    COLUMNS,
    SERVER_FIELDS,
    ColumnType,
    Kind,
    check_columns,
    explain_unknown,
)

MESSAGES = {
    Kind.DEMAND: demand_pb2.Demand.DESCRIPTOR,
    Kind.RETURN_ITEM: return_item_pb2.ReturnItem.DESCRIPTOR,
    Kind.WAREHOUSE: network_pb2.Warehouse.DESCRIPTOR,
}
TYPES = {
    FieldDescriptor.TYPE_STRING: ColumnType.TEXT,
    FieldDescriptor.TYPE_INT32: ColumnType.INT32,
    FieldDescriptor.TYPE_INT64: ColumnType.INT64,
    FieldDescriptor.TYPE_DOUBLE: ColumnType.FLOAT,
    FieldDescriptor.TYPE_BOOL: ColumnType.BOOL,
    FieldDescriptor.TYPE_ENUM: ColumnType.ENUM,
}


def _fields(
    message: Descriptor, prefix: str = ""
) -> list[tuple[str, ColumnType, FieldDescriptor]]:
    found = []
    for field in message.fields:
        name = prefix + field.name
        inner = field.message_type
        if not prefix and field.name in SERVER_FIELDS:
            continue
        if inner is None:
            kind = ColumnType.TEXT_LIST if field.is_repeated else TYPES[field.type]
            found.append((name, kind, field))
        elif inner.full_name == "google.protobuf.Timestamp":
            found.append((name, ColumnType.TIME, field))
        else:
            found.extend(_fields(inner, f"{name}."))
    return found


@pytest.mark.parametrize("kind", list(Kind))
def test_columns_are_the_fields_of_the_contract(kind: Kind) -> None:
    """Every field that a caller fills is a column of its type, in order; none else."""
    expected = [(name, type_) for name, type_, _ in _fields(MESSAGES[kind])]
    assert expected == [(name, each.type) for name, each in COLUMNS[kind].items()]


@pytest.mark.parametrize("kind", list(Kind))
def test_labels_are_the_names_of_the_contract(kind: Kind) -> None:
    """Prefix and label make each name of the enumeration, in the order of numbers."""
    for name, type_, field in _fields(MESSAGES[kind]):
        if type_ is ColumnType.ENUM:
            column = COLUMNS[kind][name]
            assert [value.name for value in field.enum_type.values] == [
                column.prefix + label for label in column.labels
            ]


def test_unknown_and_missing_columns_are_all_named() -> None:
    """A typo, a server's field and two missing columns give four violations."""
    names = [
        name
        for name in COLUMNS[Kind.DEMAND]
        if name not in {"location.longitude", "ship_by_time"}
    ]
    with pytest.raises(InvalidValueError) as caught:
        check_columns([*names, "segments", "state"], Kind.DEMAND, "d.csv")
    texts = [str(each) for each in caught.value.violations]
    assert texts[0] == "d.csv: column: got 'segments'; accepted: did you mean segment?"
    assert "the server fills it" in texts[1]
    assert "location.longitude" in texts[2]
    assert "ship_by_time" in texts[3]
    assert len(texts) == 4


def test_optional_columns_may_be_left_out() -> None:
    """The required columns alone, in any order, are a table."""
    names = [name for name, each in COLUMNS[Kind.RETURN_ITEM].items() if each.required]
    check_columns(reversed(names), Kind.RETURN_ITEM, "r.csv")


def test_nothing_near_lists_what_there_is() -> None:
    """A name that resembles none gets the whole list."""
    assert explain_unknown("zzzzzz", ["sku", "category"]) == "sku, category"
