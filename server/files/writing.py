"""Writing domain values as tables that read back the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from server.files.columns import COLUMNS, Column, Kind
from server.files.domain_row import DomainValue, domain_row
from server.files.row_file import write_rows


def write_table(path: Path, kind: Kind, values: Iterable[DomainValue]) -> int:
    """
    Write domain values to a table.

    Parameters
    ----------
    path
        Ends in ``.csv`` or ``.parquet``. Replaced as a whole: a reader finds the
        old table or the new one.
    kind
        What the values are.
    values
        Read once, in batches.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InvalidValueError
        If the name has another ending.
    """
    columns: Iterable[Column] = COLUMNS[kind].values()
    types = {column.name: column.type for column in columns}
    return write_rows(path, types, (domain_row(kind, value) for value in values))
