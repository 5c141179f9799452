"""CSV tables: UTF-8 text with a header, RFC 4180 quoting."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TextIO

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.files.rejected import REJECTED_COLUMNS
from server.files.table import Row, Table, check_header

_TEXT = "UTF-8 text without NUL characters"


def open_csv(path: Path) -> Table:
    """
    Read the header of a CSV file.

    A byte order mark is taken off. The four columns that a rejected file begins
    with are not columns of the table, so that a mended one loads as it is.

    Raises
    ------
    InvalidValueError
        If the header is empty, no UTF-8, or names a column twice or not at all.
    """
    with _opened(path) as lines:
        try:
            header = next(csv.reader(lines, strict=True), [])
        except csv.Error as error:
            raise InvalidValueError(f"{path}: header", str(error), "CSV") from None
    for name in header:
        if not _is_text(name):
            raise InvalidValueError(f"{path}: header", name, _TEXT)
    skipped = _columns_to_skip(header)
    columns = tuple(header[skipped:])
    check_header(path, columns)
    return Table(path, columns, None, partial(_rows, path, columns, skipped))


# Bytes that are no UTF-8 come through as lone surrogates, so that one bad row costs
# that row and not the file.
def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _columns_to_skip(header: list[str]) -> int:
    count = len(REJECTED_COLUMNS)
    return count if tuple(header[:count]) == REJECTED_COLUMNS else 0


def _rows(path: Path, columns: tuple[str, ...], skipped: int) -> Iterator[Row]:
    with _opened(path) as lines:
        reader = csv.reader(lines, strict=True)
        next(reader)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # The reader goes on with the next line.
                fault = InvalidValueError("row", str(error), "CSV as in RFC 4180")
                yield Row(line, {}, fault.violations)
                continue
            if cells:
                yield _row(line, columns, cells[skipped:])


def _row(line: int, columns: tuple[str, ...], cells: list[str]) -> Row:
    values = dict(zip(columns, cells, strict=False))
    faults: list[FieldViolation] = []
    if len(cells) != len(columns):
        faults.append(
            FieldViolation("row", f"{len(cells)} cells", f"{len(columns)} cells")
        )
    faults.extend(
        InvalidValueError(name, value, _TEXT).violations[0]
        for name, value in values.items()
        if not _is_text(value)
    )
    return Row(line, values, tuple(faults))


def _is_text(value: str) -> bool:
    if "\0" in value:
        return False
    if value.isascii():
        return True
    return not any("\ud800" <= char <= "\udfff" for char in value)
