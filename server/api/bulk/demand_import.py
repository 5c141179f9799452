"""Demands by the column, into the store."""

from __future__ import annotations

from matcher.engine.answers import Answer
from matcher.engine.commands import UpsertDemands
from nearturn.v1 import demand_service_pb2 as pb
from nearturn.v1 import row_import_pb2
from server.api.bulk.demand_batch import read_demands
from server.api.bulk.demand_texts import written_demands
from server.api.bulk.row_import import CheckedRows, ImportKind
from server.api.handler import decoded


def demand_import() -> ImportKind[UpsertDemands]:
    """Return what an import of demands needs."""
    return ImportKind("ImportDemands", _chunk, _check, _leave_out, _respond)


def _chunk(raw: bytes) -> row_import_pb2.ImportChunk:
    return decoded(pb.ImportDemandsRequest, raw).chunk


def _check(table: object) -> CheckedRows[UpsertDemands]:
    batch = read_demands("chunk.rows", table)
    return CheckedRows(written_demands(batch), batch.bad, batch.faults)


def _leave_out(command: UpsertDemands, places: frozenset[int]) -> UpsertDemands:
    kept = [at for at in range(len(command.demands)) if at not in places]
    demands = tuple(command.demands[at] for at in kept)
    return UpsertDemands(demands, ("",) * len(demands))


def _respond(report: row_import_pb2.ChunkReport, _: Answer) -> pb.ImportDemandsResponse:
    return pb.ImportDemandsResponse(report=report)
