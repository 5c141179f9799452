"""How the server process starts, shares nothing, and stops."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from matcher.domain.return_item import ReturnState
from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    demand_service_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from tests.contract.messages import (
    activation,
    demand,
    policy,
    return_item,
    timestamp,
    verification,
)
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

pytestmark = pytest.mark.e2e

_DAY_US = 86_400_000_000


_OPTIONS = ("--no-timers", "--log-level=info")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run one server for the tests that leave it alive."""
    with ServerProcess(tmp_path_factory.mktemp("server"), *_OPTIONS) as started:
        yield started


def test_every_line_of_the_log_is_an_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What Alembic says of the first start too, and that a variable is misspelt.

    A second server on the same address says so in one line of its own, without one of
    gRPC's core beside it.
    """
    monkeypatch.setenv("NEARTURN_ROUND_LEED_MS", "1")
    with ServerProcess(tmp_path, *_OPTIONS) as one:
        lines = [json.loads(line) for line in one.log.read_text().splitlines()]
        by_event = {line["event"]: line for line in lines}
        assert by_event["unknown_setting_ignored"]["variable"] == (
            "NEARTURN_ROUND_LEED_MS"
        )
        upgrades = [line for line in lines if "Running upgrade" in line["event"]]
        assert upgrades
        assert {line["logger"] for line in upgrades} == {"alembic.runtime.migration"}
        assert all({"level", "timestamp"} <= set(line) for line in lines)
        (folder := tmp_path / "other").mkdir()
        other = ServerProcess(folder, *_OPTIONS)
        other.spawn(listen=one.address)
        other.wait()
        *told, last = other.log.read_text().splitlines()
        assert last.startswith("error: listen: got")
        assert all(json.loads(line) for line in told)


def _demands(count: int) -> Any:
    ends = timestamp(now_us() + 2 * _DAY_US)
    return demand_service_pb2.BatchUpsertDemandsRequest(
        demands=[
            demand(f"d{number}", east_m=number, ship_by_time=ends)
            for number in range(count)
        ]
    )


def _returns(count: int, first: int = 0) -> Any:
    ends = timestamp(now_us() + _DAY_US)
    evidence = verification(verify_time=timestamp(now_us() - 60_000_000))
    return return_service_pb2.BatchSubmitReturnsRequest(
        return_items=[
            return_item(f"r{number}", verification=evidence, decide_by_time=ends)
            for number in range(first, first + count)
        ]
    )


async def _activate(client: AsyncClient) -> None:
    created = await client.policies.CreatePolicy(
        policy_service_pb2.CreatePolicyRequest(policy=policy())
    )
    await client.policies.ActivatePolicy(activation(created.policy.version))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_running_calls_finish(
    tmp_path: Path, number: signal.Signals
) -> None:
    """
    Calls on their way are answered and stored, a watcher is told, exit code 0 (I4).

    The batch and the round take long enough for the signal to come before their end.
    """
    with ServerProcess(tmp_path, *_OPTIONS) as server:
        async with AsyncClient(server.address) as client:
            await _activate(client)
            await client.demands.BatchUpsertDemands(_demands(1_000))
            await client.returns.BatchSubmitReturns(_returns(200))
            watcher = asyncio.create_task(_watched(client))
            calls = asyncio.gather(
                client.returns.BatchSubmitReturns(_returns(2_000, first=200)),
                client.matches.RunRound(match_service_pb2.RunRoundRequest()),
            )
            await asyncio.sleep(0.05)
            assert not calls.done()
            server.signal(number)
            submitted, closed = await calls
            assert await watcher is grpc.StatusCode.UNAVAILABLE
        assert await asyncio.to_thread(server.wait) == 0
    assert '"stopped"' in server.logged()
    audit = StoreAudit.of(server.store_url)
    audit.check()
    assert len(submitted.decisions) == 2_000
    assert len(audit.returns) == 2_200
    states = [each.state for each in audit.returns.values()]
    assert states.count(ReturnState.MATCHED) == closed.round.matched_count > 0


async def test_calls_are_taken_while_the_server_drains(tmp_path: Path) -> None:
    """
    Health says NOT_SERVING first; a call that comes after it is still answered.

    A balancer needs some seconds to look elsewhere. Without the delay such a call is
    refused; the one here comes after health has turned, so it cannot have come before.
    """
    (tmp_path / "drain.toml").write_text("drain_delay_ms = 3000\n")
    options = (*_OPTIONS, "--config", str(tmp_path / "drain.toml"))
    with ServerProcess(tmp_path, *options) as server:
        async with AsyncClient(server.address) as client:
            await client.demands.BatchUpsertDemands(_demands(1))
            health = health_pb2_grpc.HealthStub(client.channel)
            server.signal(signal.SIGTERM)
            status = health_pb2.HealthCheckResponse.SERVING
            while status == health_pb2.HealthCheckResponse.SERVING:
                answer = await health.Check(health_pb2.HealthCheckRequest())
                status = answer.status
            assert status == health_pb2.HealthCheckResponse.NOT_SERVING
            stored = await client.demands.BatchUpsertDemands(_demands(2))
        assert await asyncio.to_thread(server.wait) == 0
    assert len(stored.demands) == 2
    assert len(StoreAudit.of(server.store_url).demands) == 2


async def _watched(client: AsyncClient) -> grpc.StatusCode | None:
    try:
        async for _ in client.matches.WatchDecisions(
            match_service_pb2.WatchDecisionsRequest()
        ):
            pass
    except grpc.aio.AioRpcError as error:
        return error.code()
    return None


def test_a_store_has_one_server(server: ServerProcess, tmp_path: Path) -> None:
    """The second is told who has it and ends with code 2; the first goes on (I12)."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = ServerProcess(folder)
    second.store_url = server.store_url
    second.spawn()
    assert second.wait() == 2
    assert f"process {server.pid} has it open" in second.logged()
    assert "Traceback" not in second.logged()
    assert _health(server.address) == health_pb2.HealthCheckResponse.SERVING


