"""Columns at once say what rows one by one say, and find the same faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.columns import COLUMNS, Column, ColumnType, Kind
from server.files.message import to_message_dict
from server.files.row_columns import to_columns

Values = Mapping[str, object]
KINDS = (Kind.DEMAND, Kind.RETURN_ITEM)

GOOD: Values = {
    "demand_id": "d1",
    "location.latitude": "52.5",
    "location.longitude": "13.4",
    "sku": "shirt",
    "category": "apparel",
    "quantity": "1",
    "ship_by_time": "2026-03-01T12:00:00Z",
    "min_condition": "GOOD",
    "accepts_returned_item": "true",
}

# Of each type: what is read at once, what is read one by one, and what is refused.
ODD: Mapping[ColumnType, Sequence[object]] = {
    ColumnType.TEXT: (" a b ", "é", 8628, 1.5, True, "a;b", "nan"),
    ColumnType.INT32: (
        *("0", "-1", "+7", " 7 ", "007", "2147483647", "2147483648", "-2147483648"),
        *("1.5", "1_000", "٣", "9" * 50, "999999999", "1000000000", "-", "1e3"),
        *(5, -(2**31), 2**31, 3.0, 3.5, float("nan"), True, Decimal("4.00")),
    ),
    ColumnType.INT64: (
        *("9223372036854775807", "9223372036854775808", "999999999999999999"),
        *("-999999999999999999", "0x1", 2**63, -(2**63), Decimal("1e999999999")),
    ),
    ColumnType.FLOAT: (
        *("52.52", "-0", "-0.0", ".5", "5.", "+1.5", " 1 ", "1e-3", "1E400", "nan"),
        *("inf", "0x1p3", "1,5", "0.1", "123456789012345678", "90.000000000000001"),
        *("0.00000000000000001", "179.99999999999999", 4, 1.5, float("inf"), True),
        Decimal("12.34"),
    ),
    ColumnType.BOOL: ("true", "FALSE", " yes ", "no", "1", "0", "maybe", True, 1, 2),
    ColumnType.TIME: (
        *("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5Z", "2026-03-01t12:00:00z"),
        *("2026-03-01T12:00:00.123456Z", "2026-03-01T12:00:00.123456789Z"),
        *("2026-03-01T12:00:00-03:00", "2026-02-30T12:00:00Z", "2026-03-01"),
        *("2026-03-01T12:00:60Z", "2026-03-01T24:00:00Z", "2026-13-01T00:00:00Z"),
        *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        *("1582-10-10T00:00:00Z", "2026-03-01T12:00:00", "1772366400", 1_772_366_400),
        datetime(2026, 3, 1, 12),  # noqa: DTZ001 - what Parquet gives without a zone
        datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(1, 1, 1, tzinfo=UTC),
    ),
    ColumnType.ENUM: ("GOOD", "good", " NEW", "CONDITION_NEW", "BRAND_NEW", 5, "NO"),
}


def _values(column: Column) -> st.SearchStrategy[object]:
    labels = st.sampled_from(column.labels or ("x",))
    usual: Mapping[ColumnType, st.SearchStrategy[object]] = {
        ColumnType.TEXT: st.text(max_size=3),
        ColumnType.INT32: st.integers(-(10**10), 10**10).map(str),
        ColumnType.INT64: st.integers(-(2**64), 2**64).map(str),
        ColumnType.FLOAT: st.floats().map(repr),
        ColumnType.BOOL: st.sampled_from(["true", "false"]),
        ColumnType.TIME: st.datetimes().map(lambda at: at.isoformat() + "Z"),
        ColumnType.ENUM: labels,
    }
    return st.one_of(
        st.sampled_from(["", None]),
        st.sampled_from(ODD[column.type]),
        usual[column.type],
    )


@st.composite
def _tables(draw: st.DrawFn) -> tuple[Kind, list[Values]]:
    # Two columns that hold anything, in rows that are good else: of whole columns of
    # anything hardly a row would be read.
    kind = draw(st.sampled_from(KINDS))
    columns = list(COLUMNS[kind].values())
    chosen = draw(st.lists(st.sampled_from(columns), min_size=1, max_size=2))
    rows = draw(
        st.lists(
            st.tuples(*(_values(column) for column in chosen)), min_size=1, max_size=8
        )
    )
    return kind, [
        {**_usual(kind), **{c.name: v for c, v in zip(chosen, row, strict=True)}}
        for row in rows
    ]


def _usual(kind: Kind) -> dict[str, object]:
    usual = {
        ColumnType.TEXT: "x",
        ColumnType.INT32: "1",
        ColumnType.FLOAT: "1.5",
        ColumnType.BOOL: "true",
        ColumnType.TIME: "2026-03-01T12:00:00Z",
    }
    return {
        column.name: usual.get(column.type) or column.labels[1]
        for column in COLUMNS[kind].values()
        if column.required
    }


def _one_by_one(
    rows: Sequence[Values], kind: Kind
) -> tuple[dict[int, Any], dict[int, tuple[FieldViolation, ...]]]:
    good, faults = {}, {}
    for at, row in enumerate(rows):
        try:
            good[at] = to_message_dict(row, kind)
        except InvalidValueError as error:
            faults[at] = error.violations
    return good, faults


def _leaves(message: Mapping[str, Any], kind: Kind) -> dict[str, object]:
    """Lay a message out in columns, with times as Arrow gives them."""
    found: dict[str, object] = {}
    for name, column in COLUMNS[kind].items():
        outer, dot, inner = name.partition(".")
        part = message.get(outer)
        leaf = part.get(inner) if dot and part is not None else part
        if leaf is not None and column.type is ColumnType.TIME:
            leaf = datetime.fromisoformat(leaf)
        found[name] = leaf
    return found


def _check(rows: Sequence[Values], kind: Kind) -> None:
    found = to_columns(rows, kind)
    good, faults = _one_by_one(rows, kind)
    assert dict(found.faults) == faults
    assert list(found.rows) == list(good)
    told = [
        {name: row.get(name) for name in COLUMNS[kind]}
        for row in found.batch.to_pylist()
    ]
    expected = [_leaves(message, kind) for message in good.values()]
    assert told == expected
    # 1 and True and 1.0 are equal to Python, and no message takes one for another.
    assert [[type(v) for v in row.values()] for row in told] == [
        [type(v) for v in row.values()] for row in expected
    ]


@settings(max_examples=150, deadline=None)
@given(_tables())
def test_columns_and_rows_agree(table: tuple[Kind, list[Values]]) -> None:
    """The same rows with the same values; of the others the same faults."""
    kind, rows = table
    _check(rows, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column_type", ODD)
def test_each_odd_value_is_read_as_before(kind: Kind, column_type: ColumnType) -> None:
    """Alone, beside good ones, and beside each other, in two columns of its type."""
    columns = [each for each in COLUMNS[kind].values() if each.type is column_type]
    for column in columns[:1] + columns[-1:]:
        rows = [{**_usual(kind), column.name: odd} for odd in ODD[column_type]]
        usual = _usual(kind)
        for row in rows:
            _check([row], kind)
            _check([usual, row, usual], kind)
        _check(rows, kind)


def test_what_is_empty_everywhere_is_left_out() -> None:
    """A column of nothing costs nothing on the wire; a required one is always there."""
    batch = to_columns([{**GOOD, "segment": "", "priority": None}], Kind.DEMAND).batch
    assert set(batch.schema.names) == set(GOOD)
    empty = to_columns([{**GOOD, "sku": ""}], Kind.DEMAND)
    assert set(empty.batch.schema.names) == set(GOOD)
    assert empty.batch.num_rows == 0
    assert [fault.field for fault in empty.faults[0]] == ["sku"]


def test_columns_are_of_the_types_that_a_chunk_may_have() -> None:
    """Instants have their zone, and names their prefix."""
    batch = to_columns([GOOD], Kind.DEMAND).batch
    assert batch.schema.field("ship_by_time").type == pa.timestamp("us", "UTC")
    assert batch.schema.field("quantity").type == pa.int32()
    assert batch.column("min_condition").to_pylist() == ["CONDITION_GOOD"]
