"""Mapping files: TOML text to a checked mapping."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.cell import parse_cell, parse_decimal
from server.files.columns import COLUMNS, Column, ColumnType, Kind, explain_unknown
from server.files.mapping import TableMapping
from server.files.mapping_filter import Bound, Condition
from server.files.mapping_rule import UNIX_FORMATS, FieldRule, TimeRule

_TABLES = ("kind", "filter", "fields")
_SOURCES = ("column", "template", "constant")
_TIME_KEYS = ("format", "zone", "offset")
_KEYS = (*_SOURCES, "values", "default", "scale", *_TIME_KEYS)
_RANGE = ("from", "before")

_PLACEHOLDERS = re.compile(r"(?:[^{}]|\{[^{}]+\})*")
_OFFSET = re.compile(r"([+-])((?:[0-9]{1,6}[wdhms])+)")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_NUMBERS = (ColumnType.INT32, ColumnType.INT64, ColumnType.FLOAT)


def read_mapping(path: Path) -> TableMapping:
    """
    Read and check a mapping file; docs/MAPPING.md says what it may hold.

    Raises
    ------
    InvalidValueError
        If the file does not exist, is no TOML, or one of its keys is unknown,
        missing or not acceptable; it names file, table, key, value and what is
        accepted.
    """
    if not path.is_file():
        raise InvalidValueError("mapping", str(path), "a file that exists")
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidValueError(str(path), str(error), "TOML") from error
    place = str(path)
    _check_keys(f"{place}:", document, _TABLES)
    kind = _kind(place, document.get("kind"))
    filters = _table(f"{place}: filter", document.get("filter", {}))
    fields = _table(f"{place}: fields", document.get("fields", {}))
    rules = tuple(
        _rule(f"{place}: [fields] {column.name}", column, found)
        for column, found in _leaves(f"{place}: [fields]", fields, kind, "")
    )
    _check_complete(place, kind, rules)
    conditions = tuple(
        _condition(f"{place}: [filter] {name}", name, found)
        for name, found in filters.items()
    )
    return TableMapping(place, kind, conditions, rules)


def _kind(place: str, found: object) -> Kind:
    names = [kind.value for kind in Kind]
    if found not in names:
        raise InvalidValueError(f"{place}: kind", found, ", ".join(names))
    return Kind(str(found))


def _check_keys(place: str, table: Iterable[str], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise InvalidValueError(f"{place} {key}", key, explain_unknown(key, known))


def _table(place: str, found: object) -> dict[str, object]:
    if not isinstance(found, dict):
        raise InvalidValueError(place, found, "a table")
    return found


# `location.latitude = "lat"` makes a table in a table, as TOML has it; a quoted key
# does not. Both are the same column.
def _leaves(
    place: str, table: Mapping[str, object], kind: Kind, prefix: str
) -> Iterator[tuple[Column, object]]:
    known = COLUMNS[kind]
    for key, found in table.items():
        name = f"{prefix}{key}"
        if name in known:
            yield known[name], found
        elif isinstance(found, dict) and any(
            each.startswith(f"{name}.") for each in known
        ):
            yield from _leaves(place, found, kind, f"{name}.")
        else:
            raise InvalidValueError(
                f"{place} {name}", name, explain_unknown(name, known)
            )


def _check_complete(place: str, kind: Kind, rules: tuple[FieldRule, ...]) -> None:
    ruled = [rule.target for rule in rules]
    faults = [
        FieldViolation(
            f"{place}: [fields] {column.name}",
            "no rule",
            f"one rule: every {kind} needs it",
        )
        for column in COLUMNS[kind].values()
        if column.required and column.name not in ruled
    ]
    faults.extend(
        FieldViolation(f"{place}: [fields] {name}", "two rules", "one rule")
        for index, name in enumerate(ruled)
        if name in ruled[:index]
    )
    if faults:
        raise InvalidValueError.of(faults)


def _rule(place: str, column: Column, found: object) -> FieldRule:
    if isinstance(found, str):
        found = {"column": found}
    table = _table(place, found)
    _check_keys(place, table, _KEYS)
    given = [key for key in _SOURCES if key in table]
    if len(given) != 1:
        raise InvalidValueError(
            place, given, "exactly one of column, template, constant"
        )
    _check_making(place, column, table)
    return FieldRule(
        target=column.name,
        column=_text(place, table, "column"),
        template=_template(place, table),
        constant=_own_value(f"{place} constant", column, table.get("constant")),
        values=_values(f"{place} values", column, table.get("values")),
        default=_own_value(f"{place} default", column, table.get("default")),
        scale=_scale(f"{place} scale", table.get("scale")),
        time=_time(place, table) if column.type is ColumnType.TIME else None,
    )


def _check_making(place: str, column: Column, table: Mapping[str, object]) -> None:
    making = [key for key in ("values", "scale", *_TIME_KEYS) if key in table]
    if "constant" in table and (making or "default" in table):
        raise InvalidValueError(place, making or ["default"], "a constant stands alone")
    if "values" in table and len(making) > 1:
        raise InvalidValueError(place, making, "values without scale and time keys")
    if "scale" in table and column.type not in _NUMBERS:
        raise InvalidValueError(f"{place} scale", table["scale"], "only for numbers")
    for key in _TIME_KEYS:
        if key in table and column.type is not ColumnType.TIME:
            raise InvalidValueError(f"{place} {key}", table[key], "only for times")


def _text(place: str, table: Mapping[str, object], key: str) -> str:
    found = table.get(key, "")
    if key in table and (not isinstance(found, str) or not found):
        raise InvalidValueError(f"{place} {key}", found, "a text")
    return str(found)


def _template(place: str, table: Mapping[str, object]) -> str:
    template = _text(place, table, "template")
    if template and not ("{" in template and _PLACEHOLDERS.fullmatch(template)):
        raise InvalidValueError(
            f"{place} template", template, "text with columns in braces, as {order_id}"
        )
    return template


# What the file itself supplies is checked here, once, and not with every row.
def _own_value(place: str, column: Column, found: object) -> object:
    if found is None:
        return None
    try:
        parse_cell(column, found)
    except (ValueError, OverflowError):
        raise InvalidValueError(place, found, column.accepted) from None
    return found


def _values(place: str, column: Column, found: object) -> Mapping[str, object] | None:
    if found is None:
        return None
    return {
        text: _own_value(f"{place} {text}", column, value)
        for text, value in _table(place, found).items()
    }


def _scale(place: str, found: object) -> Decimal | None:
    if found is None:
        return None
    try:
        return parse_decimal(found)
    except ValueError:
        raise InvalidValueError(place, found, "a number") from None


def _time(place: str, table: Mapping[str, object]) -> TimeRule:
    form = table.get("format", "")
    if not isinstance(form, str) or (
        form not in {"", *UNIX_FORMATS} and "%" not in form
    ):
        raise InvalidValueError(
            f"{place} format", form, f"a strptime format, {', '.join(UNIX_FORMATS)}"
        )
    zone = table.get("zone", "UTC")
    try:
        known_zone = ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValueError(
            f"{place} zone", zone, "a time zone's name, as America/Sao_Paulo"
        ) from None
    return TimeRule(form, known_zone, _offset(f"{place} offset", table.get("offset")))


def _offset(place: str, found: object) -> timedelta:
    if found is None:
        return timedelta(0)
    shape = _OFFSET.fullmatch(found) if isinstance(found, str) else None
    if shape is None:
        raise InvalidValueError(
            place, found, "a sign, numbers and units w, d, h, m or s, as +1w12h"
        )
    span = timedelta(0)
    for number, unit in re.findall(r"([0-9]+)([wdhms])", shape.group(2)):
        span += timedelta(**{_UNITS[unit]: int(number)})
    return span if shape.group(1) == "+" else -span


def _condition(place: str, column: str, found: object) -> Condition:
    if isinstance(found, dict):
        _check_keys(place, found, _RANGE)
        if not found:
            raise InvalidValueError(place, found, "from, before, or both")
        ends = [_end(f"{place} {key}", found.get(key)) for key in _RANGE]
        return Condition(column, at_least=ends[0], below=ends[1])
    several = found if isinstance(found, list) else [found]
    if not several:
        raise InvalidValueError(place, found, "at least one value")
    return Condition(column, one_of=tuple(_bound(place, each) for each in several))


def _bound(place: str, found: object) -> Bound:
    if isinstance(found, str | bool | int | float | date | datetime):
        return found
    raise InvalidValueError(place, found, "a text, number, truth value, date or time")


def _end(place: str, found: object) -> Bound | None:
    if found is None:
        return None
    bound = _bound(place, found)
    if isinstance(bound, bool | str):
        raise InvalidValueError(place, found, "a number, date or time")
    return bound
