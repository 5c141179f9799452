"""Parquet tables, read batch by batch; needs pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from matcher.domain.errors import InvalidValueError
from server.files.table import Row, Table, check_header

_BATCH_ROWS = 8_192


def open_parquet(path: Path) -> Table:
    """
    Read the schema of a Parquet file.

    The fields of a nested column become columns with dotted names. Times are cut
    to microseconds; one without a zone keeps none.

    Raises
    ------
    InvalidValueError
        If pyarrow is not installed, or the file is no Parquet file.
    """
    arrow = require_pyarrow(path)
    try:
        with arrow.parquet.ParquetFile(path) as file:
            row_count = file.metadata.num_rows
            columns = tuple(_flat(arrow, file.schema_arrow.empty_table()).column_names)
    except arrow.ArrowException as error:
        raise InvalidValueError(str(path), str(error), "a Parquet file") from error
    check_header(path, columns)
    return Table(path, columns, row_count, partial(_rows, path, columns))


def require_pyarrow(path: Path) -> Any:
    """
    Return pyarrow with its Parquet part loaded.

    Raises
    ------
    InvalidValueError
        If it is not installed; the message says how to get it.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415 - 150 MB that most servers do without
    except ImportError as error:
        raise InvalidValueError(
            "file",
            str(path),
            "CSV; for Parquet install the extra: pip install 'nearturn[bulk]'",
        ) from error
    return pyarrow


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    arrow = require_pyarrow(path)
    number = 0
    with arrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS):
            table = _flat(arrow, arrow.Table.from_batches([batch]))
            values = [_values(arrow, column) for column in table.columns]
            for row in zip(*values, strict=True):
                number += 1
                yield Row(number, dict(zip(columns, row, strict=True)))


# A struct may hold a struct, so flatten until none is left.
def _flat(arrow: Any, table: Any) -> Any:
    while any(arrow.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _values(arrow: Any, column: Any) -> list[object]:
    if arrow.types.is_timestamp(column.type):
        # Python's times end at the microsecond.
        zone = "UTC" if column.type.tz else None
        column = column.cast(arrow.timestamp("us", zone), safe=False)
    values: list[object] = column.to_pylist()
    return values
