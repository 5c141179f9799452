"""ImportDemands and ImportReturns: rows in chunks, each chunk one transaction."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from google.protobuf.message import Message

from matcher.domain.errors import (
    AlreadyExistsError,
    InvalidValueError,
    NearturnError,
    StateConflictError,
)
from matcher.engine.answers import Answer
from matcher.engine.commands import SubmitReturns, UpsertDemands
from matcher.engine.shard import Shard
from nearturn.v1 import row_import_pb2
from server.api.bulk.arrow_chunk import read_chunk
from server.api.bulk.column_reader import FAULTS_LISTED_MAX, BoolArray
from server.api.bulk.row_fault import RowFault
from server.api.context import ApiContext
from server.runtime.work import Work
from server.storage.store import Store

#: Rows of one chunk: they hold up everybody else while they are stored.
IMPORT_ROWS_MAX = 10_000

C = TypeVar("C", UpsertDemands, SubmitReturns)

_REFUSALS = (InvalidValueError, StateConflictError, AlreadyExistsError)
_NUMBER_MAX = 99_999_999


@dataclass(frozen=True, slots=True)
class CheckedRows(Generic[C]):
    """
    The rows of one chunk: the command for the good ones, and what the others lack.

    ``bad`` says which rows the command leaves out, ``bool (n,)``.
    """

    command: C
    bad: BoolArray
    faults: Sequence[RowFault]


@dataclass(frozen=True, slots=True)
class ImportKind(Generic[C]):
    """
    What one kind of rows needs of its own.

    Parameters
    ----------
    method
        Name of the method.
    chunk
        Takes the chunk out of a raw request.
    check
        Judges a chunk's rows; takes what :func:`read_chunk` gives.
    leave_out
        The command without the items at some places.
    respond
        The response, of a report and what the engine answered to the command.
    """

    method: str
    chunk: Callable[[bytes], row_import_pb2.ImportChunk]
    check: Callable[[object], CheckedRows[C]]
    leave_out: Callable[[C, frozenset[int]], C]
    respond: Callable[[row_import_pb2.ChunkReport, Answer], Message]


class RowImport(Generic[C]):
    """
    Imports of one kind of rows.

    Parameters
    ----------
    context
        The runtime, and whom callers act for.
    kind
        What the rows are.
    """

    def __init__(self, context: ApiContext, kind: ImportKind[C]) -> None:
        self._context = context
        self._kind: ImportKind[C] = kind

    async def run(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """
        Store chunks in the order of their coming, and yield the answer to each.

        The next chunk is read and checked while one is stored, and no more than that:
        a client that sends faster is held up by flow control.

        Raises
        ------
        NearturnError
            If a chunk is not acceptable as a whole, or cannot be stored.
        """
        last = 0
        coming = asyncio.ensure_future(self._next(requests))
        try:
            while (work := await coming) is not None:
                coming = asyncio.ensure_future(self._next(requests))
                number = int(work.request_id.rpartition("/")[2])
                if number <= last:
                    raise InvalidValueError(
                        "chunk.chunk_number",
                        number,
                        f"more than {last}, the one before",
                    )
                last = number
                yield await self._context.runtime.carry_out(work)
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, NearturnError):
                await coming

    async def last_chunk(self, import_id: str) -> int:
        """Return the number of the last chunk that is stored, 0 for none."""
        first, last = (self._key(import_id, number) for number in (0, _NUMBER_MAX))
        tenant = self._context.tenant

        def read(store: Store) -> str | None:
            return store.last_answered(tenant, first, last)

        found = await self._context.runtime.read(read)
        return int(found.rpartition("/")[2]) if found else 0

    async def _next(self, requests: AsyncIterator[bytes]) -> Work | None:
        try:
            raw = await anext(requests)
        except StopAsyncIteration:
            return None
        return await asyncio.to_thread(self._work, raw)

    def _work(self, raw: bytes) -> Work:
        chunk = self._kind.chunk(raw)
        table = read_chunk("chunk.rows", chunk.rows)
        if table.num_rows > IMPORT_ROWS_MAX:
            raise InvalidValueError(
                "chunk.rows", table.num_rows, f"at most {IMPORT_ROWS_MAX:,} rows"
            )
        checked = self._kind.check(table)
        number = chunk.chunk_number

        def run(shard: Shard, now_us: int) -> bytes:
            return self._stored(number, checked, shard, now_us)

        return Work(
            self._context.tenant,
            run,
            self._key(chunk.import_id, number),
            _hash(self._kind.method, chunk.rows),
            checked.command,
        )

    def _stored(
        self, number: int, checked: CheckedRows[C], shard: Shard, now_us: int
    ) -> bytes:
        # On the engine's thread: all at once, and row by row only if that is refused.
        command, bad, faults = checked.command, checked.bad, list(checked.faults)
        try:
            answer = _applied(command, bad, shard, now_us)
        except _REFUSALS:
            refused = shard.refused(command, now_us)
            if not refused:
                raise
            rows = np.nonzero(~bad)[0]
            places = sorted(refused)
            bad = bad.copy()
            bad[rows[places]] = True
            faults += [
                fault
                for at in places[:FAULTS_LISTED_MAX]
                for fault in _faults(int(rows[at]), refused[at])
            ]
            command = self._kind.leave_out(command, frozenset(refused))
            answer = _applied(command, bad, shard, now_us)
        report = _report(number, bad, faults)
        response: bytes = self._kind.respond(report, answer).SerializeToString()
        return response

    def _key(self, import_id: str, number: int) -> str:
        # No request id of a caller, which is a UUID. The numbers sort as texts.
        return f"{self._kind.method}/{import_id.lower()}/{number:08d}"


def _applied(
    command: UpsertDemands | SubmitReturns, bad: BoolArray, shard: Shard, now_us: int
) -> Answer:
    # Where no row is good there is nothing to do, and an answer all the same.
    return () if bad.all() else shard.apply(command, now_us)


def _hash(method: str, rows: bytes) -> str:
    digest = hashlib.blake2b(digest_size=16, person=b"payload")
    digest.update(method.encode() + b"\0" + rows)
    return digest.hexdigest()


def _report(
    number: int, bad: BoolArray, faults: Sequence[RowFault]
) -> row_import_pb2.ChunkReport:
    rejected = np.nonzero(bad)[0].tolist()
    return row_import_pb2.ChunkReport(
        chunk_number=number,
        row_count=len(bad),
        stored_count=len(bad) - len(rejected),
        rejected_rows=rejected,
        faults=[
            row_import_pb2.RowFault(**fault._asdict())
            for fault in sorted(faults)[:FAULTS_LISTED_MAX]
        ],
    )


def _faults(row: int, error: NearturnError) -> list[RowFault]:
    if isinstance(error, InvalidValueError):
        return [
            RowFault(row, each.field.partition("].")[2], each.value, each.accepted)
            for each in error.violations
        ]
    if isinstance(error, StateConflictError):
        accepted = f"one that is not {error.state}: {error.move} needs {error.allowed}"
        return [RowFault(row, f"{error.kind}_id", repr(error.entity_id), accepted)]
    assert isinstance(error, AlreadyExistsError), error
    accepted = f"one that is new, or has the payload {error.stored_hash}"
    return [RowFault(row, f"{error.kind}_id", repr(error.entity_id), accepted)]
