"""One condition of a mapping: which foreign rows count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from matcher.domain.errors import InvalidValueError
from server.files.cell import CellError, is_empty, parse_bool, parse_decimal

#: What a condition may compare with: what TOML can write.
Bound = str | bool | int | float | datetime | date


@dataclass(frozen=True, slots=True)
class Condition:
    """
    A foreign column and what it must be.

    Parameters
    ----------
    column
        Foreign column.
    one_of
        Values that it may have; empty where a range is given.
    at_least, below
        Ends of a range, the upper one excluded; ``None`` is open.

    Notes
    -----
    A foreign value is read as what it is compared with: as truth value, number,
    time (ISO 8601, in UTC where it has no zone) or text. An empty value meets no
    condition.
    """

    column: str
    one_of: tuple[Bound, ...] = ()
    at_least: Bound | None = None
    below: Bound | None = None

    def holds(self, value: object) -> bool:
        """
        Tell whether a foreign value meets the condition.

        Raises
        ------
        InvalidValueError
            If it cannot be read as what it is compared with.
        """
        if is_empty(value):
            return False
        if self.one_of:
            return any(self._read(value, each) == _plain(each) for each in self.one_of)
        if self.at_least is not None and self._order(value, self.at_least) < 0:
            return False
        return self.below is None or self._order(value, self.below) < 0

    def _order(self, value: object, bound: Bound) -> int:
        left, right = self._read(value, bound), _plain(bound)
        # Both are of one type, which the bound decides.
        return (left > right) - (left < right)  # type: ignore[operator]

    def _read(self, value: object, bound: Bound) -> str | bool | Decimal | datetime:
        try:
            if isinstance(bound, bool):
                return parse_bool(value)
            if isinstance(bound, int | float):
                return parse_decimal(value)
            if isinstance(bound, date):
                return _moment(value)
        except ValueError:
            raise InvalidValueError(self.column, value, _what(bound)) from None
        return str(value)


def _plain(bound: Bound) -> str | bool | Decimal | datetime:
    if isinstance(bound, bool | str):
        return bound
    if isinstance(bound, int | float):
        return parse_decimal(bound)
    return _moment(bound)


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise CellError(value)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _what(bound: Bound) -> str:
    if isinstance(bound, bool):
        return "true or false"
    return "a number" if isinstance(bound, int | float) else "an ISO 8601 time"
