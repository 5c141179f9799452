"""A server is killed inside an import: it goes on, and no row is lost or doubled."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import grpc
import pyarrow as pa
import pytest

from nearturn import Client
from nearturn.row_import import IMPORT_ROWS_MAX
from nearturn.v1 import demand_service_pb2 as pb
from server.files.columns import Kind
from tests.scenarios import DAY_US, demand
from tests.scenarios.arrow_tables import table_of
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

IMPORT = str(UUID(int=8, version=4))
CHUNKS = 5


def _table() -> pa.Table:
    count = (CHUNKS - 1) * IMPORT_ROWS_MAX + 7
    base = table_of(Kind.DEMAND, [demand(ship_by_us=now_us() + 9 * DAY_US)])
    table = pa.concat_tables([base] * count).combine_chunks()
    ids = pa.array([f"d{number:06d}" for number in range(count)])
    return table.set_column(0, "demand_id", ids)


@pytest.mark.e2e
def test_an_import_survives_a_kill(tmp_path: Path, store_url: str) -> None:
    """SIGKILL behind the second answer; the same call goes on where the store is."""
    table = _table()
    with ServerProcess(tmp_path, "--log-level=warning", store_url=store_url) as server:
        told: list[int] = []

        def note(done: int, _: int) -> None:
            told.append(done)
            if len(told) == 2:
                server.kill()

        with Client(server.address) as client, pytest.raises(grpc.RpcError):
            client.import_demands(table, import_id=IMPORT, progress=note)
        assert told[:2] == [IMPORT_ROWS_MAX, 2 * IMPORT_ROWS_MAX]
        audit = StoreAudit.of(server.store_url)
        audit.check()
        server.start()
        with Client(server.address) as client:
            asked = pb.GetDemandImportRequest(import_id=IMPORT)
            last = client.demands.GetDemandImport(asked).last_chunk_number
            # Acknowledged is stored, and whole: a chunk more may be, half of one not.
            assert last >= 2
            assert len(audit.demands) == min(last * IMPORT_ROWS_MAX, len(table))
            result = client.import_demands(table, import_id=IMPORT)
            assert result.row_count == max(0, len(table) - last * IMPORT_ROWS_MAX)
            assert result.rejected_rows == []
        server.kill()
        audit = StoreAudit.of(server.store_url)
        audit.check()
        assert sorted(audit.demands) == table.column("demand_id").to_pylist()
        assert {each.version for each in audit.demands.values()} == {1}
