"""One chunk of a stream: bytes of an Arrow stream, read within bounds."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.api.bulk.arrow_metadata import FAULTS, unpacked_size

#: Bytes of a chunk on the wire.
CHUNK_BYTES_MAX = 4 * 1024 * 1024

#: Bytes of a chunk once it is unpacked, whatever it is compressed with.
UNPACKED_BYTES_MAX = 32 * 1024 * 1024

#: Rows of a chunk.
CHUNK_ROWS_MAX = 65_536

_KINDS = ("schema", "record batch", "dictionary")

# Continuation, and no metadata.
_END = b"\xff\xff\xff\xff\0\0\0\0"

_ACCEPTED = "an Arrow IPC stream: a schema and record batches"


def read_chunk(field: str, data: bytes) -> Any:
    """
    Read an Arrow IPC stream.

    Parameters
    ----------
    field
        Which field of the request it is, for errors.
    data
        The stream. The table that is returned looks into it.

    Returns
    -------
    pyarrow.Table
        Valid to the last offset and character.

    Raises
    ------
    InvalidValueError
        If it is no such stream, ends too early, or holds more than a chunk may; nothing
        is unpacked before its size is known.
    """
    if not 0 < len(data) <= CHUNK_BYTES_MAX:
        accepted = f"1 to {CHUNK_BYTES_MAX:,} bytes"
        raise _refusal(field, f"{len(data):,} bytes", accepted)
    buffer = pa.py_buffer(data)
    try:
        rows, size = _sizes(buffer)
    except FAULTS as error:
        raise _refusal(field, error, _ACCEPTED) from error
    if rows > CHUNK_ROWS_MAX:
        accepted = f"at most {CHUNK_ROWS_MAX:,} rows, and entries of a dictionary"
        raise _refusal(field, f"{rows:,} rows", accepted)
    if size > UNPACKED_BYTES_MAX:
        accepted = f"at most {UNPACKED_BYTES_MAX:,} bytes once unpacked"
        raise _refusal(field, f"{size:,} bytes", accepted)
    try:
        source = pa.BufferReader(buffer)
        with pa.ipc.open_stream(source) as reader:
            table = reader.read_all()
        table.validate(full=True)
        _check_end(data, source.tell())
    except FAULTS as error:
        raise _refusal(field, error, _ACCEPTED) from error
    return table


def _refusal(field: str, found: object, accepted: str) -> InvalidValueError:
    return InvalidValueError.of([FieldViolation(field, str(found), accepted)])


def _check_end(data: bytes, read_count: int) -> None:
    # Arrow takes a stream without its mark for a shorter one, and what follows the mark
    # for nothing.
    if not data.endswith(_END):
        raise ValueError("no mark of the end: the stream breaks off")
    if read_count != len(data):
        raise ValueError(f"{len(data) - read_count:,} bytes behind the mark of the end")


def _sizes(buffer: Any) -> tuple[int, int]:
    # The rows of all batches, or the entries of the longest dictionary, and the bytes
    # of all messages. A stream that does not begin with a schema, or that breaks off
    # inside a message, is refused by the reader.
    rows = entries = size = 0
    for message in pa.ipc.MessageReader.open_stream(buffer):
        if message.type not in _KINDS:
            raise ValueError(f"a message of the kind {message.type}")
        more_rows, more_bytes = unpacked_size(message)
        if more_rows < 0:
            raise ValueError(f"a batch says that it has {more_rows} rows")
        if message.type == "record batch":
            rows += more_rows
        entries = max(entries, more_rows)
        size += more_bytes
    return max(rows, entries), size
