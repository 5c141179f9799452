"""Rows as an Arrow stream, compressed with Zstandard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from server.storage.codec import StoredDocumentError

#: Rows of one record batch; bounds what a reader holds at once.
_BATCH_COUNT = 10_000


def pack(schema: pa.Schema, columns: Sequence[Sequence[Any]]) -> bytes:
    """
    Return rows, given column by column, as an Arrow IPC stream.

    Any Arrow reader takes it as it is. The same rows give the same bytes. Instants are
    whole microseconds since the epoch.
    """
    arrays = [
        pa.array(values, field.type)
        for values, field in zip(columns, schema, strict=True)
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for start in range(0, batch.num_rows, _BATCH_COUNT):
            writer.write_batch(batch.slice(start, _BATCH_COUNT))
    return bytes(sink.getvalue())


def unpack(schema: pa.Schema, data: bytes) -> Iterator[tuple[Any, ...]]:
    """
    Yield the rows that were packed.

    Raises
    ------
    StoredDocumentError
        If the bytes are no such stream.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            if not reader.schema.equals(schema):
                raise StoredDocumentError(f"stored columns are {reader.schema.names}")
            for batch in reader:
                yield from zip(*(_values(column) for column in batch), strict=True)
    # What Zstandard finds wrong comes as an OSError.
    except (pa.ArrowException, OSError) as error:
        raise StoredDocumentError(f"stored rows do not read back: {error}") from error


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def warm_up() -> None:
    """Write and read a row: Arrow looks for pandas then, and loads it where it is."""
    schema = pa.schema([pa.field("number", pa.int64())])
    list(unpack(schema, pack(schema, [[1]])))
