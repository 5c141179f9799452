"""A store that answers nobody for seconds, behind a server that works on its loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.instant_returns import instant_return
from matcher.domain.policy_change import Dimension
from nearturn.async_client import AsyncClient
from nearturn.client import Client
from nearturn.v1.return_service_pb2 import SubmitReturnResponse
from server.cli.demo_policy import demo_policy
from server.cli.load_run import put_in_force
from tests.scenarios.server_process import ServerProcess

pytestmark = pytest.mark.e2e

# Shorter than the server waits for a lock, longer than it takes for a slow disk.
STALL_S = 1.0
ANSWER_S = 3.0


async def test_health_is_answered_in_a_stall_that_follows_another(
    tmp_path: Path,
) -> None:
    """
    The first stall is waited for on the loop, those behind it are not (ADR 43, R60).

    Both end with the call stored: nothing is lost, and nobody is told so falsely.
    """
    path = tmp_path / "nearturn.db"
    with ServerProcess(tmp_path, store_url=f"sqlite:///{path}") as server:
        with Client(server.address) as client:
            changes = [each for each in Dimension if each]
            put_in_force(client, demo_policy(), changes, "test")
        async with AsyncClient(server.address) as client:
            with _stalled(path):
                first = _submit(client, "first")
                await asyncio.sleep(STALL_S)
            assert (await first).decision.return_id == "first"
            with _stalled(path):
                second = _submit(client, "second")
                await _serving(client)
                assert not second.done(), "it is not stored yet"
            assert (await second).decision.return_id == "second"


@contextmanager
def _stalled(path: Path) -> Iterator[None]:
    # To a writer a lock that another program has and a disk that hangs are alike.
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def _submit(
    client: AsyncClient, return_id: str
) -> asyncio.Future[SubmitReturnResponse]:
    return asyncio.ensure_future(
        client.returns.SubmitReturn(instant_return(return_id), timeout=10 * ANSWER_S)
    )


async def _serving(client: AsyncClient) -> None:
    # Twice: by then the call is in the engine.
    stub = health_pb2_grpc.HealthStub(client.channel)  # type: ignore[no-untyped-call]
    for _ in range(2):
        await asyncio.sleep(0.2)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
