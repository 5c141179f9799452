"""Check messages against the rules in the contract, and say what is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from protovalidate import Violation

from matcher.domain.errors import FieldViolation, InvalidValueError
from nearturn.buf.validate import validate_pb2
from server.api.accepted import (
    EXPRESSION_WORDS,
    accepted_by,
    accepted_by_oneof,
    seconds_text,
)
from server.api.policy_rules import document_violations

#: Violations that are looked for; the search ends there.
LISTED_MAX = 100

# Lists longer than this are checked item by item.
_AT_ONCE_MAX = 32

_VALUE_LENGTH_MAX = 80


class _LongList(NamedTuple):
    """A list that is checked item by item, and the path of fields to it."""

    path: tuple[str, ...]
    field: FieldDescriptor
    items: Sequence[Message]

    @property
    def name(self) -> str:
        return ".".join((*self.path, self.field.name))


def check(message: Message) -> None:
    """
    Check a message against the rules that its schema states.

    Raises
    ------
    InvalidValueError
        With every violation, at most a hundred.
    """
    found = violations(message)
    if found:
        found += document_violations(message, found)
        raise InvalidValueError.of(found)


def violations(message: Message) -> list[FieldViolation]:
    """
    Return what breaks a rule of the schema.

    Parameters
    ----------
    message
        Any message of the contract.

    Returns
    -------
    list of FieldViolation
        One per faulty field: its path with list positions, the value cut to 80
        characters, and the accepted range in words; at most a hundred.

    Notes
    -----
    The items of a long list are checked one by one: a single call over ten thousand
    of them would hold the interpreter's lock for a quarter of a second. Those of a
    list that is too long are not looked at.
    """
    found: list[FieldViolation] = []
    for each in _each_violation(message):
        found.append(each)
        if len(found) == LISTED_MAX:
            break
    return found


def _each_violation(message: Message) -> Iterator[FieldViolation]:
    long = list(_long_lists(message)) if _has_lists(message.DESCRIPTOR) else []
    if not long:
        yield from _collected(message)
        return
    shell = type(message)()
    shell.CopyFrom(message)
    for each in long:
        parent = shell
        for name in each.path:
            parent = getattr(parent, name)
        parent.ClearField(each.field.name)
    names = {each.name for each in long}
    yield from (each for each in _collected(shell) if each.field not in names)
    for each in long:
        too_long = _count_violation(each)
        if too_long is not None:
            yield too_long
            continue
        for index, item in enumerate(each.items):
            yield from _collected(item, f"{each.name}[{index}].")


# Most calls have none, and are many: what a type has is looked up once.
@lru_cache(maxsize=1_000)
def _has_lists(kind: Descriptor, seen: tuple[str, ...] = ()) -> bool:
    if kind.full_name in seen:
        return False
    return any(
        field.is_repeated or _has_lists(field.message_type, (*seen, kind.full_name))
        for field in kind.fields
        if field.message_type is not None
    )


def _long_lists(message: Message, path: tuple[str, ...] = ()) -> Iterator[_LongList]:
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if not field.is_repeated:
            yield from _long_lists(value, (*path, field.name))
        elif len(value) > _AT_ONCE_MAX:
            yield _LongList(path, field, value)


def _count_violation(long: _LongList) -> FieldViolation | None:
    most = long.field.GetOptions().Extensions[validate_pb2.field].repeated.max_items
    if not most or len(long.items) <= most:
        return None
    return FieldViolation(
        long.name, f"{len(long.items):,} items", accepted_by(long.field)
    )


def _collected(message: Message, prefix: str = "") -> Iterator[FieldViolation]:
    # A value may break several rules of its field; what is accepted names them all.
    seen: set[str] = set()
    for each in protovalidate.collect_violations(message):
        stated = _stated(message, prefix, each)
        if stated.field not in seen:
            seen.add(stated.field)
            yield stated


def _stated(message: Message, prefix: str, violation: Violation) -> FieldViolation:
    rule, value = violation.proto.rule_id, violation.field_value
    where = violation.proto.field
    elements = where.elements if where is not None else []
    names = [each.field_name for each in elements]
    path = prefix + ".".join(
        name if each.subscript is None else f"{name}[{each.subscript.value}]"
        for name, each in zip(names, elements, strict=True)
    )
    if rule in EXPRESSION_WORDS:
        # The rule stands at the location; the fault is in one of its fields.
        coordinate = rule.rpartition(".")[2]
        return FieldViolation(
            f"{path}.{coordinate}",
            repr(getattr(value, coordinate)),
            EXPRESSION_WORDS[rule],
        )
    oneof = _oneof(message, names)
    if oneof is not None:
        accepted = accepted_by_oneof(field.name for field in oneof.fields)
        return FieldViolation(path, "none of them", accepted)
    is_item = bool(elements) and elements[-1].subscript is not None
    accepted = accepted_by(_field(message, names), is_item=is_item)
    return FieldViolation(path, _shown(rule, value), accepted)


def _oneof(message: Message, names: Sequence[str]) -> OneofDescriptor | None:
    if not names:
        return None
    if not names[1:]:
        own = message.DESCRIPTOR.oneofs_by_name
        return own.get(names[0])  # type: ignore[return-value]
    inner = _field(message, names[:-1]).message_type
    if inner is None:
        return None
    return inner.oneofs_by_name.get(names[-1])


def _field(message: Message, names: Iterable[str]) -> FieldDescriptor:
    fields, field = message.DESCRIPTOR.fields_by_name, None
    for name in names:
        field = fields[name]
        if field.message_type is not None:
            fields = field.message_type.fields_by_name
    assert field is not None, "a violation without a field"
    return field  # type: ignore[return-value]


def _shown(rule: str, value: object) -> str:
    if rule == "required":
        return "nothing"
    if isinstance(value, Duration):
        return seconds_text(value)
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if rule.startswith("repeated.") and hasattr(value, "__len__"):
        return f"{len(value):,} items"
    text = repr(value)
    if len(text) <= _VALUE_LENGTH_MAX:
        return text
    size = f" ({len(value):,} characters)" if isinstance(value, str) else ""
    return f"{text[:_VALUE_LENGTH_MAX]}...{size}"
