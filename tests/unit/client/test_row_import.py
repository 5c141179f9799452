"""An import on its way, whose streams break and begin again."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from nearturn import row_import
from nearturn.arrow_chunks import CHUNK_BYTES_MAX, chunks, read_stream
from nearturn.row_import import IMPORT_ROWS_MAX, ImportCourse, RejectedRow
from nearturn.v1 import demand_service_pb2, row_import_pb2

COUNT = 3 * IMPORT_ROWS_MAX + 5
TABLE = pa.table({"number": list(range(COUNT))})


def _course(last_chunk: int = 0, progress: Any = None) -> ImportCourse[Any]:
    return ImportCourse(row_import.DEMANDS, TABLE, "an id", last_chunk, progress)


def _answer(request: Any, *rejected: int) -> Any:
    count = read_stream(request.chunk.rows).num_rows
    return demand_service_pb2.ImportDemandsResponse(
        report=row_import_pb2.ChunkReport(
            chunk_number=request.chunk.chunk_number,
            row_count=count,
            stored_count=count - len(rejected),
            rejected_rows=rejected,
            faults=[
                row_import_pb2.RowFault(row=row, field="sku", value="''", accepted="x")
                for row in rejected
            ],
        )
    )


def test_rows_are_numbered_over_the_table() -> None:
    """Row 2 of the second chunk is row 10,002; progress follows each answer."""
    told: list[tuple[int, int]] = []
    course = _course(progress=lambda *each: told.append(each))
    for request in course.requests():
        rejected = [2] if request.chunk.chunk_number == 2 else []
        course.answered(_answer(request, *rejected))
    result = course.result
    assert (result.row_count, result.stored_count) == (COUNT, COUNT - 1)
    assert result.rejected_rows == [10_002]
    assert result.faults == [RejectedRow(10_002, "sku", "''", "x")]
    assert told == [(10_000, 0), (20_000, 1), (30_000, 1), (COUNT, 1)]


def test_what_was_not_answered_is_sent_again() -> None:
    """The same chunk under the same number, then those that never went out."""
    course = _course()
    broken = course.requests()
    first, second = next(broken), next(broken)
    course.answered(_answer(first))
    again = course.requests()
    assert next(again) == second
    # The stream that broke gets nothing more, so that no chunk is lost with it.
    assert list(broken) == []
    assert [each.chunk.chunk_number for each in again] == [3, 4]


def test_an_answer_counts_once() -> None:
    """One that comes on both streams does not count its rows twice."""
    course = _course()
    request = next(course.requests())
    course.answered(_answer(request))
    course.answered(_answer(request))
    assert course.result.row_count == IMPORT_ROWS_MAX


def test_an_import_that_is_resumed_leaves_out_what_is_stored() -> None:
    """From chunk 3 on, with the rows' own numbers."""
    told: list[int] = []
    course = _course(last_chunk=2, progress=lambda done, _: told.append(done))
    requests = list(course.requests())
    assert [each.chunk.chunk_number for each in requests] == [3, 4]
    assert read_stream(requests[0].chunk.rows).column(0)[0].as_py() == 20_000
    for request in requests:
        course.answered(_answer(request))
    assert told == [30_000, COUNT]


def test_chunks_keep_to_the_bytes_of_a_message() -> None:
    """Rows too long for one chunk are cut in halves until they fit, in their order."""
    table = pa.table({"text": [str(number) * 2_000 for number in range(1_000, 2_000)]})
    found = list(chunks(table))
    assert max(len(data) for _, data in found) <= CHUNK_BYTES_MAX
    assert sum(count for count, _ in found) == 1_000
    assert pa.concat_tables([read_stream(data) for _, data in found]).equals(table)


def test_a_dictionary_goes_along_no_longer_than_its_rows() -> None:
    """A slice of a large dictionary is written out: 10,000 texts for each row else."""
    column = pa.array(
        [f"text {number}" for number in range(10_000)]
    ).dictionary_encode()
    found = list(chunks(pa.table({"text": column}), 10))
    assert len(found) == 1_000
    assert max(len(data) for _, data in found) < 2_000


def test_structs_become_columns_with_dotted_names() -> None:
    """As a nested table of the caller's has them."""
    nested = pa.table({"location": [{"latitude": 1.0, "longitude": 2.0}], "sku": ["a"]})
    ((count, data),) = chunks(nested)
    assert count == 1
    names = read_stream(data).column_names
    assert names == ["location.latitude", "location.longitude", "sku"]
