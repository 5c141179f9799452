"""A table on disk: its header and its rows, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from matcher.domain.errors import FieldViolation, InvalidValueError


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of a table.

    ``line`` is where it begins: the line of a CSV file, header included, or the
    number of a Parquet row, from 1. ``faults`` is not empty where the row itself
    cannot be read: its bytes are no UTF-8, say; ``values`` then holds what could be.
    """

    line: int
    values: Mapping[str, object]
    faults: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """
    An open table: its columns, and its rows from the start each time.

    ``row_count`` is ``None`` where only reading all of it would tell.
    """

    path: Path
    columns: tuple[str, ...]
    row_count: int | None
    rows: Callable[[], Iterator[Row]]


def check_header(path: Path, columns: tuple[str, ...]) -> None:
    """
    Refuse a header that does not name each column once.

    Raises
    ------
    InvalidValueError
        If there is no column, one has no name, or two share a name.
    """
    if not columns:
        raise InvalidValueError(f"{path}: header", "nothing", "a name per column")
    seen: set[str] = set()
    for name in columns:
        if not name or name in seen:
            raise InvalidValueError(
                f"{path}: header", name, "a name per column, each once"
            )
        seen.add(name)
