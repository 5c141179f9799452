"""Records: a table, mapped or not, as messages and faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.columns import Kind
from server.files.mapping_file import read_mapping
from server.files.reading import open_table
from server.files.record import read_records

TABLE = """warehouse_id,location.latitude,location.longitude,daily_capacity
W1,1,2,3
W2,1,2,many
W3,1
W4,1,2,5
"""
FOREIGN = """code,lat,lng,open
A,1,2,yes
B,1,2,no
C,1,2,perhaps
D,x,2,yes
"""
MAPPING = """
kind = "warehouse"
[filter]
open = true
[fields]
warehouse_id = "code"
location.latitude = "lat"
location.longitude = "lng"
daily_capacity = { constant = 9 }
"""


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_bad_rows_stand_among_the_good(tmp_path: Path) -> None:
    """Four rows give four records in order; two of them say what is wrong."""
    table = open_table(_file(tmp_path, "w.csv", TABLE))
    records = list(read_records(table, Kind.WAREHOUSE))
    assert [record.number for record in records] == [1, 2, 3, 4]
    assert [record.row.line for record in records] == [2, 3, 4, 5]
    assert [record.message is None for record in records] == [False, True, True, False]
    assert [str(record.faults[0].field) for record in records if record.faults] == [
        "daily_capacity",
        "row",
    ]


def test_reading_goes_on_after_rows_done(tmp_path: Path) -> None:
    """Passing over two rows yields the third and fourth with their own numbers."""
    table = open_table(_file(tmp_path, "w.csv", TABLE))
    records = list(read_records(table, Kind.WAREHOUSE, rows_done=2))
    assert [(record.number, record.row.line) for record in records] == [(3, 4), (4, 5)]


def test_mapped_rows(tmp_path: Path) -> None:
    """One row counts, one does not, one cannot be told, one has no place."""
    table = open_table(_file(tmp_path, "f.csv", FOREIGN))
    mapping = read_mapping(_file(tmp_path, "m.toml", MAPPING))
    records = list(read_records(table, Kind.WAREHOUSE, mapping))
    assert [record.number for record in records] == [1, 3, 4]
    assert records[0].message == {
        "warehouse_id": "A",
        "location": {"latitude": 1.0, "longitude": 2.0},
        "daily_capacity": 9,
    }
    assert [record.faults[0].field for record in records[1:]] == [
        "open",
        "location.latitude",
    ]
    assert records[2].row.values["code"] == "D"


def test_columns_are_checked_before_the_first_row(tmp_path: Path) -> None:
    """Foreign columns without a mapping fail when asked for, not when iterated."""
    table = open_table(_file(tmp_path, "f.csv", FOREIGN))
    with pytest.raises(InvalidValueError, match="column: got 'code'"):
        read_records(table, Kind.WAREHOUSE)


def test_mapping_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A mapping to warehouses does not make demands."""
    table = open_table(_file(tmp_path, "f.csv", FOREIGN))
    mapping = read_mapping(_file(tmp_path, "m.toml", MAPPING))
    with pytest.raises(InvalidValueError, match="kind: got 'warehouse'"):
        read_records(table, Kind.DEMAND, mapping)
