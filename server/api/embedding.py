"""Encoded messages as fields of others, without decoding them first."""

from __future__ import annotations

from functools import lru_cache

from google.protobuf.descriptor import Descriptor

# Wire type of a field with a length before it.
_DELIMITED = 2


def embedded(kind: Descriptor, field: str, body: bytes) -> bytes:
    """
    Return the bytes of a message that has one field, itself an encoded message.

    Bytes of several of one type, one after the other, are the message with all their
    fields: https://protobuf.dev/programming-guides/encoding/#last-one-wins.

    Parameters
    ----------
    kind
        The outer type.
    field
        Name of its field, which is a message and not repeated, or repeated.
    body
        The inner message, encoded.
    """
    return _tag(kind, field) + _varint(len(body)) + body


@lru_cache(maxsize=1_000)
def _tag(kind: Descriptor, field: str) -> bytes:
    return _varint(kind.fields_by_name[field].number << 3 | _DELIMITED)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
