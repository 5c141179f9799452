"""Rows as Arrow streams: any reader takes them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from server.storage.arrow_rows import pack, unpack
from server.storage.codec import StoredDocumentError
from server.storage.journal_codec import SEGMENT


def _columns(count: int) -> list[list[object]]:
    texts: list[object] = [f"{number} ü" for number in range(count)]
    flags: list[object] = [number % 2 == 0 for number in range(count)]
    return [[*range(count)], texts, texts, [""] * count, flags]


# Around the number of a record batch.
@pytest.mark.parametrize("count", [0, 1, 10_000, 10_001])
def test_rows_come_back(count: int) -> None:
    """Through our reader and through Arrow's own, and packed again as the same."""
    columns = _columns(count)
    data = pack(SEGMENT, columns)
    assert list(unpack(SEGMENT, data)) == [*zip(*columns, strict=True)]
    table = pa.ipc.open_stream(data).read_all()
    assert table.schema.equals(SEGMENT)
    assert table.column("document").to_pylist() == columns[2]
    assert pack(SEGMENT, columns) == data


@pytest.mark.parametrize("count", [1, 100])
def test_stream_that_was_cut_is_refused(count: int) -> None:
    """Anywhere within the rows; between two messages Arrow takes it for the end."""
    data = pack(SEGMENT, _columns(count))
    head = SEGMENT.serialize().size
    for size in range(head + 1, len(data) - 8, 7):
        with pytest.raises(StoredDocumentError):
            list(unpack(SEGMENT, data[:size]))
