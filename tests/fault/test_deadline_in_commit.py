"""A caller's deadline ends while its write is being committed."""

from __future__ import annotations

import signal
import time
import uuid
from pathlib import Path

import grpc
import pytest

from nearturn import Client
from nearturn.v1 import demand_service_pb2 as demands
from tests.contract.messages import demand, timestamp
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

_PROGRAM = (
    "import signal; from tests.fault.armed_server import main; "
    "main('commit, {moment}', 1, signal.SIGSTOP)"
)
_PATIENCE_S = 60.0


@pytest.mark.e2e
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_retry_behind_a_deadline_gets_the_true_answer(
    tmp_path: Path, store_url: str, moment: str
) -> None:
    """
    The server stands still right before or behind the commit, until the caller is gone.

    Going on, it commits what it had, whoever still listens: the same request id has one
    answer from then on, and its rows are there once.
    """
    request = demands.BatchUpsertDemandsRequest(
        demands=[demand(f"d{n}", ship_by_time=timestamp(_late())) for n in range(8)],
        request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, moment)),
    )
    program = _PROGRAM.format(moment=moment)
    options = ("--log-level=warning", "--no-timers")
    server = ServerProcess(tmp_path, *options, store_url=store_url, program=program)
    with server, Client(server.address) as client:
        with pytest.raises(grpc.RpcError) as caught:
            client.demands.BatchUpsertDemands(request, timeout=2.0)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        until = time.monotonic() + _PATIENCE_S
        while not server.is_stopped():
            assert time.monotonic() < until, "it never came to the commit"
            time.sleep(0.01)
        server.signal(signal.SIGCONT)
        first = client.demands.BatchUpsertDemands(request)
        assert client.demands.BatchUpsertDemands(request) == first
    audit = StoreAudit.of(server.store_url)
    audit.check()
    assert len(audit.demands) == 8
    assert {each.version for each in audit.demands.values()} == {1}


def _late() -> int:
    return now_us() + 2 * DAY_US
