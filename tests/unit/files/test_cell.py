"""Single values: what is read, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.files.cell import (
    CellError,
    Leaf,
    join_list,
    parse_bool,
    parse_cell,
    parse_decimal,
    time_text,
)
from server.files.columns import COLUMNS, Column, Kind

DEMAND = COLUMNS[Kind.DEMAND]
RETURN = COLUMNS[Kind.RETURN_ITEM]
WAREHOUSE = COLUMNS[Kind.WAREHOUSE]

ACCEPTED: list[tuple[Column, object, Leaf]] = [
    (DEMAND["sku"], " a b ", " a b "),
    (DEMAND["sku"], 8628, "8628"),
    (DEMAND["quantity"], " 7 ", 7),
    (DEMAND["quantity"], "-2147483648", -2147483648),
    (DEMAND["quantity"], 3.0, 3),
    (DEMAND["quantity"], Decimal("4.00"), 4),
    (RETURN["value_micros"], "9223372036854775807", 2**63 - 1),
    (DEMAND["location.latitude"], "-23.5", -23.5),
    (DEMAND["location.latitude"], "1e-3", 0.001),
    (DEMAND["location.latitude"], 4, 4.0),
    (DEMAND["accepts_returned_item"], "TRUE", True),
    (DEMAND["accepts_returned_item"], "no", False),
    (DEMAND["accepts_returned_item"], 1, True),
    (DEMAND["min_condition"], "like_new", "CONDITION_LIKE_NEW"),
    (DEMAND["min_condition"], " CONDITION_NEW", "CONDITION_NEW"),
    (DEMAND["ship_by_time"], "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
    (DEMAND["ship_by_time"], "2026-03-01t12:00:00.5z", "2026-03-01T12:00:00.500000Z"),
    (DEMAND["ship_by_time"], "2026-03-01T12:00:00-03:00", "2026-03-01T15:00:00Z"),
    (DEMAND["ship_by_time"], datetime(2026, 3, 1, 12), "2026-03-01T12:00:00Z"),  # noqa: DTZ001
    (WAREHOUSE["categories"], "a;b", ["a", "b"]),
    (WAREHOUSE["categories"], r"a\;b;c\\d", ["a;b", r"c\d"]),
    (WAREHOUSE["categories"], ["x;y"], ["x;y"]),
]

REFUSED: list[tuple[Column, object]] = [
    (DEMAND["sku"], 1.5),
    (DEMAND["sku"], True),
    (DEMAND["quantity"], "1.5"),
    (DEMAND["quantity"], "1_000"),
    (DEMAND["quantity"], "2147483648"),
    (DEMAND["quantity"], True),
    (DEMAND["quantity"], float("nan")),
    (DEMAND["quantity"], float("inf")),
    (DEMAND["quantity"], "٣"),
    (DEMAND["quantity"], "9" * 5_000),
    (RETURN["value_micros"], "9223372036854775808"),
    (RETURN["value_micros"], Decimal("1e999999999")),
    (RETURN["value_micros"], Decimal("9" * 38)),
    (RETURN["value_micros"], Decimal("0.5")),
    (DEMAND["location.latitude"], "nan"),
    (DEMAND["location.latitude"], "inf"),
    (DEMAND["location.latitude"], "1e999"),
    (DEMAND["location.latitude"], float("-inf")),
    (DEMAND["location.latitude"], "0x1p3"),
    (DEMAND["location.latitude"], "1,5"),
    (DEMAND["accepts_returned_item"], "maybe"),
    (DEMAND["accepts_returned_item"], 2),
    (DEMAND["min_condition"], "BRAND_NEW"),
    (DEMAND["min_condition"], 5),
    (DEMAND["ship_by_time"], "2026-03-01"),
    (DEMAND["ship_by_time"], "2026-03-01T12:00:00"),
    (DEMAND["ship_by_time"], "2026-02-30T12:00:00Z"),
    (DEMAND["ship_by_time"], "2026-03-01T12:00:60Z"),
    (DEMAND["ship_by_time"], "0001-01-01T00:00:00+23:00"),
    (DEMAND["ship_by_time"], 1_772_366_400),
    (WAREHOUSE["categories"], ["a", 1]),
    (WAREHOUSE["categories"], 7),
]


@pytest.mark.parametrize(("column", "value", "leaf"), ACCEPTED)
def test_accepted(column: Column, value: object, leaf: Leaf) -> None:
    """Text of a cell and Parquet's own types give the JSON form, of its very type."""
    found = parse_cell(column, value)
    assert found == leaf
    assert type(found) is type(leaf)


@pytest.mark.parametrize(("column", "value"), REFUSED)
def test_refused(column: Column, value: object) -> None:
    """What is out of range, of another type or ambiguous is refused, not guessed."""
    with pytest.raises((ValueError, OverflowError)):
        parse_cell(column, value)


@given(st.lists(st.text(st.sampled_from("a;\\ "), min_size=1), min_size=1))
def test_lists_come_back(texts: list[str]) -> None:
    """Any texts of separators, backslashes and letters survive being one cell."""
    assert parse_cell(WAREHOUSE["categories"], join_list(tuple(texts))) == texts


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_come_back(moment: datetime) -> None:
    """Any microsecond of the years 1 to 9999 is written as it is read."""
    text = time_text(moment)
    assert parse_cell(DEMAND["ship_by_time"], text) == text
    assert datetime.fromisoformat(text) == moment


def test_time_text_is_utc() -> None:
    """Half past noon at +05:30 is seven in the morning UTC."""
    zone = timezone(timedelta(hours=5, minutes=30))
    assert (
        time_text(datetime(2026, 3, 1, 12, 30, tzinfo=zone)) == "2026-03-01T07:00:00Z"
    )


@pytest.mark.parametrize(
    ("value", "number"),
    [("12.34", "12.34"), (12.34, "12.34"), (3, "3"), (" -.5e1 ", "-5"), ("7.", "7")],
)
def test_decimal_is_what_is_written(value: object, number: str) -> None:
    """A float is its shortest text: 12.34, not 12.339999999999999857891452847979963."""
    assert parse_decimal(value) == Decimal(number)


@pytest.mark.parametrize(
    "value", ["", "1 2", "NaN", "Infinity", True, float("nan"), Decimal("NaN"), None]
)
def test_decimal_refuses_what_is_no_number(value: object) -> None:
    """Truth values and what is not finite are no numbers either."""
    with pytest.raises(CellError):
        parse_decimal(value)


def test_bool_words() -> None:
    """Exactly six words are truth values, in any case and padding."""
    words = ("true", "Yes", " 1 ", "FALSE", "no", "0")
    assert [parse_bool(word) for word in words] == [True] * 3 + [False] * 3
