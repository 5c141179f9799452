"""Parquet tables, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

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
        If the file is no Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            row_count = file.metadata.num_rows
            columns = tuple(_flat(file.schema_arrow.empty_table()).column_names)
    except pa.ArrowException as error:
        raise InvalidValueError(str(path), str(error), "a Parquet file") from error
    check_header(path, columns)
    return Table(path, columns, row_count, partial(_rows, path, columns))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    number = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS):
            table = _flat(pa.Table.from_batches([batch]))
            values = [_values(column) for column in table.columns]
            for row in zip(*values, strict=True):
                number += 1
                yield Row(number, dict(zip(columns, row, strict=True)))


# A struct may hold a struct, so flatten until none is left.
def _flat(table: Any) -> Any:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _values(column: Any) -> list[object]:
    if pa.types.is_timestamp(column.type):
        # Python's times end at the microsecond.
        zone = "UTC" if column.type.tz else None
        column = column.cast(pa.timestamp("us", zone), safe=False)
    values: list[object] = column.to_pylist()
    return values
