"""Return items by the column, into the pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pyarrow as pa

from matcher.engine.answers import Answer, ReturnAnswer
from matcher.engine.commands import SubmitReturns
from nearturn.v1 import return_service_pb2 as pb
from nearturn.v1 import row_import_pb2
from server.api.bulk.return_batch import ReturnBatch
from server.api.bulk.row_import import CheckedRows, ImportKind
from server.api.handler import decoded
from server.api.idempotency import item_hash

DECISIONS = pa.schema(
    [
        pa.field("return_id", pa.string(), nullable=False),
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
    ]
)


def return_import() -> ImportKind[SubmitReturns]:
    """Return what an import of return items needs."""
    return ImportKind("ImportReturns", _chunk, _check, _leave_out, _respond)


def _chunk(raw: bytes) -> row_import_pb2.ImportChunk:
    return decoded(pb.ImportReturnsRequest, raw).chunk


def _check(table: object) -> CheckedRows[SubmitReturns]:
    batch = ReturnBatch("chunk.rows", table)
    items = tuple(batch.items())
    command = SubmitReturns(items, tuple(item_hash(item) for item in items))
    return CheckedRows(command, batch.bad, batch.faults)


def _leave_out(command: SubmitReturns, places: frozenset[int]) -> SubmitReturns:
    kept = [at for at in range(len(command.items)) if at not in places]
    return SubmitReturns(
        tuple(command.items[at] for at in kept),
        tuple(command.payload_hashes[at] for at in kept),
    )


def _respond(
    report: row_import_pb2.ChunkReport, answer: Answer
) -> pb.ImportReturnsResponse:
    decisions = [each.decision for each in cast(Sequence[ReturnAnswer], answer)]
    if not decisions:
        return pb.ImportReturnsResponse(report=report)
    columns = (
        [each.return_id for each in decisions],
        [each.decision_id for each in decisions],
        [each.outcome.name for each in decisions],
        [[reason.code.name for reason in each.reasons] for each in decisions],
    )
    arrays = [
        pa.array(values, field.type)
        for values, field in zip(columns, DECISIONS, strict=True)
    ]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with pa.ipc.new_stream(sink, DECISIONS, options=options) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=DECISIONS))
    return pb.ImportReturnsResponse(
        report=report, decisions=sink.getvalue().to_pybytes()
    )
