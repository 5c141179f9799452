"""Rows of a table as Arrow columns, without looking at each cell one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.arrow_types import ARROW_TYPES
from server.files.cell import Leaf, is_empty, parse_cell
from server.files.columns import COLUMNS, Column, ColumnType, Kind
from server.files.message import to_message_dict

BoolArray = NDArray[np.bool_]

# A server takes no lists by the column.
_LIST = ColumnType.TEXT_LIST

# Texts that Arrow reads as `parse_cell` does, all of a column at once. Whatever is
# written otherwise goes to that one by one: "+7", " 7 ", or a fault.
_PLAIN: Mapping[ColumnType, str] = MappingProxyType(
    {
        ColumnType.INT32: r"^-?[0-9]{1,9}$",
        ColumnType.INT64: r"^-?[0-9]{1,18}$",
        ColumnType.FLOAT: r"^-?[0-9]{1,17}(\.[0-9]{1,17})?$",
        ColumnType.TIME: r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
        r"(\.[0-9]{1,6})?Z$",
    }
)

# What a Parquet value is in Python, where that says all that there is to it. An
# instant without a zone is in UTC already, to both.
_SAME: Mapping[ColumnType, frozenset[type]] = MappingProxyType(
    {
        ColumnType.BOOL: frozenset({bool}),
        ColumnType.TIME: frozenset({datetime}),
    }
)


@dataclass(frozen=True, slots=True)
class RowColumns:
    """
    The rows of a table that can be read, as columns.

    Parameters
    ----------
    batch
        A pyarrow RecordBatch; what is empty is null.
    rows
        Which of the rows each of its rows is, ascending.
    faults
        What is wrong with the others, by row.
    """

    batch: Any
    rows: Sequence[int]
    faults: Mapping[int, tuple[FieldViolation, ...]]


def to_columns(rows: Sequence[Mapping[str, object]], kind: Kind) -> RowColumns:
    """
    Turn rows into columns, as :func:`to_message_dict` turns each into a message.

    Parameters
    ----------
    rows
        Values by column name, of columns that the kind has; text, or what a Parquet
        value is in Python.
    kind
        What the rows are: demands or return items.

    Returns
    -------
    RowColumns
        The same rows are read, with the same values, and the same is wrong with the
        others. Ranges are not checked here: the contract does that.
    """
    columns = [each for each in COLUMNS[kind].values() if each.type is not _LIST]
    bad = np.zeros(len(rows), np.bool_)
    arrays = {}
    for column in columns:
        values = [row.get(column.name) for row in rows]
        array = _array(column, values, bad)
        if column.required:
            bad |= array.is_null().to_numpy(zero_copy_only=False)
        if array.null_count < len(rows) or column.required:
            arrays[column.name] = array
    faults = {at: _faults(rows[at], kind) for at in np.nonzero(bad)[0].tolist()}
    batch = pa.RecordBatch.from_pydict(arrays).filter(pa.array(~bad))
    return RowColumns(batch, np.nonzero(~bad)[0].tolist(), faults)


def _faults(row: Mapping[str, object], kind: Kind) -> tuple[FieldViolation, ...]:
    try:
        to_message_dict(row, kind)
    except InvalidValueError as error:
        return error.violations
    raise AssertionError("a row that was found faulty has a fault")


def _array(column: Column, values: list[object], bad: BoolArray) -> Any:
    """Return a column; rows whose value is not acceptable are noted, and null."""
    kinds = {type(value) for value in values} - {type(None)}
    arrow = ARROW_TYPES[column.type]
    if kinds <= {str}:
        if column.type is ColumnType.TEXT:
            return _null_if_empty(pa.array(values, arrow))
        if column.type in _PLAIN:
            return _read_at_once(column, values, bad)
        return _looked_up(column, values, bad)
    if kinds <= _SAME.get(column.type, frozenset()):
        return pa.array(values, arrow)
    if kinds == {float} and column.type is ColumnType.FLOAT:
        found = pa.array(values, arrow)
        bad |= ~pc.is_finite(found).fill_null(True).to_numpy(zero_copy_only=False)
        return found
    # Whole numbers with gaps come as floats, truth values are numbers to Python, and
    # there is no end of what Parquet may hold: each of those is looked at.
    return pa.array(_parsed(column, values, range(len(values)), bad), arrow)


def _read_at_once(column: Column, values: list[object], bad: BoolArray) -> Any:
    texts = _null_if_empty(pa.array(values, pa.string()))
    plain = pc.match_substring_regex(texts, _PLAIN[column.type]).fill_null(True)
    arrow = ARROW_TYPES[column.type]
    odd = np.nonzero(~plain.to_numpy(zero_copy_only=False))[0].tolist()
    try:
        found = pc.if_else(plain, texts, pa.scalar(None, pa.string())).cast(arrow)
    except pa.ArrowInvalid:
        # A day that no month has, say.
        return pa.array(_parsed(column, values, range(len(values)), bad), arrow)
    if not odd:
        return found
    looked_at = pa.array(_parsed(column, values, odd, bad), arrow)
    return pc.if_else(plain, found, looked_at)


def _looked_up(column: Column, values: list[object], bad: BoolArray) -> Any:
    # Of many rows most say the same few things, each of which is looked at once.
    texts = _null_if_empty(pa.array(values, pa.string())).dictionary_encode()
    different = texts.dictionary.to_pylist()
    is_bad = np.zeros(len(different), np.bool_)
    found = _parsed(column, different, range(len(different)), is_bad)
    index = texts.indices
    if is_bad.any():
        bad |= (
            pa.array(is_bad).take(index).fill_null(False).to_numpy(zero_copy_only=False)
        )
    return pa.array(found, ARROW_TYPES[column.type]).take(index)


def _parsed(
    column: Column, values: list[object], places: Sequence[int], bad: BoolArray
) -> list[object]:
    found: list[object] = [None] * len(values)
    finished = _FINISHED.get(column.type, _as_it_is)
    for at in places:
        value = values[at]
        if is_empty(value):
            continue
        try:
            found[at] = finished(parse_cell(column, value))
        except (ValueError, OverflowError):
            bad[at] = True
    return found


def _null_if_empty(texts: Any) -> Any:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _as_it_is(leaf: Leaf) -> object:
    return leaf


def _instant(leaf: Leaf) -> object:
    assert isinstance(leaf, str)
    return datetime.fromisoformat(leaf)


_FINISHED: Mapping[ColumnType, Callable[[Leaf], object]] = MappingProxyType(
    {ColumnType.TIME: _instant}
)
