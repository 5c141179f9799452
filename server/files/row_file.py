"""Rows of named columns as a file that is there whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from matcher.domain.errors import InvalidValueError
from server.files.arrow_types import ARROW_TYPES
from server.files.columns import ColumnType
from server.files.text_cell import cell_text

_BATCH_ROWS = 8_192

RowValues = Mapping[str, object]
Columns = Mapping[str, ColumnType]


def check_ending(path: Path) -> None:
    """Raise :class:`InvalidValueError` unless a name ends in .csv or .parquet."""
    if path.suffix.lower() not in _WRITERS:
        raise InvalidValueError(
            "file", str(path), "a name that ends in .csv or .parquet"
        )


def write_rows(path: Path, columns: Columns, rows: Iterable[RowValues]) -> int:
    """
    Write rows to a table.

    Parameters
    ----------
    path
        Ends in ``.csv`` or ``.parquet``. Replaced as a whole: a reader finds the
        old table or the new one.
    columns
        Types by name, in their order.
    rows
        Each with a value or ``None`` for every column. Read once, in batches.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InvalidValueError
        If the name has another ending.
    """
    check_ending(path)
    part = path.with_name(f".{path.name}.part")
    try:
        count = _WRITERS[path.suffix.lower()](part, columns, rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, columns: Columns, rows: Iterable[RowValues]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([cell_text(row[name]) for name in columns])
            count += 1
    return count


def _write_parquet(path: Path, columns: Columns, rows: Iterable[RowValues]) -> int:
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(iter(rows)):
            writer.write_table(pa.Table.from_pylist(batch, schema))
            count += len(batch)
    return count


def _batches(rows: Iterator[RowValues]) -> Iterator[list[RowValues]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch


_WRITERS: dict[str, Callable[[Path, Columns, Iterable[RowValues]], int]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
