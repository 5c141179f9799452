"""Tables as chunks of Arrow IPC streams, small enough for one message each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

#: Bytes and rows of a chunk that the server takes.
CHUNK_BYTES_MAX = 4 * 1024 * 1024
CHUNK_ROWS_MAX = 65_536


def chunks(data: Any, rows_max: int = CHUNK_ROWS_MAX) -> Iterator[tuple[int, bytes]]:
    """
    Yield a table as Arrow IPC streams, in its order.

    Parameters
    ----------
    data
        A pyarrow Table, RecordBatch or RecordBatchReader, or any data frame that speaks
        Arrow's C interface, as those of pandas and polars do. Fields of a struct become
        columns with dotted names.
    rows_max
        Rows of a chunk at most.

    Yields
    ------
    tuple
        How many rows, and their stream. An empty table gives no chunk.
    """
    for batch in batches(data):
        for start in range(0, batch.num_rows, rows_max):
            yield from _parts(batch.slice(start, rows_max))


def batches(data: Any) -> Iterator[Any]:
    """Yield the record batches of a table or data frame, flat."""
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    if isinstance(data, pa.RecordBatchReader):
        for batch in data:
            yield from _flat(pa.Table.from_batches([batch])).to_batches()
        return
    table = data if isinstance(data, pa.Table) else pa.table(data)
    yield from _flat(table).to_batches()


def row_count(data: Any) -> int | None:
    """Return how many rows there are, ``None`` where that is only known at the end."""
    if isinstance(data, pa.RecordBatchReader):
        return None
    try:
        return len(data)
    except TypeError:
        return None


def read_stream(data: bytes) -> Any:
    """Return the table of an Arrow IPC stream."""
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_all()


def _parts(batch: Any) -> Iterator[tuple[int, bytes]]:
    # What is too large by itself need not be written to be seen to be so.
    if batch.nbytes <= CHUNK_BYTES_MAX or batch.num_rows == 1:
        data = _stream(batch)
        if len(data) <= CHUNK_BYTES_MAX or batch.num_rows == 1:
            # One row that is too large is for the server to refuse.
            yield batch.num_rows, data
            return
    middle = batch.num_rows // 2
    yield from _parts(batch.slice(0, middle))
    yield from _parts(batch.slice(middle))


def _stream(batch: Any) -> bytes:
    columns = [_compact(column) for column in batch.columns]
    batch = pa.RecordBatch.from_arrays(columns, batch.schema.names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def _compact(column: Any) -> Any:
    # A dictionary goes along whole, however few of its entries a slice uses.
    if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column):
        return column.dictionary_decode()
    return column


def _flat(table: Any) -> Any:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table
