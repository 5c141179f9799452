"""The side file of rejected rows."""

from __future__ import annotations

import csv
from pathlib import Path

from matcher.domain.errors import FieldViolation
from server.files.columns import Kind
from server.files.reading import open_table
from server.files.record import read_records
from server.files.rejected import RejectedWriter, rejected_path
from server.files.table import Row

HEADER = "warehouse_id,location.latitude,location.longitude,daily_capacity"
FAULT = FieldViolation("daily_capacity", "'ten'", "a number")


def _lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_no_file_without_a_rejection(tmp_path: Path) -> None:
    """A writer that rejects nothing leaves nothing, and clears what was left."""
    path = tmp_path / "w.csv"
    stale = rejected_path(path, Kind.DEMAND)
    stale.write_text("old")
    writer = RejectedWriter(path, Kind.DEMAND, ["a"])
    assert not stale.exists()
    assert (writer.row_count, writer.byte_count) == (0, 0)


def test_line_tells_where_what_and_why(tmp_path: Path) -> None:
    """Line, fields, values and reasons stand before the row's own cells."""
    path = tmp_path / "w.csv"
    writer = RejectedWriter(path, Kind.DEMAND, ["id", "n"])
    other = FieldViolation("id", "''", "a text")
    writer.write(Row(7, {"id": "", "n": "a,b"}), [FAULT, other])
    assert _lines(writer.path) == [
        ["line", "field", "value", "reason", "id", "n"],
        [
            "7",
            "daily_capacity | id",
            "'ten' | ''",
            "accepted: a number | accepted: a text",
            "",
            "a,b",
        ],
    ]
    assert writer.byte_count == writer.path.stat().st_size


def test_mended_file_loads_as_it_is(tmp_path: Path) -> None:
    """The four columns are passed over, so a mended cell is all that it takes."""
    path = tmp_path / "w.csv"
    path.write_text(f"{HEADER}\nW1,1,2,ten\nW2,1,2,3\n")
    table = open_table(path)
    writer = RejectedWriter(path, Kind.DEMAND, table.columns)
    for record in read_records(table, Kind.WAREHOUSE):
        if record.faults:
            writer.write(record.row, record.faults)
    assert writer.row_count == 1
    mended = tmp_path / "mended.csv"
    text = writer.path.read_text()
    mended.write_text(text.replace("W1,1,2,ten", "W1,1,2,10"))
    (record,) = read_records(open_table(mended), Kind.WAREHOUSE)
    assert record.message is not None
    assert record.message["daily_capacity"] == 10


def test_bad_bytes_are_kept(tmp_path: Path) -> None:
    """Latin-1 bytes of the input are in the side file as they were, to be mended."""
    path = tmp_path / "w.csv"
    path.write_bytes(HEADER.encode() + b"\nW\xe9,1,2,3\n")
    table = open_table(path)
    (record,) = read_records(table, Kind.WAREHOUSE)
    assert [fault.field for fault in record.faults] == ["warehouse_id"]
    writer = RejectedWriter(path, Kind.DEMAND, table.columns)
    writer.write(record.row, record.faults)
    assert b"W\xe9,1,2,3" in writer.path.read_bytes()


def test_resumed_load_keeps_what_was_noted(tmp_path: Path) -> None:
    """What came after the checkpoint is cut off, since it is rejected again."""
    path = tmp_path / "w.csv"
    writer = RejectedWriter(path, Kind.DEMAND, ["id"])
    writer.write(Row(2, {"id": "a"}), [FAULT])
    noted = writer.byte_count
    writer.write(Row(3, {"id": "b"}), [FAULT])
    again = RejectedWriter(path, Kind.DEMAND, ["id"], keep_bytes=noted)
    again.write(Row(3, {"id": "b"}), [FAULT])
    assert [line[0] for line in _lines(again.path)] == ["line", "2", "3"]


def test_resumed_load_whose_file_is_gone(tmp_path: Path) -> None:
    """Somebody removed the side file meanwhile: a new one begins with its header."""
    writer = RejectedWriter(tmp_path / "w.csv", Kind.DEMAND, ["id"], keep_bytes=500)
    writer.write(Row(9, {"id": "a"}), [FAULT])
    assert [line[0] for line in _lines(writer.path)] == ["line", "9"]


def test_each_kind_of_one_input_has_its_own(tmp_path: Path) -> None:
    """Rejected demands stay when the returns of the same file are read."""
    path = tmp_path / "w.csv"
    first = RejectedWriter(path, Kind.DEMAND, ["id"])
    first.write(Row(2, {"id": "x"}), [FieldViolation("id", "x", "y")])
    second = RejectedWriter(path, Kind.RETURN_ITEM, ["id"])
    assert first.path.read_text().count("\n") == 2
    assert second.path != first.path
