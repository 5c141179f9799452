"""What the rules of the schema accept, in words that people can act on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration

from nearturn.buf.validate import validate_pb2

#: What each pattern of the schema asks for: nobody should have to read a regular
#: expression in an error.
PATTERN_WORDS = {
    r"^[^\p{C}\p{Zl}\p{Zp}]*$": "printable characters",
    r"^[^\p{C}\p{Zl}\p{Zp}]*[\p{L}\p{N}][^\p{C}\p{Zl}\p{Zp}]*$": (
        "printable characters, a letter or digit among them"
    ),
    r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$": (
        "a language tag, such as de, pt-BR or zh-Hant"
    ),
    r"^([A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3})?$": (
        "a language tag, such as de or de-AT, or nothing"
    ),
    "^[A-Z]{3}$": "three capital letters, as in ISO 4217",
    "^([A-Z]{2})?$": "two capital letters, as in ISO 3166-1, or nothing",
}

#: What the rules written as expressions ask for, by their ids.
EXPRESSION_WORDS = {
    "latlng.latitude": "finite degrees from -90 to 90",
    "latlng.longitude": "finite degrees from -180 to 180",
}

_NUMBERS = ("int32", "int64", "double")

# The rules of a field are messages that come without annotations, hence Any below.


def accepted_by(field: FieldDescriptor, *, is_item: bool = False) -> str:
    """
    Say what a field accepts, all its rules together.

    Parameters
    ----------
    field
        A field of the contract.
    is_item
        Ask for one item of a repeated field instead of the whole list.

    Returns
    -------
    str
        Such as "1 to 1,000,000" or "1 to 128 printable characters".
    """
    rules = field.GetOptions().Extensions[validate_pb2.field]
    if is_item:
        rules = rules.repeated.items
    kind = rules.WhichOneof("type")
    if kind == "string":
        return _text(rules.string)
    if kind == "enum":
        return _names(field, rules.enum)
    if kind == "repeated":
        return _items(rules.repeated)
    if kind == "duration":
        spans = rules.duration
        return f"{seconds_text(spans.gte)} to {seconds_text(spans.lte)}"
    if kind == "bytes":
        return f"{rules.bytes.min_len:,} to {rules.bytes.max_len:,} bytes"
    if kind in _NUMBERS:
        return _range(getattr(rules, kind))
    if field.message_type is not None:
        return f"a {field.message_type.name}"
    return "a value"


def accepted_by_oneof(names: Iterable[str]) -> str:
    """Say that exactly one field of a group must be set, and name them."""
    return f"exactly one of {', '.join(names)}"


def seconds_text(span: Duration) -> str:
    """Return a duration in seconds, with its fraction if there is one."""
    fraction = f"{abs(span.nanos):09d}".rstrip("0")
    sign = "-" if span.seconds < 0 or span.nanos < 0 else ""
    return f"{sign}{abs(span.seconds):,}{'.' if fraction else ''}{fraction} s"


def _text(rules: Any) -> str:
    if rules.uuid:
        return "a UUID, such as 123e4567-e89b-42d3-a456-426614174000"
    what = PATTERN_WORDS[rules.pattern] if rules.pattern else "characters"
    if rules.max_bytes:
        return f"{rules.min_len:,} to {rules.max_bytes:,} bytes"
    if not rules.max_len:
        return what
    if not rules.min_len:
        return f"at most {rules.max_len:,} {what}"
    return f"{rules.min_len:,} to {rules.max_len:,} {what}"


def _names(field: FieldDescriptor, rules: Any) -> str:
    assert field.enum_type is not None, f"{field.full_name} has an enum's rules"
    refused, chosen = set(rules.not_in), set(getattr(rules, "in"))
    names = [
        each.name
        for each in field.enum_type.values
        if each.number not in refused and (not chosen or each.number in chosen)
    ]
    return f"one of {', '.join(names)}"


def _items(rules: Any) -> str:
    once = ", each once" if rules.unique else ""
    if rules.min_items:
        return f"{rules.min_items:,} to {rules.max_items:,} items{once}"
    return f"at most {rules.max_items:,} items{once}"


def _range(rules: Any) -> str:
    finite = "finite, " if getattr(rules, "finite", False) else ""
    if not rules.HasField("lte"):
        return f"{finite}{_number(rules.gte)} or more"
    return f"{finite}{_number(rules.gte)} to {_number(rules.lte)}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
