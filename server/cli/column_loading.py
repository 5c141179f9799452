"""Sending rows to a server by the column, the bad ones aside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from matcher.domain.errors import FieldViolation
from nearturn import Client, ImportResult
from server.cli.inputs import to_entry
from server.cli.loading import LoadResult, TableLoader
from server.files import Kind, NamedRow, RowColumns, to_columns, to_record

#: Kinds of rows that a server takes by the column.
COLUMN_KINDS = frozenset({Kind.DEMAND, Kind.RETURN_ITEM})

# Chunks between two notes of how far the load has come. While they are under way the
# next ones are read; what is noted is not sent again after a break.
_WINDOW_CHUNKS = 4

_Refused = tuple[NamedRow, Sequence[FieldViolation]]


@dataclass(frozen=True, slots=True)
class _Window:
    """
    Rows that are sent together.

    ``sent`` are those of ``columns``; ``refused`` cannot be read. ``last`` is the
    number of the last row of all.
    """

    columns: RowColumns
    sent: Sequence[NamedRow]
    refused: Sequence[_Refused]
    last: int


class ColumnLoader:
    """
    Loads one table into a server, by ImportDemands or ImportReturns.

    Parameters
    ----------
    client
        The connection.
    kind
        What the rows are, of :data:`COLUMN_KINDS`.
    loader
        Keeps what becomes of the rows, and sends those row-wise of which the server
        does not say what is wrong with them.
    """

    def __init__(self, client: Client, kind: Kind, loader: TableLoader) -> None:
        self._call = (
            client.import_demands if kind is Kind.DEMAND else client.import_returns
        )
        self._kind = kind
        self._loader = loader

    def load(self, rows: Iterator[NamedRow], chunk_size: int) -> LoadResult:
        """
        Load the rows; the checkpoint follows every few chunks.

        Raises
        ------
        grpc.RpcError
            If the server cannot be reached, or refuses for another reason than the
            rows; what came before is kept, and the load goes on from there.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="rows") as reader:
            coming = reader.submit(self._read, rows, chunk_size)
            while (window := coming.result()) is not None:
                coming = reader.submit(self._read, rows, chunk_size)
                self._send(window, chunk_size)
                self._loader.note(window.last)
        return self._loader.finish()

    def _read(self, rows: Iterator[NamedRow], chunk_size: int) -> _Window | None:
        named = list(islice(rows, _WINDOW_CHUNKS * chunk_size))
        if not named:
            return None
        readable = [each for each in named if each.values is not None]
        values = [each.values for each in readable if each.values is not None]
        columns = to_columns(values, self._kind)
        refused: list[_Refused] = [(e, e.faults) for e in named if e.values is None]
        refused += [(readable[at], found) for at, found in columns.faults.items()]
        sent = [readable[at] for at in columns.rows]
        return _Window(columns, sent, refused, named[-1].number)

    def _send(self, window: _Window, chunk_size: int) -> None:
        result = self._imported(window, chunk_size)
        self._loader.result.loaded_count += result.stored_count
        found = defaultdict(list)
        for fault in result.faults:
            told = FieldViolation(fault.field, fault.value, fault.accepted)
            found[fault.row].append(told)
        refused = list(window.refused)
        refused += [(window.sent[at], found[at]) for at in result.rejected_rows]
        refused.sort(key=lambda each: each[0].number)
        for each, faults in refused:
            if faults:
                self._loader.reject(each.row, faults)
            else:
                # Of one chunk a thousand faults are told; this row is told its own.
                self._loader.take([to_entry(to_record(each, self._kind), self._kind)])

    def _imported(self, window: _Window, chunk_size: int) -> ImportResult:
        batch = window.columns.batch
        starts = range(0, batch.num_rows, chunk_size)
        chunks = [batch.slice(start, chunk_size) for start in starts]

        def note(done: int, _rejected: int) -> None:
            self._loader.show(window.sent[done - 1].number)

        data = pa.RecordBatchReader.from_batches(batch.schema, chunks)
        return self._call(data, progress=note)
