"""ImportDemands and ImportReturns from the caller's side: a table in, a report out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar, cast

import grpc
import pyarrow as pa

from nearturn.arrow_chunks import chunks, read_stream
from nearturn.retry import RetryRules
from nearturn.v1 import demand_service_pb2, return_service_pb2, row_import_pb2

#: Rows of a chunk that the server takes.
IMPORT_ROWS_MAX = 10_000

#: Times that a stream is opened again without an answer in between.
ATTEMPTS_MAX = 5

_PAUSE_S = 0.1

# Details of a status that is none of the server's.
_WRITE_FAILED = "Internal error from Core"

Q = TypeVar("Q")

#: Told after each chunk how many rows are done, and how many of them were rejected.
Progress = Callable[[int, int], None]


class RejectedRow(NamedTuple):
    """One faulty field of one row of the table, counted from 0."""

    row: int
    field: str
    value: str
    accepted: str


@dataclass(slots=True)
class ImportResult:
    """
    What became of a table.

    Attributes
    ----------
    import_id
        With it the same table can be sent again, and goes on where it was.
    row_count, stored_count
        Rows that were answered, and those of them that are stored.
    rejected_rows
        The others, by position in the table.
    faults
        What is wrong with them; of one chunk a thousand faults at most.
    decisions
        Of return items: a pyarrow Table, in the order of the rows; else ``None``.
    """

    import_id: str
    row_count: int = 0
    stored_count: int = 0
    rejected_rows: list[int] = field(default_factory=list)
    faults: list[RejectedRow] = field(default_factory=list)
    decisions: Any = None


@dataclass(frozen=True, slots=True)
class ImportKind(Generic[Q]):
    """How a chunk becomes a request, and what a response carries beside its report."""

    request: Callable[[row_import_pb2.ImportChunk], Q]
    decisions: Callable[[Any], bytes]


DEMANDS = ImportKind(
    lambda chunk: demand_service_pb2.ImportDemandsRequest(chunk=chunk), lambda _: b""
)
RETURNS = ImportKind(
    lambda chunk: return_service_pb2.ImportReturnsRequest(chunk=chunk),
    lambda response: bytes(response.decisions),
)


@dataclass(frozen=True, slots=True)
class _Pending(Generic[Q]):
    number: int
    first_row: int
    request: Q


class ImportCourse(Generic[Q]):
    """
    An import on its way: what was sent, what was answered, and what is to come.

    Parameters
    ----------
    kind
        What the rows are.
    data
        The table.
    import_id
        A UUID.
    last_chunk
        The last chunk that is stored already: it and those before it are not sent.
    progress
        Told after each chunk.
    """

    def __init__(
        self,
        kind: ImportKind[Q],
        data: Any,
        import_id: str,
        last_chunk: int,
        progress: Progress | None,
    ) -> None:
        self._kind = kind
        self._import_id = import_id
        self._last_chunk = last_chunk
        self._progress = progress
        self._source = self._numbered(data)
        self._pending: dict[int, _Pending[Q]] = {}
        self._stream = 0
        self._decisions: list[Any] = []
        # A stream that broke may still be asking for requests on its own thread.
        self._lock = threading.Lock()
        self.result = ImportResult(import_id)

    def requests(self) -> Iterator[Q]:
        """Yield what a new stream has to send; the one before gets nothing more."""
        with self._lock:
            self._stream += 1
            stream = self._stream
            waiting = sorted(self._pending)
        for number in waiting:
            with self._lock:
                found = self._pending.get(number)
                if stream != self._stream:
                    return
            if found is not None:
                yield found.request
        while True:
            with self._lock:
                if stream != self._stream:
                    return
                coming = next(self._source, None)
                if coming is not None:
                    self._pending[coming.number] = coming
            if coming is None:
                return
            yield coming.request

    def answered(self, response: Any) -> None:
        """Take the answer to one chunk."""
        report: row_import_pb2.ChunkReport = response.report
        with self._lock:
            sent = self._pending.pop(report.chunk_number, None)
        if sent is None:
            return
        result, first = self.result, sent.first_row
        result.row_count += report.row_count
        result.stored_count += report.stored_count
        result.rejected_rows += [first + row for row in report.rejected_rows]
        result.faults += [
            RejectedRow(first + each.row, each.field, each.value, each.accepted)
            for each in report.faults
        ]
        if decisions := self._kind.decisions(response):
            self._decisions.append(read_stream(decisions))
            result.decisions = pa.concat_tables(self._decisions)
        if self._progress is not None:
            self._progress(first + report.row_count, len(result.rejected_rows))

    def _numbered(self, data: Any) -> Iterator[_Pending[Q]]:
        row = 0
        for number, (count, rows) in enumerate(chunks(data, IMPORT_ROWS_MAX), 1):
            if number > self._last_chunk:
                chunk = row_import_pb2.ImportChunk(
                    import_id=self._import_id, chunk_number=number, rows=rows
                )
                yield _Pending(number, row, self._kind.request(chunk))
            row += count


def pause_s(error: grpc.RpcError, attempt: int, retry: RetryRules) -> float | None:
    """
    Return how long to wait before a stream that broke is opened again, in seconds.

    ``None`` if it is not: because of the error, or because ``attempt`` streams have
    broken without an answer in between.
    """
    call = cast(grpc.Call, error)
    if call.code() is grpc.StatusCode.UNAVAILABLE or _has_lost_status(call):
        return _PAUSE_S * float(2**attempt) if attempt < ATTEMPTS_MAX else None
    return retry.pause_s(error) if attempt < retry.attempts_max else None


def _has_lost_status(call: grpc.Call) -> bool:
    # What gRPC's asyncio says of a stream that the server ended while the client wrote
    # to it, in place of what the server said. A chunk may come again whatever that was.
    is_own = str(call.details()) == _WRITE_FAILED
    return call.code() is grpc.StatusCode.INTERNAL and is_own
