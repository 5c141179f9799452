"""Writing domain values as tables that read back the same."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from matcher.domain.errors import InvalidValueError
from server.files.columns import COLUMNS, Column, ColumnType, Kind
from server.files.domain_row import DomainValue, domain_row
from server.files.text_cell import cell_text

_BATCH_ROWS = 8_192


def write_table(path: Path, kind: Kind, values: Iterable[DomainValue]) -> int:
    """
    Write domain values to a table.

    Parameters
    ----------
    path
        Ends in ``.csv`` or ``.parquet``. Replaced as a whole: a reader finds the
        old table or the new one.
    kind
        What the values are.
    values
        Read once, in batches.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InvalidValueError
        If the name has another ending.
    """
    writers: dict[str, Callable[[Path, Kind, Iterable[DomainValue]], int]] = {
        ".csv": _write_csv,
        ".parquet": _write_parquet,
    }
    write = writers.get(path.suffix.lower())
    if write is None:
        raise InvalidValueError(
            "file", str(path), "a name that ends in .csv or .parquet"
        )
    part = path.with_name(f".{path.name}.part")
    try:
        count = write(part, kind, values)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, kind: Kind, values: Iterable[DomainValue]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS[kind])
        for value in values:
            writer.writerow(map(cell_text, domain_row(kind, value).values()))
            count += 1
    return count


def _write_parquet(path: Path, kind: Kind, values: Iterable[DomainValue]) -> int:
    types = {
        ColumnType.TEXT: pa.string(),
        ColumnType.INT32: pa.int32(),
        ColumnType.INT64: pa.int64(),
        ColumnType.FLOAT: pa.float64(),
        ColumnType.BOOL: pa.bool_(),
        ColumnType.TIME: pa.timestamp("us", "UTC"),
        ColumnType.ENUM: pa.string(),
        ColumnType.TEXT_LIST: pa.list_(pa.string()),
    }
    columns: Iterable[Column] = COLUMNS[kind].values()
    schema = pa.schema([(column.name, types[column.type]) for column in columns])
    count = 0
    rows = (domain_row(kind, value) for value in values)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            writer.write_table(pa.Table.from_pylist(batch, schema))
            count += len(batch)
    return count


def _batches(rows: Iterator[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch
