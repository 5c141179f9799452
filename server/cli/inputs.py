"""Rows of files as messages that keep every rule of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from matcher.domain.errors import FieldViolation, InvalidValueError
from matcher.domain.policy import Policy
from nearturn.v1 import demand_pb2, network_pb2, policy_pb2, return_item_pb2
from server.api.convert.policy import to_policy
from server.api.validation import check, violations
from server.files import (
    Kind,
    Record,
    RejectedWriter,
    Row,
    Table,
    TableMapping,
    open_table,
    read_document,
    read_mapping,
    read_records,
)

_MESSAGES: dict[Kind, type[Message]] = {
    Kind.DEMAND: demand_pb2.Demand,
    Kind.RETURN_ITEM: return_item_pb2.ReturnItem,
    Kind.WAREHOUSE: network_pb2.Warehouse,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with its message, or with what is wrong with it."""

    number: int
    row: Row
    message: Message | None
    faults: tuple[FieldViolation, ...] = ()


def read_mappings(paths: Sequence[Path]) -> dict[Kind, TableMapping]:
    """
    Read mapping files, one per kind of table.

    Raises
    ------
    InvalidValueError
        If one is faulty, or two are of one kind.
    """
    found: dict[Kind, TableMapping] = {}
    for path in paths:
        mapping = read_mapping(path)
        if mapping.kind in found:
            raise InvalidValueError(
                "mapping", str(path), f"one mapping for {mapping.kind.value}"
            )
        found[mapping.kind] = mapping
    return found


def read_entries(
    table: Table, kind: Kind, mapping: TableMapping | None, *, rows_done: int = 0
) -> Iterator[Entry]:
    """Read a table as checked messages, faulty rows among them."""
    for record in read_records(table, kind, mapping, rows_done=rows_done):
        yield to_entry(record, kind)


def read_all(
    path: Path, kind: Kind, mapping: TableMapping | None, *, skip_bad_rows: bool
) -> list[Message]:
    """
    Read a whole table.

    Raises
    ------
    InvalidValueError
        If a row is faulty, unless such rows are to be skipped: then they go to the
        file beside the input.
    """
    table = open_table(path)
    rejected = RejectedWriter(path, kind, table.columns) if skip_bad_rows else None
    messages: list[Message] = []
    faults: list[FieldViolation] = []
    for entry in read_entries(table, kind, mapping):
        if entry.message is not None:
            messages.append(entry.message)
        elif rejected is not None:
            rejected.write(entry.row, entry.faults)
        else:
            place = f"{path.name} line {entry.row.line}"
            faults.extend(
                FieldViolation(f"{place}: {each.field}", each.value, each.accepted)
                for each in entry.faults
            )
            if len(faults) >= _FAULTS_MAX:
                break
    if faults:
        raise InvalidValueError.of(faults[:_FAULTS_MAX])
    return messages


def read_policy(path: Path) -> Policy:
    """Read a policy from the JSON or TOML form of its message."""
    message = read_policy_message(path)
    try:
        return to_policy(message)
    except InvalidValueError as error:
        raise error.under(path.name) from error


def read_policy_message(path: Path) -> policy_pb2.Policy:
    """
    Read the message itself, checked against the contract.

    Raises
    ------
    InvalidValueError
        With every fault of the document.
    """
    message = policy_pb2.Policy()
    try:
        ParseDict(read_document(path), message)
    except ParseError as error:
        raise InvalidValueError(
            str(path), str(error), "a Policy in JSON or TOML"
        ) from error
    try:
        check(message)
    except InvalidValueError as error:
        raise error.under(path.name) from error
    return message


_FAULTS_MAX = 20


def to_entry(record: Record, kind: Kind) -> Entry:
    """Make a record the message that it stands for, and check that."""
    if record.message is None:
        return Entry(record.number, record.row, None, tuple(record.faults))
    message = _MESSAGES[kind]()
    try:
        ParseDict(record.message, message)
    except ParseError as error:
        fault = FieldViolation("row", str(error)[:200], "what the contract says")
        return Entry(record.number, record.row, None, (fault,))
    faults = violations(message)
    if faults:
        return Entry(record.number, record.row, None, tuple(faults))
    return Entry(record.number, record.row, message)
