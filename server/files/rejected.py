"""The side file of rows that were not accepted."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from matcher.domain.errors import FieldViolation
from server.files.columns import Kind
from server.files.table import Row
from server.files.text_cell import cell_text

#: What a rejected file begins with; the columns of the input follow.
REJECTED_COLUMNS = ("line", "field", "value", "reason")


def rejected_path(path: Path, kind: Kind) -> Path:
    """Return where the rejected rows of an input go: beside it."""
    return path.with_name(f"{path.name}.{kind.value}.rejected.csv")


class RejectedWriter:
    """
    Writes rejected rows beside their input, and no file where there is none.

    A row is one line: where it stood, the faulty fields, their values and what is
    accepted, with `` | `` between several, then its own cells as they were. The
    four columns are ignored on reading, so the file loads again once mended.

    Parameters
    ----------
    path
        The input; the file is :func:`rejected_path` of it.
    kind
        What its rows are; one input may hold several.
    columns
        The input's columns.
    keep_bytes
        How much of a file from an interrupted load is kept; 0 begins anew and
        removes what an earlier load left.
    """

    def __init__(
        self, path: Path, kind: Kind, columns: Sequence[str], *, keep_bytes: int = 0
    ) -> None:
        self.path = rejected_path(path, kind)
        self.row_count = 0
        self._columns = tuple(columns)
        self._bytes = keep_bytes
        if keep_bytes == 0:
            self.path.unlink(missing_ok=True)
        elif self.path.is_file():
            with self.path.open("r+b") as file:
                file.truncate(keep_bytes)
        else:
            self._bytes = 0

    @property
    def byte_count(self) -> int:
        """Size of the file in bytes; what a checkpoint keeps."""
        return self._bytes

    def write(self, row: Row, faults: Sequence[FieldViolation]) -> None:
        """
        Add one row with its faults, at least one.

        Bytes of the input that are no UTF-8 are written as they were. The line is
        in the file when this returns.
        """
        assert faults, f"line {row.line} rejected without a fault"
        lines = StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        if self._bytes == 0:
            writer.writerow([*REJECTED_COLUMNS, *self._columns])
        writer.writerow(
            [
                row.line,
                " | ".join(fault.field for fault in faults),
                " | ".join(fault.value for fault in faults),
                " | ".join(f"accepted: {fault.accepted}" for fault in faults),
                *(cell_text(row.values.get(name)) for name in self._columns),
            ]
        )
        data = lines.getvalue().encode("utf-8", errors="surrogateescape")
        with self.path.open("ab") as file:
            file.write(data)
        self._bytes += len(data)
        self.row_count += 1
