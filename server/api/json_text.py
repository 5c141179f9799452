"""Messages as JSON: what the browser's door takes and gives."""

from __future__ import annotations

import re
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from matcher.domain.errors import FieldViolation, InvalidValueError

M = TypeVar("M", bound=Message)

# Of the library's texts: `Failed to parse NAME field: ... at Message.path[0].to.field.`
_OUTER = re.compile(r"^(Failed to parse \w+ field: )+")
_PLACE = re.compile(r' at "?\w+((?:\.\w+|\[\d+\])*)"?\.*$')

_COMPLAINT_LENGTH_MAX = 120


class JsonText(bytes):
    """A request in JSON, where handlers otherwise get the bytes of protobuf."""

    __slots__ = ()


def from_json(kind: type[M], text: bytes) -> M:
    """
    Read a message from JSON.

    Nothing is passed over: what is no field of the message, or no value of an enum,
    is an error, for whoever misspells a name would otherwise not hear of it.

    Raises
    ------
    InvalidValueError
        If the text is no such message; it names the field where the text has one.
    """
    message = kind()
    try:
        if not text.lstrip(b" \t\r\n").startswith(b"{"):
            # An empty list would pass for an empty message.
            raise json_format.ParseError("not an object")
        json_format.Parse(text, message)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValueError.of([_violation(kind, str(error))]) from error
    return message


def to_json(message: Message) -> bytes:
    """Return a message as JSON, in one line of UTF-8."""
    text = json_format.MessageToJson(message, indent=None, ensure_ascii=False)
    return text.encode()


def _violation(kind: type[Message], complaint: str) -> FieldViolation:
    # Behind the first line comes a list of all fields that there are.
    text = _OUTER.sub("", complaint.partition("\n")[0])
    place = _PLACE.search(text)
    found = place.group(1).lstrip(".") if place is not None else ""
    what = text[: place.start()] if place is not None else text
    return FieldViolation(
        _contract_name(found) or "message",
        f"JSON that does not fit ({what[:_COMPLAINT_LENGTH_MAX]})",
        f"a {kind.DESCRIPTOR.full_name} as the contract has it",
    )


def _contract_name(path: str) -> str:
    # Fields are named in one way, however callers wrote them.
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", path).lower()
