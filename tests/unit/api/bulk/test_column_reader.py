"""Columns get the verdict that each of their rows would get by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.errors import FieldViolation, InvalidValueError
from matcher.geo import latlng_to_cells
from nearturn.v1 import demand_pb2, item_pb2, return_item_pb2
from server.api.bulk.column_reader import ColumnReader
from server.api.bulk.column_rules import DEMAND_RULES
from server.api.bulk.demand_batch import read_demands
from server.api.bulk.demand_stage import DemandStage
from server.api.bulk.return_batch import ReturnBatch
from server.api.convert.demand import to_demand
from server.api.convert.return_item import to_return_item
from server.api.validation import check
from server.files.columns import COLUMNS, ColumnType, Kind
from tests.scenarios.arrow_tables import rows_table

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

# What ids may and may not be: empty, long by one, controls, bidi and other hidden
# marks, private use, unassigned, composed and not, beyond the basic plane.
TEXTS = st.one_of(
    st.sampled_from(
        [
            *("", " ", "a", "x" * 128, "x" * 129, "é" * 128, "é" * 129, "a\tb", "a\0"),
            *("\x7f", "\u202e", "\u2028", "\u200b", "\ue000", "\u0378", "e\u0301"),
            *("\U0001f600", "\U0001f600" * 129, "'\"\\", "ß", "\ufeff"),
        ]
    ),
    st.text(max_size=5),
    st.none(),
)

GOOD_TEXT = st.sampled_from(["shirt", "coat", "größe"])

DEGREES = st.one_of(
    st.sampled_from(
        [
            *(math.nan, math.inf, -math.inf, 90.0, -90.0, 180.0, -180.0, -0.0, 1e-320),
            *(math.nextafter(90.0, 91.0), math.nextafter(180.0, 181.0), 540.0, 58.28),
        ]
    ),
    st.floats(),
    st.none(),
)

WHOLE = st.one_of(
    st.sampled_from([0, 1, -1, 9, 10, 1_000_000, 1_000_001, 2**31 - 1, -(2**31)]),
    st.none(),
)

VALUES = {
    ColumnType.TEXT: st.one_of(GOOD_TEXT, GOOD_TEXT, GOOD_TEXT, TEXTS),
    ColumnType.INT32: st.one_of(st.just(1), st.just(2), WHOLE),
    ColumnType.INT64: st.one_of(
        st.just(1), WHOLE, st.sampled_from([10**15, 10**15 + 1])
    ),
    ColumnType.FLOAT: st.one_of(st.floats(0, 1), st.floats(0, 1), DEGREES),
    ColumnType.BOOL: st.sampled_from([True, False, None]),
    ColumnType.TIME: st.sampled_from(
        [
            NOON,
            NOON,
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(1969, 1, 1, tzinfo=UTC),
            None,
        ]
    ),
}


@st.composite
def rows(draw: st.DrawFn, kind: Kind) -> dict[str, Any]:
    """Draw a row of a table, half of whose columns may be awkward."""
    row = {
        name: draw(
            st.sampled_from([*column.labels, None])
            if column.labels
            else VALUES[column.type]
        )
        for name, column in COLUMNS[kind].items()
    }
    place = ("location.latitude", "location.longitude")
    if None in (row[name] for name in place):
        # A message has both or none; half a place is a fault of columns alone.
        row.update(dict.fromkeys(place))
    return row


def _message(kind: type[Message], table_kind: Kind, row: Mapping[str, Any]) -> Any:
    # What a caller of the row-wise call would send.
    message = kind()
    for name, column in COLUMNS[table_kind].items():
        value = row[name]
        if value is None:
            continue
        *outer, last = name.split(".")
        target: Any = message
        for each in outer:
            target = getattr(target, each)
            target.SetInParent()
        if isinstance(value, datetime):
            getattr(target, last).FromDatetime(value)
        elif column.labels:
            setattr(target, last, column.labels.index(value))
        else:
            setattr(target, last, value)
    return message


def _faulty_fields(message: Any, convert: Any) -> set[str]:
    try:
        check(message)
        convert(message)
    except InvalidValueError as error:
        return {each.field.removesuffix(".latitude") for each in error.violations}
    return set()


def _by_column(faults: list[Any], row: int) -> set[str]:
    return {each.field.removesuffix(".latitude") for each in faults if each.row == row}


def _check_faults(found: set[str], expected: set[str], row: Mapping[str, Any]) -> None:
    assert expected <= found, row
    # One by one, the domain is asked only once the schema has no fault to find; and it
    # knows fewer characters, those of Python's own version of Unicode.
    more = found - expected
    assert all(not str(row[name]).isascii() for name in more), row
    assert bool(found) == bool(expected), row


def _place(fields: set[str]) -> set[str]:
    # Without a place the schema's rule says "location", a column which coordinate.
    outer = {"location.longitude": "location"}
    return {outer.get(each, each) for each in fields}


@settings(max_examples=150)
@given(st.lists(rows(Kind.DEMAND), max_size=6))
def test_demands_are_judged_as_one_by_one(drawn: list[dict[str, Any]]) -> None:
    """The same fields of the same rows; and a good row is the same demand."""
    batch = read_demands("demands", rows_table(Kind.DEMAND, drawn))
    good = []
    for index, row in enumerate(drawn):
        message = _message(demand_pb2.Demand, Kind.DEMAND, row)
        expected = _faulty_fields(message, to_demand)
        _check_faults(_place(_by_column(batch.faults, index)), _place(expected), row)
        assert batch.bad[index] == bool(expected)
        if not expected:
            good.append(to_demand(message))
    # Of the same types too: made without a constructor, which would refuse others.
    assert repr(batch.demands()) == repr(good)
    if not batch.bad.any():
        stage = DemandStage()
        stage.add(batch)
        ids = [row["demand_id"] for row in drawn]
        if len(set(ids)) == len(ids):
            columns = stage.columns()
            assert [columns.demand(each) for each in range(len(drawn))] == [
                to_demand(_message(demand_pb2.Demand, Kind.DEMAND, row))
                for row in drawn
            ]


@settings(max_examples=150)
@given(st.lists(rows(Kind.RETURN_ITEM), max_size=4))
def test_return_items_are_judged_as_one_by_one(drawn: list[dict[str, Any]]) -> None:
    """The same fields of the same rows; and good rows are the same items."""
    batch = ReturnBatch("return_items", rows_table(Kind.RETURN_ITEM, drawn))
    good = []
    for index, row in enumerate(drawn):
        message = _message(return_item_pb2.ReturnItem, Kind.RETURN_ITEM, row)
        expected = _faulty_fields(message, to_return_item)
        _check_faults(_place(_by_column(batch.faults, index)), _place(expected), row)
        if not expected:
            good.append(to_return_item(message))
    assert batch.items() == good


def _demands(**columns: Any) -> Any:
    # Two sound rows, but for the columns given.
    values: dict[str, Any] = {
        "demand_id": ["a", "b"],
        "location.latitude": [1.0, 2.0],
        "location.longitude": [1.0, 2.0],
        "sku": ["shirt", "coat"],
        "category": ["apparel", "apparel"],
        "quantity": [1, 2],
        "ship_by_time": pa.array([NOON, NOON], pa.timestamp("us", "UTC")),
        "min_condition": ["GOOD", "CONDITION_NEW"],
        **columns,
    }
    return pa.table({name: each for name, each in values.items() if each is not None})


@pytest.mark.parametrize(
    "columns",
    [
        {"sku": pa.array(["shirt", "coat"]).dictionary_encode()},
        {"sku": pa.array(["shirt", "coat"], pa.large_string())},
        {"demand_id": pa.array(["a", "b"], pa.large_string()).dictionary_encode()},
        {"quantity": pa.array([1, 2], pa.uint8())},
        {"quantity": pa.array([1, 2], pa.int64())},
        {"min_condition": pa.array([3, 5], pa.int8())},
        {"min_condition": pa.array(["GOOD", "NEW"]).dictionary_encode()},
        {"location.latitude": pa.array([1.0, 2.0], pa.float32())},
        {"ship_by_time": pa.array([NOON] * 2, pa.timestamp("s", "Europe/Berlin"))},
        {"ship_by_time": pa.array([NOON] * 2, pa.timestamp("ns", "UTC"))},
        {"segment": pa.nulls(2)},
    ],
    ids=lambda each: " ".join(f"{k} {v.type}" for k, v in each.items()),
)
def test_the_type_of_a_column_is_no_content(columns: dict[str, Any]) -> None:
    """However a column is encoded, the demands are the same."""
    found = []
    for table in (_demands(), _demands(**columns)):
        stage = DemandStage()
        stage.add(read_demands("demands", table))
        made = stage.columns()
        found.append([made.demand(row) for row in range(2)])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"sku": None}, "demands.sku: got nothing; accepted: a column of string"),
        ({"skus": ["a", "b"]}, "demands.skus: got no such column; accepted: did you"),
        ({"state": [1, 1]}, "demands.state: got no such column; accepted: no such"),
        ({"quantity": [1.0, 2.0]}, "demands.quantity: got double; accepted: integers"),
        ({"sku": [["a"], ["b"]]}, "demands.sku: got list<"),
        ({"location.latitude": ["1", "2"]}, "demands.location.latitude: got string"),
        (
            {"ship_by_time": pa.array([1, 2], pa.timestamp("us"))},
            "demands.ship_by_time: got timestamp[us]; accepted: timestamp with a time",
        ),
    ],
)
def test_a_wrong_schema_is_refused_whole(columns: Any, expected: str) -> None:
    """What is missing, unknown or of a type that would have to be guessed at."""
    with pytest.raises(InvalidValueError) as caught:
        read_demands("demands", _demands(**columns))
    assert str(caught.value).startswith(expected)


def test_a_column_that_comes_twice_is_refused() -> None:
    """Nobody could say which of them counts."""
    table = _demands()
    twice = table.append_column("sku", table.column("sku"))
    with pytest.raises(InvalidValueError, match=r"demands\.sku: got twice"):
        read_demands("demands", twice)


def test_many_strange_columns_are_told_in_short() -> None:
    """A hundred of them, each name cut: a schema is no way to make a long answer."""
    table = pa.table({"x" * 300 + str(number): [1] for number in range(1_000)})
    with pytest.raises(InvalidValueError) as caught:
        read_demands("demands", table)
    strange = [v for v in caught.value.violations if v.value == "no such column"]
    assert len(strange) == 100
    assert max(len(each.field) for each in strange) < 100


def test_numbers_beyond_every_width_are_refused_as_they_are() -> None:
    """An unsigned number past 63 bits must not come out small."""
    table = _demands(quantity=pa.array([2**64 - 1, 1], pa.uint64()))
    (fault,) = read_demands("demands", table).faults
    assert fault.value == str(2**64 - 1)
    assert fault == (0, "quantity", str(2**64 - 1), "1 to 1,000,000")


def test_an_instant_past_year_9999_is_refused() -> None:
    """In seconds it would overflow as microseconds; the value is told in its unit."""
    times = pa.array([2**62, 0], pa.timestamp("s", "UTC"))
    (fault,) = read_demands("demands", _demands(ship_by_time=times)).faults
    assert fault == (0, "ship_by_time", f"{2**62} s", "a Timestamp")


def test_half_a_place_is_none() -> None:
    """A latitude without a longitude is told by its column."""
    table = _demands(**{"location.longitude": [1.0, None]})
    (fault,) = read_demands("demands", table).faults
    assert fault[:3] == (1, "location.longitude", "nothing")


def test_a_label_that_nobody_knows_is_shown() -> None:
    """The text as it came, and what is accepted."""
    (fault,) = read_demands("demands", _demands(min_condition=["Good", "NEW"])).faults
    assert fault.value == "'Good'"
    assert "CONDITION_GOOD" in fault.accepted


def test_a_long_text_that_a_dictionary_repeats_stays_short() -> None:
    """Two million bytes, named by each of 65,536 rows: 137 GB if written out."""
    count = 65_536
    values = pa.array(["z" * 2_000_000])
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), values)
    reader = ColumnReader(
        pa.table({**_all_sound(count), "demand_id": ids}), DEMAND_RULES, "demands"
    )
    found = reader.texts("demand_id")
    assert reader.bad.all()
    assert found.array().nbytes < 1_000_000
    assert len(reader.faults) == 1_000
    assert reader.faults[0].value.endswith("... (2,000,000 characters)")


def _all_sound(count: int) -> dict[str, Any]:
    columns = {name: [row[0]] * count for name, row in _demands().to_pydict().items()}
    return columns | {
        "ship_by_time": pa.array([NOON] * count, pa.timestamp("us", "UTC"))
    }


def test_poles_the_antimeridian_and_pentagons_are_places() -> None:
    """The ends of both ranges are inside, and all have a cell."""
    lat, lng = (
        [90.0, -90.0, 0.0, 0.0, 58.28252559],
        [0.0, 180.0, 180.0, -180.0, 10.53619907],
    )
    rows = [
        {
            **{name: column[0] for name, column in _demands().to_pydict().items()},
            "demand_id": f"d{number}",
            "location.latitude": one,
            "location.longitude": other,
        }
        for number, (one, other) in enumerate(zip(lat, lng, strict=True))
    ]
    batch = read_demands("demands", rows_table(Kind.DEMAND, rows))
    assert not batch.bad.any()
    assert (latlng_to_cells(batch.lat, batch.lng, 9) > 0).all()


def test_ids_come_once() -> None:
    """Across chunks too; the second place is named."""
    stage = DemandStage()
    stage.add(read_demands("demands", _demands()))
    stage.add(read_demands("demands", _demands(demand_id=["c", "b"])))
    with pytest.raises(InvalidValueError) as caught:
        stage.columns()
    assert caught.value.violations == (
        FieldViolation("demands[3].demand_id", "'b'", "each id once"),
    )


def test_the_rules_know_every_label() -> None:
    """Labels of a column stand in the order of the contract's numbers."""
    names = item_pb2.Condition.DESCRIPTOR.values_by_name
    assert DEMAND_RULES["min_condition"].column.labels == tuple(
        name.removeprefix("CONDITION_") for name in names
    )
