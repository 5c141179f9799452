"""Opening a table by the ending of its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matcher.domain.errors import InvalidValueError
from server.files.csv_table import open_csv
from server.files.parquet_table import open_parquet
from server.files.table import Row, Table


def open_table(path: Path) -> Table:
    """
    Read the header of a table.

    Parameters
    ----------
    path
        A file that ends in ``.csv`` or ``.parquet``.

    Returns
    -------
    Table
        Its rows are streamed in batches, never held all at once.

    Raises
    ------
    InvalidValueError
        If the file does not exist, has another ending, or is not of its format.
    """
    if not path.is_file():
        raise InvalidValueError("file", str(path), "a file that exists")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return open_csv(path)
    if suffix == ".parquet":
        return open_parquet(path)
    raise InvalidValueError("file", str(path), "a name that ends in .csv or .parquet")


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a table in the order of the file; see :func:`open_table`."""
    yield from open_table(path).rows()
