"""The columns of a chunk as arrays, with what is wrong by row and field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.api.bulk.column_rules import ColumnRule
from server.api.bulk.row_fault import RowFault
from server.api.bulk.text_values import TextValues
from server.api.validation import LISTED_MAX
from server.files.columns import ColumnType, explain_unknown

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Faults that are told of one chunk; more are only counted.
FAULTS_LISTED_MAX = 1_000

_VALUE_LENGTH_MAX = 80
_UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_SECOND_US = 1_000_000

_TEXT = "string, large_string, or a dictionary of them"
_INTEGER = "integers of 8 to 64 bits"
_ARROW_TYPES = {
    ColumnType.TEXT: _TEXT,
    ColumnType.INT32: _INTEGER,
    ColumnType.INT64: _INTEGER,
    ColumnType.FLOAT: "float or double",
    ColumnType.BOOL: "bool",
    ColumnType.TIME: "timestamp with a time zone",
    ColumnType.ENUM: f"{_TEXT}; or {_INTEGER}",
}


class ColumnReader:
    """
    Reads columns one by one and keeps what is wrong with them.

    Parameters
    ----------
    table
        A chunk, as :func:`~server.api.bulk.arrow_chunk.read_chunk` gives it.
    rules
        Which columns there may be.
    field
        Which field of the request it came in, for errors.

    Attributes
    ----------
    bad
        Rows with a fault so far, ``bool (n,)``.
    faults
        What is wrong: every fault, or a thousand of each column.

    Raises
    ------
    InvalidValueError
        If a column is unknown, comes twice, is missing, or is of another type.
    """

    def __init__(self, table: Any, rules: Mapping[str, ColumnRule], field: str) -> None:
        _check_schema(table.schema, rules, field)
        self._table = table
        self._rules = rules
        self._names = frozenset(table.schema.names)
        self.count: int = table.num_rows
        self.bad: BoolArray = np.zeros(self.count, np.bool_)
        self.faults: list[RowFault] = []

    def texts(self, name: str) -> TextValues:
        """Return a column of identifiers or names."""
        rule = self._rules[name]
        column = self._column(name)
        if column is None:
            return TextValues.empty(self.count)
        given = TextValues.of(column)
        found, bad = given.checked(allow_empty=not rule.low)
        if bad is not None:
            self._refuse(rule, bad, given.shown)
        return found

    def integers(self, name: str) -> IntArray:
        """Return a column of whole numbers; none is 0."""
        rule = self._rules[name]
        column = self._column(name)
        values = _integers(column, self.count)
        bad = (values < int(rule.low)) | (values > int(rule.high))
        self._refuse(rule, bad, lambda row: repr(int(values[row])))
        return np.where(bad, int(rule.low), values).astype(np.int64, copy=False)

    def numbers(self, name: str) -> tuple[FloatArray, BoolArray]:
        """Return a column of numbers, and which rows have one; -0.0 is 0.0."""
        rule = self._rules[name]
        column = self._column(name)
        known = self._known(rule, column)
        if column is None:
            return np.zeros(self.count), known
        raw = column.cast(pa.float64()).fill_null(0.0)
        values = raw.to_numpy(zero_copy_only=False) + 0.0
        # NaN compares false, so that it is refused too.
        bad = ~((values >= rule.low) & (values <= rule.high))
        self._refuse(rule, bad, lambda row: repr(float(values[row])))
        return values, known

    def instants(self, name: str) -> tuple[IntArray, BoolArray]:
        """Return a column of instants in microseconds, and which rows have one."""
        rule = self._rules[name]
        column = self._column(name)
        known = self._known(rule, column)
        if column is None:
            return np.zeros(self.count, np.int64), known
        per_second = _UNITS_PER_SECOND[column.type.unit]
        raw = column.cast(pa.int64()).fill_null(0)
        values = raw.to_numpy(zero_copy_only=False)
        seconds = values // per_second
        bad = (seconds < rule.low) | (seconds > rule.high)
        unit = column.type.unit
        self._refuse(rule, bad, lambda row: f"{int(values[row])} {unit}")
        values = np.where(bad, 0, values)
        if per_second > _SECOND_US:
            return values // (per_second // _SECOND_US), known
        return values * (_SECOND_US // per_second), known

    def flags(self, name: str) -> BoolArray:
        """Return a column of truth values; none is false."""
        column = self._column(name)
        if column is None:
            return np.zeros(self.count, np.bool_)
        values: BoolArray = column.fill_null(False).to_numpy(zero_copy_only=False)
        return values

    def labels(self, name: str) -> NDArray[np.int8]:
        """Return a column of an enumeration as its numbers; none is 0."""
        rule = self._rules[name]
        column = self._column(name)
        if column is None or pa.types.is_integer(column.type):
            return self.integers(name).astype(np.int8)
        texts = TextValues.of(column)
        index, different = texts.encoded()
        known = {"": 0}
        for number, label in enumerate(rule.column.labels):
            known[label] = known[rule.column.prefix + label] = number
        numbers = np.array([known.get(each, -1) for each in different], np.int64)
        values = numbers[index]
        bad = (values < rule.low) | (values > rule.high)
        self._refuse(rule, bad, lambda row: texts.shown(row) if texts[row] else "0")
        return np.where(bad, int(rule.low), values).astype(np.int8)

    def has_any(self, names: list[str]) -> BoolArray:
        """Return which rows have a value in any of some columns."""
        found = np.zeros(self.count, np.bool_)
        for name in names:
            column = self._column(name)
            if column is not None:
                found |= column.is_valid().to_numpy(zero_copy_only=False)
        return found

    def _column(self, name: str) -> Any:
        # One array, or None where there is no such column or nothing in it.
        if name not in self._names:
            return None
        column = self._table.column(name)
        if pa.types.is_null(column.type):
            return None
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def _known(self, rule: ColumnRule, column: Any) -> BoolArray:
        if column is None:
            known = np.zeros(self.count, np.bool_)
        else:
            known = column.is_valid().to_numpy(zero_copy_only=False)
        if rule.is_required:
            self._refuse(rule, ~known, lambda _: "nothing")
        return known

    def _refuse(
        self, rule: ColumnRule, bad: BoolArray, value: Callable[[int], str]
    ) -> None:
        if not bad.any():
            return
        self.bad |= bad
        rows = np.nonzero(bad)[0][:FAULTS_LISTED_MAX].tolist()
        self.faults += [
            RowFault(row, rule.name, value(row), rule.accepted) for row in rows
        ]


def _integers(column: Any, count: int) -> NDArray[Any]:
    if column is None:
        return np.zeros(count, np.int64)
    values: NDArray[Any] = column.fill_null(0).to_numpy(zero_copy_only=False)
    # Beyond 63 bits only what is unsigned reaches, and no rule accepts that.
    return values if values.dtype == np.uint64 else values.astype(np.int64)


def _check_schema(schema: Any, rules: Mapping[str, ColumnRule], field: str) -> None:
    counts = Counter(schema.names)
    faults = [
        FieldViolation(
            f"{field}.{name[:_VALUE_LENGTH_MAX]}",
            "no such column",
            explain_unknown(name[:_VALUE_LENGTH_MAX], rules),
        )
        for name in islice((each for each in counts if each not in rules), LISTED_MAX)
    ]
    for name, rule in rules.items():
        accepted = _ARROW_TYPES[rule.column.type]
        place = f"{field}.{name}"
        if counts[name] > 1:
            faults.append(FieldViolation(place, "twice", "each column once"))
        elif counts[name] == 1:
            arrow = schema.field(name).type
            if not _fits(arrow, rule.column.type):
                faults.append(FieldViolation(place, str(arrow), accepted))
        elif rule.column.required:
            faults.append(FieldViolation(place, "nothing", f"a column of {accepted}"))
    if faults:
        raise InvalidValueError.of(faults)


def _fits(arrow: Any, kind: ColumnType) -> bool:
    types = pa.types
    if types.is_null(arrow):
        return True
    is_text = _is_text(arrow) or (
        types.is_dictionary(arrow) and _is_text(arrow.value_type)
    )
    if kind is ColumnType.TEXT:
        return is_text
    if kind is ColumnType.ENUM:
        return bool(is_text or types.is_integer(arrow))
    if kind in {ColumnType.INT32, ColumnType.INT64}:
        return bool(types.is_integer(arrow))
    if kind is ColumnType.FLOAT:
        return bool(types.is_float32(arrow) or types.is_float64(arrow))
    if kind is ColumnType.BOOL:
        return bool(types.is_boolean(arrow))
    return bool(types.is_timestamp(arrow) and arrow.tz is not None)


def _is_text(arrow: Any) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow))
