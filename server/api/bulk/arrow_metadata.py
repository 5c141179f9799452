"""What an Arrow message says of its size, before anything of it is unpacked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

# Positions of fields in the tables of Arrow's Message.fbs and Schema.fbs.
_HEADER = 2
_BATCH_LENGTH, _BATCH_BUFFERS, _BATCH_COMPRESSION = 0, 2, 3
_DICTIONARY_DATA = 1

_BUFFER_BYTES = 16
_NOT_COMPRESSED = -1


def unpacked_size(message: Any) -> tuple[int, int]:
    """
    Return how many rows and bytes a message holds once it is unpacked.

    Parameters
    ----------
    message
        A ``pyarrow.ipc.Message``, whose metadata Arrow has verified.

    Returns
    -------
    tuple of int
        Rows, or entries of a dictionary, and bytes of all buffers. Both 0 for a schema.

    Raises
    ------
    ValueError
        If a compressed buffer is too short to say its size, or says less than none.
    """
    if message.type == "schema":
        return 0, 0
    metadata = memoryview(message.metadata)
    table = _field_table(metadata, _root(metadata), _HEADER)
    if message.type == "dictionary":
        table = _field_table(metadata, table, _DICTIONARY_DATA)
    at = _field(metadata, table, _BATCH_LENGTH)
    rows = _int64(metadata, at) if at else 0
    body = memoryview(message.body) if message.body is not None else memoryview(b"")
    if not _field(metadata, table, _BATCH_COMPRESSION):
        return rows, len(body)
    return rows, sum(_declared(metadata, table, body))


def _declared(metadata: memoryview, table: int, body: memoryview) -> Iterator[int]:
    # A compressed buffer begins with its size, -1 where it was left as it is.
    at = _field(metadata, table, _BATCH_BUFFERS)
    if not at:
        return
    vector = at + _uint32(metadata, at)
    for number in range(_uint32(metadata, vector)):
        place = vector + 4 + number * _BUFFER_BYTES
        offset, length = _int64(metadata, place), _int64(metadata, place + 8)
        if length == 0:
            continue
        if not (length >= 8 and 0 <= offset <= len(body) - length):
            raise ValueError("a buffer lies outside of its message")
        size = _int64(body, offset)
        if size < _NOT_COMPRESSED:
            raise ValueError(f"a buffer says that it has {size} bytes")
        yield length - 8 if size == _NOT_COMPRESSED else size


def _root(data: memoryview) -> int:
    return _uint32(data, 0)


def _field_table(data: memoryview, table: int, index: int) -> int:
    at = _field(data, table, index)
    if not at:
        raise ValueError("the metadata lacks a header")
    return at + _uint32(data, at)


def _field(data: memoryview, table: int, index: int) -> int:
    # Where a field of a table stands, 0 if it has its default.
    vtable = table - int(struct.unpack_from("<i", data, table)[0])
    place = 4 + 2 * index
    (size,) = struct.unpack_from("<H", data, vtable)
    if place >= size:
        return 0
    (offset,) = struct.unpack_from("<H", data, vtable + place)
    return table + int(offset) if offset else 0


def _uint32(data: memoryview, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _int64(data: memoryview, at: int) -> int:
    return int(struct.unpack_from("<q", data, at)[0])


#: What reading a hostile message may raise.
FAULTS = (ValueError, struct.error, OSError, pa.ArrowException)
