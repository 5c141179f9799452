"""CSV files: what is read, and which damage costs a row or the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.reading import open_table, read_rows
from server.files.table import Row


def _rows(folder: Path, data: bytes) -> list[Row]:
    path = folder / "t.csv"
    path.write_bytes(data)
    return list(read_rows(path))


def test_lines_and_values(tmp_path: Path) -> None:
    """Quoted commas, quotes and newlines are data; lines count from the header."""
    rows = _rows(tmp_path, b'a,b\n1,"x,""y""\nz"\n\n3,\n')
    assert [(row.line, dict(row.values)) for row in rows] == [
        (2, {"a": "1", "b": 'x,"y"\nz'}),
        (5, {"a": "3", "b": ""}),
    ]


def test_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    """What spreadsheets write reads the same."""
    (row,) = _rows(tmp_path, b"\xef\xbb\xbfa,b\r\n1,\xc3\xa9\r\n")
    assert row.values == {"a": "1", "b": "é"}
    assert row.faults == ()


def test_bad_bytes_cost_one_row(tmp_path: Path) -> None:
    """Latin-1 and NUL in two rows are faults of line and field; the third is fine."""
    rows = _rows(tmp_path, b"a,b\n1,\xe9\n2\x00,x\n3,y\n")
    assert [[fault.field for fault in row.faults] for row in rows] == [["b"], ["a"], []]
    assert [row.line for row in rows] == [2, 3, 4]


def test_wrong_number_of_cells(tmp_path: Path) -> None:
    """A short and a long row are faults, with what was seen and what is accepted."""
    rows = _rows(tmp_path, b"a,b\n1\n1,2,3\n1,2\n")
    assert [str(fault) for row in rows for fault in row.faults] == [
        "row: got 1 cells; accepted: 2 cells",
        "row: got 3 cells; accepted: 2 cells",
    ]


def test_broken_quotes_cost_their_row(tmp_path: Path) -> None:
    """Text after a closing quote is refused; the next line is read again."""
    rows = _rows(tmp_path, b'a,b\n"1"x,2\n3,4\n"5,6\n')
    assert [bool(row.faults) for row in rows] == [True, False, True]
    assert rows[1].values == {"a": "3", "b": "4"}
    assert rows[2].line == 4


def test_endless_cell_costs_its_row(tmp_path: Path) -> None:
    """A cell past the reader's limit of 131,072 characters is a fault, not a crash."""
    rows = _rows(tmp_path, b"a,b\n" + b"x" * 200_000 + b",1\n2,3\n")
    assert [bool(row.faults) for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "header"),
        (b"a,a\n", "each once"),
        (b"a,,b\n", "each once"),
        (b"a,\xff\n", "UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-8"),
        (b'"a"x,b\n', "CSV"),
    ],
)
def test_bad_header_costs_the_file(tmp_path: Path, data: bytes, message: str) -> None:
    """Without columns to go by, nothing is read, and the error names the file."""
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(InvalidValueError, match=message) as caught:
        open_table(path)
    assert str(path) in str(caught.value)


def test_rows_can_be_read_again(tmp_path: Path) -> None:
    """A table starts from its first row each time."""
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n")
    table = open_table(path)
    assert list(table.rows()) == list(table.rows())
    assert table.columns == ("a",)
    assert table.row_count is None


def test_file_must_exist_and_have_a_known_ending(tmp_path: Path) -> None:
    """A missing file, a folder and a spreadsheet are refused by name."""
    (tmp_path / "t.xlsx").write_bytes(b"")
    for name, accepted in (
        ("no.csv", "exists"),
        ("", "exists"),
        ("t.xlsx", ".parquet"),
    ):
        with pytest.raises(InvalidValueError, match=accepted):
            open_table(tmp_path / name)
