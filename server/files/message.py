"""Rows of columns to the nested dicts that become messages."""

from __future__ import annotations

from collections.abc import Mapping

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.cell import Leaf, is_empty, parse_cell
from server.files.columns import COLUMNS, Kind, explain_unknown


def to_message_dict(row: Mapping[str, object], kind: Kind) -> dict[str, object]:
    """
    Turn one row into the JSON form of its message.

    Parameters
    ----------
    row
        Values by column name; text, or what a Parquet value is in Python. Empty
        values are left out.
    kind
        What the row is.

    Returns
    -------
    dict
        Nested as the message is; goes into ``json_format.ParseDict`` as it stands.
        Ranges are not checked here: the contract does that.

    Raises
    ------
    InvalidValueError
        With every column whose value is not acceptable, required and empty, or
        unknown.
    """
    columns = COLUMNS[kind]
    message: dict[str, object] = {}
    faults: list[FieldViolation] = []
    for name, value in row.items():
        if name not in columns:
            faults.append(_fault(name, value, explain_unknown(name, columns)))
        elif not is_empty(value):
            column = columns[name]
            try:
                _place(message, name, parse_cell(column, value))
            except (ValueError, OverflowError):
                faults.append(_fault(name, value, column.accepted))
    faults.extend(
        FieldViolation(name, "nothing", column.accepted)
        for name, column in columns.items()
        if column.required and is_empty(row.get(name))
    )
    if faults:
        raise InvalidValueError.of(faults)
    return message


def _fault(name: str, value: object, accepted: str) -> FieldViolation:
    # The exception shortens a hostile value for us.
    return InvalidValueError(name, value, accepted).violations[0]


def _place(message: dict[str, object], name: str, leaf: Leaf) -> None:
    outer, dot, inner = name.partition(".")
    if not dot:
        message[outer] = leaf
        return
    part = message.setdefault(outer, {})
    assert isinstance(part, dict)
    part[inner] = leaf
