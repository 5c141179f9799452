"""The process that speaks gRPC dies, or the server behind it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import time
from functools import partial
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from nearturn.async_client import AsyncClient
from tests.fault.kill_load import KillLoad
from tests.scenarios.server_process import ServerProcess
from tests.scenarios.store_audit import StoreAudit

pytestmark = pytest.mark.e2e

KILLS = 6
SEED = 20_261_127
WAIT_S = 30.0


async def test_calls_that_lost_their_process_lose_nothing_else(
    tmp_path: Path, store_url: str
) -> None:
    """
    SIGKILL of the wire process under load, six times, on one store of each kind.

    What was acknowledged is stored, batches are whole, and who asks again for what it
    was answered gets the same (R2, I4): the server itself has gone on.
    """
    moments, load = random.Random(SEED), KillLoad(SEED)
    with ServerProcess(tmp_path, "--log-level=warning", store_url=store_url) as server:
        await load.prepare(server.address)
        pid, seen = server.pid, set()
        for _ in range(KILLS):
            (wire,) = server.wire_pids()
            seen.add(wire)
            moment = moments.randint(30, 90), moments.uniform(0, 0.01)
            kill = partial(os.kill, wire, signal.SIGKILL)
            await load.run(server.address, *moment, kill)
            await _until_serving(server.address)
            await load.check_answers(server.address)
        assert server.pid == pid
        assert len(seen) == KILLS
        assert server.logged().count('"wire_lost"') == KILLS
        server.kill()
        audit = StoreAudit.of(server.store_url)
    audit.check()
    load.told.check(audit)
    assert load.told.met_in_flight >= KILLS
    assert load.told.rounds


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_ends_leaves_no_process_and_no_port(
    tmp_path: Path, number: signal.Signals
) -> None:
    """However it ends, the next server opens the port at once."""
    server = ServerProcess(tmp_path)
    with server:
        (wire,) = server.wire_pids()
        server.signal(number)
        server.wait()
        until = time.monotonic() + WAIT_S
        while Path(f"/proc/{wire}").exists():
            assert time.monotonic() < until, "the wire process lives on"
            time.sleep(0.01)
        host, port = server.address.rsplit(":", 1)
        with socket.create_server((host, int(port))):
            pass


async def test_without_a_process_of_its_own_there_is_none(tmp_path: Path) -> None:
    """`--no-wire-process`: the server speaks gRPC itself."""
    with ServerProcess(tmp_path, "--no-wire-process") as server:
        assert server.wire_pids() == []
        await _until_serving(server.address)


async def _until_serving(address: str) -> None:
    # Connections of one process are shared, and one that was refused pauses before it
    # is tried again.
    async with AsyncClient(address) as client, asyncio.timeout(WAIT_S):
        stub = health_pb2_grpc.HealthStub(client.channel)  # type: ignore[no-untyped-call]
        answer = await stub.Check(
            health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=WAIT_S
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
