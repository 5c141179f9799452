"""One rule of a mapping: where a column's value comes from, and how it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal

from matcher.domain.errors import InvalidValueError
from server.files.cell import CellError, is_empty, multiply_exactly, parse_decimal
from server.files.text_cell import cell_text

#: Numbers since the epoch that a ``format`` may name, in microseconds each.
UNIX_FORMATS: Mapping[str, int] = {"unix_s": 1_000_000, "unix_ms": 1_000, "unix_us": 1}

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# Beyond the years 1 to 9999, and short of what makes int() slow.
_UNIX_US_MAX = 10**18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimeRule:
    """
    How a time is read.

    Parameters
    ----------
    format
        ``strptime`` format, a name of :data:`UNIX_FORMATS`, or empty: ISO 8601.
    zone
        Of times that carry none.
    offset
        Added to the time.
    """

    format: str = ""
    zone: tzinfo = UTC
    offset: timedelta = timedelta(0)

    @property
    def accepted(self) -> str:
        """What a value may be, in words."""
        return f"a time as {self.format}" if self.format else "an ISO 8601 time"

    def moment(self, value: object) -> datetime:
        """
        Read a value as an instant, the offset added.

        Raises
        ------
        ValueError, OverflowError
            If it is no such time, or the years 1 to 9999 do not hold it.
        """
        moment = self._read(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        return moment.astimezone(UTC) + self.offset

    def _read(self, value: object) -> datetime:
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime.combine(value, time())
        if self.format in UNIX_FORMATS:
            micros = multiply_exactly(
                parse_decimal(value), Decimal(UNIX_FORMATS[self.format])
            )
            if abs(micros) > _UNIX_US_MAX:
                raise CellError(value)
            return _EPOCH + timedelta(microseconds=int(micros))
        if not isinstance(value, str):
            raise CellError(value)
        if self.format:
            # A zone, where the text has none, is set by the caller.
            return datetime.strptime(value.strip(), self.format)  # noqa: DTZ007
        return datetime.fromisoformat(value.strip())


@dataclass(frozen=True, slots=True)
class FieldRule:
    """
    Where the value of one column comes from, and how it is made.

    Parameters
    ----------
    target
        Column of ours that is filled.
    column
        Foreign column whose value is taken; empty where one of the next two is given.
    template
        Text with foreign columns in braces.
    constant
        Value of every row.
    values
        Table from foreign values, as text, to ours; ``None`` leaves them as they
        are.
    default
        For empty values, and those that are not in the table.
    scale
        Factor that the value, a number, is multiplied by, exactly.
    time
        How a time is read, where the column is one.
    """

    target: str
    column: str = ""
    template: str = ""
    constant: object = None
    values: Mapping[str, object] | None = None
    default: object = None
    scale: Decimal | None = None
    time: TimeRule | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Foreign columns that the rule reads."""
        if self.column:
            return (self.column,)
        return tuple(_PLACEHOLDER.findall(self.template))

    def value(self, row: Mapping[str, object]) -> object:
        """
        Make the value of one row; ``None`` where there is nothing to make it of.

        Raises
        ------
        InvalidValueError
            If the foreign value is not in the table, no number, or no time.
        """
        found = self._found(row)
        if is_empty(found):
            return self.default
        if self.values is not None:
            return self._listed(cell_text(found))
        if self.scale is not None:
            return self._scaled(found, self.scale)
        if self.time is not None:
            try:
                return self.time.moment(found)
            except (ValueError, OverflowError):
                raise InvalidValueError(
                    self.target, found, self.time.accepted
                ) from None
        return found

    def _found(self, row: Mapping[str, object]) -> object:
        if self.column:
            return row.get(self.column)
        if not self.template:
            return self.constant
        # Half an id is no id: one empty part makes the whole empty.
        if any(is_empty(row.get(name)) for name in self.sources):
            return None
        return _PLACEHOLDER.sub(
            lambda found: cell_text(row.get(found.group(1))), self.template
        )

    def _listed(self, text: str) -> object:
        assert self.values is not None
        if text in self.values:
            return self.values[text]
        if self.default is not None:
            return self.default
        raise InvalidValueError(self.target, text, ", ".join(self.values))

    def _scaled(self, found: object, scale: Decimal) -> object:
        try:
            # A float column takes the nearest float; a whole one is checked later.
            return multiply_exactly(parse_decimal(found), scale)
        except ValueError:
            raise InvalidValueError(self.target, found, "a number") from None
