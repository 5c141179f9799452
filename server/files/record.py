"""Rows of a table as messages to be, faults beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.columns import Kind, check_columns
from server.files.mapping import TableMapping
from server.files.message import to_message_dict
from server.files.table import Row, Table


@dataclass(frozen=True, slots=True)
class NamedRow:
    """
    One row of a table that counts, under the names of its kind.

    ``number`` is its position among all rows of the file, from 1, rows that a
    mapping leaves out included: what a checkpoint keeps. ``values`` are those of the
    columns of the kind, not looked at yet, or ``None`` where ``faults`` says why there
    are none.
    """

    number: int
    row: Row
    values: Mapping[str, object] | None
    faults: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """
    One row of a table that counts, read.

    ``number`` is that of the :class:`NamedRow`. ``message`` is the JSON form of its
    message, or ``None`` where ``faults`` says why there is none.
    """

    number: int
    row: Row
    message: dict[str, object] | None
    faults: tuple[FieldViolation, ...] = ()


def read_named(
    table: Table,
    kind: Kind,
    mapping: TableMapping | None = None,
    *,
    rows_done: int = 0,
) -> Iterator[NamedRow]:
    """
    Read a table row by row, foreign columns under the names that a mapping gives them.

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
    iterator of NamedRow
        In the order of the file; rows that cannot be read or mapped among them, with
        their faults.

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
    return _named(table, mapping, rows_done)


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
    named = read_named(table, kind, mapping, rows_done=rows_done)
    return (to_record(each, kind) for each in named)


def to_record(named: NamedRow, kind: Kind) -> Record:
    """Read the values of a row."""
    number, row, faults = named.number, named.row, named.faults
    if named.values is None:
        return Record(number, row, None, faults)
    try:
        return Record(number, row, to_message_dict(named.values, kind))
    except InvalidValueError as error:
        return Record(number, row, None, error.violations)


def _named(
    table: Table, mapping: TableMapping | None, rows_done: int
) -> Iterator[NamedRow]:
    for number, row in islice(enumerate(table.rows(), 1), rows_done, None):
        if row.faults:
            yield NamedRow(number, row, None, row.faults)
        elif mapping is None:
            yield NamedRow(number, row, row.values)
        else:
            try:
                if not mapping.selects(row.values):
                    continue
                values = mapping.apply(row.values)
            except InvalidValueError as error:
                yield NamedRow(number, row, None, error.violations)
            else:
                yield NamedRow(number, row, values)
