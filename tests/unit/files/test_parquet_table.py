"""Parquet files: types, nesting, batches."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from matcher.domain.errors import InvalidValueError
from server.files.reading import open_table, read_rows


def _write(folder: Path, columns: dict[str, pa.Array]) -> Path:
    path = folder / "t.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_types(tmp_path: Path) -> None:
    """Dictionaries, decimals, lists, nulls and dates come as Python has them."""
    path = _write(
        tmp_path,
        {
            "text": pa.array(["a", None]).dictionary_encode(),
            "price": pa.array([Decimal("12.34"), None]),
            "list": pa.array([["x", "y"], None]),
            "whole": pa.array([1, None]),
        },
    )
    rows = [dict(row.values) for row in read_rows(path)]
    assert rows == [
        {"text": "a", "price": Decimal("12.34"), "list": ["x", "y"], "whole": 1},
        {"text": None, "price": None, "list": None, "whole": None},
    ]


def test_times(tmp_path: Path) -> None:
    """Nanoseconds are cut; a zone becomes UTC; a time without one keeps none."""
    nanos = 1_772_366_400_123_456_789
    path = _write(
        tmp_path,
        {
            "bare": pa.array([nanos], pa.timestamp("ns")),
            "zoned": pa.array([nanos], pa.timestamp("ns", "America/Sao_Paulo")),
        },
    )
    (row,) = read_rows(path)
    moment = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    assert row.values["bare"] == moment.replace(tzinfo=None)
    assert row.values["zoned"] == moment


def test_structs_become_dotted_columns(tmp_path: Path) -> None:
    """A struct in a struct is two dots; a null struct is null values."""
    path = _write(
        tmp_path,
        {"a": pa.array([{"b": {"c": 1}, "d": 2}, None]), "e": pa.array([3, 4])},
    )
    table = open_table(path)
    assert table.columns == ("a.b.c", "a.d", "e")
    assert [list(row.values.values()) for row in table.rows()] == [
        [1, 2, 3],
        [None, None, 4],
    ]


def test_rows_are_numbered_over_batches(tmp_path: Path) -> None:
    """20,000 rows come in three batches and are numbered from 1 throughout."""
    table = open_table(_write(tmp_path, {"n": pa.array(range(20_000))}))
    assert table.row_count == 20_000
    assert all(row.values["n"] == row.line - 1 for row in table.rows())
    assert sum(1 for _ in table.rows()) == 20_000


def test_no_parquet_file(tmp_path: Path) -> None:
    """A CSV file by that name is refused by what it is not."""
    path = tmp_path / "t.parquet"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidValueError, match="accepted: a Parquet file"):
        open_table(path)
