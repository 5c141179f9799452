"""Messages changed field by field, by what their schema allows and what it forbids."""

from __future__ import annotations

import math
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.fuzz.byte_source import ByteSource
from tests.scenarios import NOW_US

_DEPTH_MAX = 8
_REPEATED_MAX = 40

_FLOATS = (0.0, 1.0, 0.5, -0.0, 90.0, -90.0, 180.0, -180.0, 90.000001, 1e-320, 1e308)
_ODD_FLOATS = (math.nan, math.inf, -math.inf)
_NOW_S = NOW_US // 1_000_000
_INTEGERS = (0, 1, 2, 3, 5, 10, 100, 3_600, 10_000, 1_000_000, _NOW_S, _NOW_S + 86_400)
_STRINGS = (
    "",
    "r1",
    "d1",
    "w1",
    "m1",
    "shirt",
    "apparel",
    "EUR",
    "1",
    "2",
    "*",
    "../../etc/passwd",
    "'; DROP TABLE demands; --",
    "\0",
    "\u202e",
    "\ud7ff\U0010ffff",
    "a" * 128,
    "a" * 129,
    "ä" * 5_000,
    "%s{0}${x}",
)

_FLOAT_TYPES = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


def mutate(message: Message, source: ByteSource) -> None:
    """Change one field of a message, or of one inside it, in place."""
    for _ in range(_DEPTH_MAX):
        fields = message.DESCRIPTOR.fields
        if not fields:
            return
        field = source.one_of(fields)
        inner = _inside(message, field, source)
        if inner is None:
            _set(message, field, source)
            return
        message = inner


def _inside(
    message: Message, field: FieldDescriptor, source: ByteSource
) -> Message | None:
    # The message to go on with, or nothing: then the field itself is changed.
    is_message = field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE
    if not is_message or source.below(8) == 0:
        return None
    held = getattr(message, field.name)
    if _is_map(field):
        return None
    if not field.is_repeated:
        held.SetInParent()
        return held  # type: ignore[no-any-return]
    if not held or (source.below(4) == 0 and len(held) < _REPEATED_MAX):
        return held.add()  # type: ignore[no-any-return]
    return source.one_of(held)  # type: ignore[no-any-return]


def _set(message: Message, field: FieldDescriptor, source: ByteSource) -> None:
    if source.below(4) == 0:
        message.ClearField(field.name)
        return
    if _is_map(field):
        _set_entry(message, field, source)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        _repeat(message, field, source)
    elif field.is_repeated:
        held = getattr(message, field.name)
        held.extend(_scalar(field, source) for _ in range(1 + source.below(3)))
    else:
        setattr(message, field.name, _scalar(field, source))


def _repeat(message: Message, field: FieldDescriptor, source: ByteSource) -> None:
    # The same item many times over: ids that collide, lists that are too long.
    held = getattr(message, field.name)
    if field.is_repeated and held:
        first = held[0]
        count = source.one_of((1, 2, _REPEATED_MAX, 1_100))
        held.extend([type(first).FromString(first.SerializeToString())] * count)
    else:
        message.ClearField(field.name)


def _set_entry(message: Message, field: FieldDescriptor, source: ByteSource) -> None:
    key, value = (field.message_type.fields_by_name[n] for n in ("key", "value"))
    held = getattr(message, field.name)
    at = _scalar(key, source)
    if value.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        mutate(held[at], source)
    else:
        held[at] = _scalar(value, source)


def _scalar(field: FieldDescriptor, source: ByteSource) -> Any:
    kind = field.cpp_type
    if kind in _FLOAT_TYPES:
        return source.one_of((*_FLOATS, *_ODD_FLOATS, source.number(2) / 100.0))
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return bool(source.below(2))
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return source.below(len(field.enum_type.values) + 1) or source.number(4) >> 1
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return _string(field, source)
    return _integer(kind, source)


def _string(field: FieldDescriptor, source: ByteSource) -> Any:
    if source.below(4) == 0:
        raw = source.taken(source.below(64))
        if field.type == FieldDescriptor.TYPE_BYTES:
            return raw
        return raw.decode(errors="replace")
    text = source.one_of(_STRINGS)
    is_bytes = field.type == FieldDescriptor.TYPE_BYTES
    return text.encode() if is_bytes else text


def _integer(kind: int, source: ByteSource) -> int:
    bits = 32 if kind in _NARROW else 64
    is_signed = kind in _SIGNED
    least = -(2 ** (bits - 1)) if is_signed else 0
    most = 2 ** (bits - is_signed) - 1
    chosen = source.one_of((*_INTEGERS, least, most, -1, source.number(bits // 8)))
    return min(max(chosen, least), most)


_NARROW = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32)
_SIGNED = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)


def _is_map(field: FieldDescriptor) -> bool:
    inner = field.message_type
    return inner is not None and inner.GetOptions().map_entry
