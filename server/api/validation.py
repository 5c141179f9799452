"""Check messages against the rules in the contract, and say what is accepted."""

from __future__ import annotations

from collections.abc import Iterable

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from protovalidate import Violation

from matcher.domain.errors import FieldViolation, InvalidValueError
from matcher.domain.ids import ID_ACCEPTED
from nearturn.buf.validate import validate_pb2

#: Violations that one error lists; the rest is left out.
LISTED_MAX = 100

# Lists longer than this are checked item by item.
_AT_ONCE_MAX = 32

_VALUE_LENGTH_MAX = 80
_COORDINATES = {"latlng.latitude": "latitude", "latlng.longitude": "longitude"}
_WORDS = {
    "string.pattern": "printable characters",
    "string.uuid": "a UUID, such as 123e4567-e89b-42d3-a456-426614174000",
    "required": "a value",
    "message.oneof": "exactly one of its fields",
}


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
        Path with list positions, the value cut to 80 characters, and the accepted
        range in words; at most a hundred.

    Notes
    -----
    The items of a long list are checked one by one: a single call over ten thousand
    of them would hold the interpreter's lock for a quarter of a second.
    """
    long = [
        field
        for field, value in message.ListFields()
        if field.is_repeated
        and field.message_type is not None
        and len(value) > _AT_ONCE_MAX
    ]
    if not long:
        return _collected(message)
    shell = type(message)()
    shell.CopyFrom(message)
    for field in long:
        shell.ClearField(field.name)
    names = {field.name for field in long}
    found = [each for each in _collected(shell) if each.field not in names]
    for field in long:
        items = getattr(message, field.name)
        found.extend(_count_violations(field, len(items)))
        for index, item in enumerate(items):
            if len(found) >= LISTED_MAX:
                return found[:LISTED_MAX]
            prefix = f"{field.name}[{index}]."
            found.extend(_collected(item, prefix))
    return found[:LISTED_MAX]


def _collected(message: Message, prefix: str = "") -> list[FieldViolation]:
    found = protovalidate.collect_violations(message)
    return [_stated(message, prefix, each) for each in found[:LISTED_MAX]]


def _count_violations(field: FieldDescriptor, count: int) -> list[FieldViolation]:
    rules = field.GetOptions().Extensions[validate_pb2.field].repeated
    if not rules.max_items or count <= rules.max_items:
        return []
    accepted = f"{rules.min_items} to {rules.max_items} items"
    return [FieldViolation(field.name, f"{count} items", accepted)]


def _stated(message: Message, prefix: str, violation: Violation) -> FieldViolation:
    where = violation.proto.field
    elements = where.elements if where is not None else []
    path = prefix
    for element in elements:
        path += ("" if path == prefix else ".") + element.field_name
        subscript = element.subscript
        if subscript is not None and subscript.field == "index":
            path += f"[{subscript.value}]"
    rule = violation.proto.rule_id
    value = violation.field_value
    coordinate = _COORDINATES.get(rule)
    if coordinate is not None:
        # The rule stands at the location; the fault is in one of its fields.
        path, value = f"{path}.{coordinate}", getattr(value, coordinate)
    field = _field(message, (each.field_name for each in elements))
    return FieldViolation(path, _shown(rule, value), _accepted(violation, field))


def _field(message: Message, names: Iterable[str]) -> FieldDescriptor | None:
    fields = message.DESCRIPTOR.fields_by_name
    field = None
    for name in names:
        field = fields.get(name)
        if field is None:
            return None
        if field.message_type is not None:
            fields = field.message_type.fields_by_name
    return field  # type: ignore[return-value]


def _shown(rule: str, value: object) -> str:
    if rule == "required":
        return "nothing"
    if isinstance(value, Message):
        return "a message"
    if rule.startswith("repeated.") and hasattr(value, "__len__"):
        return f"{len(value)} items"
    text = repr(value)
    if len(text) <= _VALUE_LENGTH_MAX:
        return text
    size = f" ({len(value)} characters)" if isinstance(value, str) else ""
    return f"{text[:_VALUE_LENGTH_MAX]}...{size}"


def _accepted(violation: Violation, field: FieldDescriptor | None) -> str:
    rule = violation.proto.rule_id
    if field is not None and field.enum_type is not None and rule.startswith("enum."):
        names = [
            value.name
            for value in field.enum_type.values
            if value.number or not rule.endswith("not_in")
        ]
        return f"one of {', '.join(names)}"
    if rule in ("string.min_len", "string.max_len", "string.pattern") and (
        field is not None and _is_id(field.name)
    ):
        return ID_ACCEPTED
    return _WORDS.get(rule) or violation.proto.message


def _is_id(name: str) -> bool:
    return name.endswith("_id") or name in ("sku", "category", "owner")
