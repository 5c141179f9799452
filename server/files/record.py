"""Rows of a table as messages to be, faults beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.columns import Kind, check_columns
from server.files.mapping import TableMapping
from server.files.message import to_message_dict
from server.files.table import Row, Table


@dataclass(frozen=True, slots=True)
class Record:
    """
    One row of a table that counts.

    ``number`` is its position among all rows of the file, from 1, rows that a
    mapping leaves out included: what a checkpoint keeps. ``message`` is the JSON
    form of its message, or ``None`` where ``faults`` says why there is none.
    """

    number: int
    row: Row
    message: dict[str, object] | None
    faults: tuple[FieldViolation, ...] = ()


def read_records(
    table: Table,
    kind: Kind,
    mapping: TableMapping | None = None,
    *,
    rows_done: int = 0,
) -> Iterator[Record]:
    """
    Read a table as messages to be.

    Parameters
    ----------
    table
        The open table.
    kind
        What its rows are.
    mapping
        For a table with foreign columns.
    rows_done
        Rows to pass over: where an earlier load stopped.

    Returns
    -------
    iterator of Record
        In the order of the file; bad rows among them, with their faults.

    Raises
    ------
    InvalidValueError
        At once, if the columns are not those of the kind, or not those that the
        mapping reads, or the mapping is of another kind.
    """
    place = str(table.path)
    if mapping is None:
        check_columns(table.columns, kind, place)
    else:
        if mapping.kind is not kind:
            raise InvalidValueError(f"{mapping.place}: kind", mapping.kind.value, kind)
        mapping.check_source(table.columns, place)
    return _records(table, kind, mapping, rows_done)


def _records(
    table: Table, kind: Kind, mapping: TableMapping | None, rows_done: int
) -> Iterator[Record]:
    rows = enumerate(table.rows(), 1)
    for number, row in islice(rows, rows_done, None):
        if row.faults:
            yield Record(number, row, None, row.faults)
            continue
        try:
            if mapping is None:
                message = to_message_dict(row.values, kind)
            elif mapping.selects(row.values):
                message = to_message_dict(mapping.apply(row.values), kind)
            else:
                continue
        except InvalidValueError as error:
            yield Record(number, row, None, error.violations)
        else:
            yield Record(number, row, message)
