"""Domain values and loose rows as Arrow tables, and as the bytes of a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from server.files.columns import COLUMNS, ColumnType, Kind
from server.files.domain_row import DomainValue, domain_row

_TYPES = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INT32: pa.int32(),
    ColumnType.INT64: pa.int64(),
    ColumnType.FLOAT: pa.float64(),
    ColumnType.BOOL: pa.bool_(),
    ColumnType.TIME: pa.timestamp("us", "UTC"),
    ColumnType.ENUM: pa.string(),
}


def schema_of(kind: Kind) -> Any:
    """Return the plainest schema of a kind, every column in it."""
    return pa.schema([(c.name, _TYPES[c.type]) for c in COLUMNS[kind].values()])


def table_of(kind: Kind, values: Iterable[DomainValue]) -> Any:
    """Return domain values as a table."""
    rows = [domain_row(kind, value) for value in values]
    return pa.Table.from_pylist(rows, schema_of(kind))


def rows_table(kind: Kind, rows: Iterable[Mapping[str, Any]]) -> Any:
    """Return rows as a table; what a row does not name is null."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema_of(kind))


def chunk_of(table: Any, compression: str | None = None) -> bytes:
    """Return a table as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data
