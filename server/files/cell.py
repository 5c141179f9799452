"""One value of a table: from text or a Parquet value to the JSON form of a field."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import (
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
    Subnormal,
)
from types import MappingProxyType

from server.files.columns import Column, ColumnType

#: What a field of a message may be in the JSON form: a leaf.
Leaf = str | int | float | bool | list[str]

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LIST_PART = re.compile(r"(?:\\[\\;]|[^;])*")
# 60 digits hold any product of a 64-bit number and a scale.
_EXACT = Context(
    prec=60, Emin=-60, Emax=60, traps=[Inexact, Overflow, Subnormal, InvalidOperation]
)
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


class CellError(ValueError):
    """A value is not what it should be; who asked knows what that was."""


def is_empty(value: object) -> bool:
    """Tell whether a value says nothing: an empty text, or a Parquet null."""
    return value is None or value == ""


def parse_cell(column: Column, value: object) -> Leaf:
    """
    Turn a value into the JSON form of its field.

    Parameters
    ----------
    column
        What the value is of.
    value
        Text of a CSV cell, or what a Parquet value is in Python. Not empty.

    Returns
    -------
    str, int, float, bool or list of str
        What the JSON mapping of Protocol Buffers takes for the field.

    Raises
    ------
    CellError, ValueError, OverflowError
        If the value is not acceptable; ``column.accepted`` says what would be.
    """
    return _PARSERS[column.type](column, value)


def join_list(texts: tuple[str, ...]) -> str:
    """Write texts as one cell; a ``;`` or backslash in a text gets a backslash."""
    return ";".join(re.sub(r"([\\;])", r"\\\1", text) for text in texts)


def time_text(moment: datetime) -> str:
    """Write an instant as RFC 3339 in UTC; one without a zone is UTC already."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_bool(value: object) -> bool:
    """Read true or false; yes, no, 1 and 0 count as well, in any case."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise CellError(value)


def multiply_exactly(number: Decimal, factor: Decimal) -> Decimal:
    """
    Multiply without rounding.

    Raises
    ------
    CellError
        If the product has more than 60 digits, or an exponent beyond 60.
    """
    try:
        return _EXACT.multiply(number, factor)
    except DecimalException:
        raise CellError(number) from None


def parse_decimal(value: object) -> Decimal:
    """
    Read a number as it is written.

    A float stands for its shortest decimal text, so 12.34 is 12.34 exactly.
    """
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, bool):
        raise CellError(value)
    else:
        text = repr(value) if isinstance(value, int | float) else str(value).strip()
        if not _NUMBER.fullmatch(text):
            raise CellError(value)
        number = Decimal(text)
    if not number.is_finite():
        raise CellError(value)
    return number


def _parse_text(_: Column, value: object) -> str:
    # A whole number is a usable id; a float or a truth value is a mistake.
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise CellError(value)


def _parse_whole(value: object, bits: int) -> int:
    if isinstance(value, bool):
        raise CellError(value)
    if isinstance(value, str):
        text = value.strip()
        # No number of 64 bits is longer, and int() of a long text is slow.
        if len(text) > 40 or not _WHOLE.fullmatch(text):
            raise CellError(value)
        number = int(text)
    elif isinstance(value, int):
        number = value
    elif isinstance(value, float | Decimal):
        # A column of whole numbers with nulls comes as floats. The range goes first:
        # 1e999999999 is a short Decimal and a very long int.
        number = int(value) if _in_bits(value, bits) else 0
        if number != value:
            raise CellError(value)
    else:
        raise CellError(value)
    if not _in_bits(number, bits):
        raise CellError(value)
    return number


def _in_bits(number: float | Decimal, bits: int) -> bool:
    return -(1 << (bits - 1)) <= number < 1 << (bits - 1)


def _parse_int32(_: Column, value: object) -> int:
    return _parse_whole(value, 32)


def _parse_int64(_: Column, value: object) -> int:
    return _parse_whole(value, 64)


def _parse_float(_: Column, value: object) -> float:
    if isinstance(value, bool):
        raise CellError(value)
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            raise CellError(value)
        number = float(text)
    elif isinstance(value, int | float | Decimal):
        number = float(value)
    else:
        raise CellError(value)
    if not math.isfinite(number):
        raise CellError(value)
    return number


def _parse_bool(_: Column, value: object) -> bool:
    return parse_bool(value)


def _parse_time(_: Column, value: object) -> str:
    if isinstance(value, datetime):
        return time_text(value)
    text = value.strip() if isinstance(value, str) else ""
    if not _TIME.fullmatch(text):
        raise CellError(value)
    # Digits past the microsecond are cut: nearturn keeps no finer time.
    return time_text(datetime.fromisoformat(text.upper()))


def _parse_enum(column: Column, value: object) -> str:
    if not isinstance(value, str):
        raise CellError(value)
    label = value.strip().upper().removeprefix(column.prefix)
    if label not in column.labels:
        raise CellError(value)
    return column.prefix + label


def _parse_list(_: Column, value: object) -> list[str]:
    if isinstance(value, list):
        if not all(isinstance(text, str) for text in value):
            raise CellError(value)
        return value
    if not isinstance(value, str):
        raise CellError(value)
    return [re.sub(r"\\([\\;])", r"\1", part) for part in _list_parts(value)]


def _list_parts(text: str) -> list[str]:
    parts: list[str] = []
    start = 0
    while start <= len(text):
        found = _LIST_PART.match(text, start)
        assert found is not None, "the pattern matches the empty text"
        parts.append(found.group())
        start = found.end() + 1
    return parts


_PARSERS: Mapping[ColumnType, Callable[[Column, object], Leaf]] = MappingProxyType(
    {
        ColumnType.TEXT: _parse_text,
        ColumnType.INT32: _parse_int32,
        ColumnType.INT64: _parse_int64,
        ColumnType.FLOAT: _parse_float,
        ColumnType.BOOL: _parse_bool,
        ColumnType.TIME: _parse_time,
        ColumnType.ENUM: _parse_enum,
        ColumnType.TEXT_LIST: _parse_list,
    }
)
