"""Field and enum numbers of the contract stay what they were."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import nearturn.v1
from server.api.access_rules import role_of

# One line per field and enum value: a changed or missing line breaks callers, a new
# one is added here with the change that brings it.
RECORDED = Path(__file__).with_name("field_numbers.txt")


def _modules() -> list[Any]:
    folder = Path(nearturn.v1.__path__[0])
    names = sorted(path.stem for path in folder.glob("*_pb2.py"))
    return [import_module(f"nearturn.v1.{name}") for name in names]


def current() -> list[str]:
    """Return the lines of the contract as it is."""
    lines = []
    for module in _modules():
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            lines += [f"{enum.name}.{v.name} = {v.number}" for v in enum.values]
        for message in module.DESCRIPTOR.message_types_by_name.values():
            lines += [_field_line(message.name, field) for field in message.fields]
        for service in module.DESCRIPTOR.services_by_name.values():
            lines += [
                f"{service.name}.{method.name}({_stream(method.client_streaming)}"
                f"{method.input_type.name}) -> {_stream(method.server_streaming)}"
                f"{method.output_type.name} [{_role(method)}]"
                for method in service.methods
            ]
    return sorted(lines)


def _field_line(message: str, field: Any) -> str:
    kind = field.message_type or field.enum_type
    name = kind.full_name if kind is not None else f"type {field.type}"
    repeated = "repeated " if field.is_repeated else ""
    return f"{message}.{field.name} = {field.number} {repeated}{name}"


def _role(method: Any) -> str:
    role = role_of(method)
    return role.name if role else "nobody"


def _stream(is_stream: bool) -> str:
    return "stream " if is_stream else ""


def test_the_contract_is_as_recorded():
    """
    No field, number, type or method has changed, gone or come unrecorded.

    The schema's own check compares with the last commit; this one with what was
    promised, however long ago.
    """
    recorded = RECORDED.read_text(encoding="utf-8").splitlines()
    assert current() == recorded