def test_a_port_has_one_server(server: ServerProcess, tmp_path: Path) -> None:
    """A server on a taken port says which address that is, and ends with code 2."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = ServerProcess(folder)
    second.spawn(listen=server.address)
    assert second.wait() == 2
    assert f"error: listen: got '{server.address}'" in second.logged()
    assert "Traceback" not in second.logged()
    assert _health(server.address) == health_pb2.HealthCheckResponse.SERVING


def test_health_says_serving_once_all_is_ready(tmp_path: Path) -> None:
    """From the first answer on NOT_SERVING, then SERVING, and never back."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    server = ServerProcess(tmp_path)
    server.spawn(listen=address)
    try:
        seen = [_health(address)]
        while seen[-1] != health_pb2.HealthCheckResponse.SERVING:
            seen.append(_health(address))
    finally:
        server.kill()
    # The kernels take some tenths of a second, a check some thousandths.
    assert seen[0] == health_pb2.HealthCheckResponse.NOT_SERVING
    assert set(seen[:-1]) == {health_pb2.HealthCheckResponse.NOT_SERVING}


def _health(address: str) -> int:
    # Quick to connect, so that it meets the server as soon as it listens.
    options = [
        (f"grpc.{name}_reconnect_backoff_ms", 20) for name in ("initial", "min", "max")
    ]
    with grpc.insecure_channel(address, options) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=60
        )
    return int(answer.status)


async def test_calls_are_answered_while_a_round_is_solved(
    server: ServerProcess,
) -> None:
    """
    Health and reads go on beside a round over 800 returns and 1,000 demands.

    All are within one another's reach: 800,000 pairs, a second or more.
    """
    async with AsyncClient(server.address) as client:
        await _activate(client)
        await client.demands.BatchUpsertDemands(_demands(1_000))
        await client.returns.BatchSubmitReturns(_returns(800))
        health = health_pb2_grpc.HealthStub(client.channel)
        closing = asyncio.ensure_future(
            client.matches.RunRound(match_service_pb2.RunRoundRequest())
        )
        answered = 0
        while not closing.done():
            await health.Check(health_pb2.HealthCheckRequest())
            await client.demands.GetDemand(
                demand_service_pb2.GetDemandRequest(demand_id="d7")
            )
            answered += not closing.done()
        closed = await closing
    assert closed.round.candidate_count == 800 * 1_000
    assert answered >= 20
