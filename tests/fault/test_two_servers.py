"""Two server processes on one PostgreSQL: one decides, the other takes over."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from matcher.domain.ids import DemandId
from nearturn.async_client import AsyncClient
from nearturn.v1 import demand_service_pb2
from tests.contract.messages import demand, timestamp
from tests.fault.kill_load import KillLoad
from tests.scenarios import DAY_US
from tests.scenarios.postgres_server import PostgresServer
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

pytestmark = pytest.mark.e2e

SEED = 20_261_126
TAKE_OVERS = 6
SERVING = health_pb2.HealthCheckResponse.SERVING
# The demand of the second call is sent by then, and the end of its batch is not.
STOPPING = (
    "import signal; from tests.fault.armed_server import main; "
    "main('commit, at journal', 2, signal.SIGSTOP)"
)
_WRITERS = """
    SELECT wait_event FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE datname = current_database() AND locktype = 'advisory' AND granted
"""
# Of a machine that does other things beside; a lease lasts one second here.
_PATIENCE_S = 60.0


class Pair:
    """Two servers, each with its own folder, port and log."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url, self.folder = url, folder
        self.servers = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            self.servers.append(ServerProcess(folder / name, store_url=url))
        self.owner, self.standby = self.servers

    def begin(self) -> None:
        """Start the owner, then the standby."""
        self.owner.start()
        self.stand_by(self.standby)

    def stand_by(self, server: ServerProcess) -> None:
        """Start a server beside one that serves, and wait until it stands by."""
        before = server.log.stat().st_size if server.log.exists() else 0
        address = f"127.0.0.1:{_free_port()}"
        server.spawn(address)
        _until(lambda: "standing_by" in server.logged()[before:])
        server.address = address

    def swap(self) -> None:
        """Take note that the standby is the owner now."""
        self.owner, self.standby = self.standby, self.owner


@pytest.fixture(name="pair")
def _pair(tmp_path: Path, postgres: PostgresServer) -> Iterator[Pair]:
    made = Pair(tmp_path, postgres.new_database())
    with ExitStack() as undo:
        for server in made.servers:
            undo.callback(server.kill)
        made.begin()
        yield made


async def test_a_standby_says_so_and_who_decides(pair: Pair) -> None:
    """Health is NOT_SERVING, a write is UNAVAILABLE and told where to go."""
    assert not await _serves(pair.standby)
    assert await _serves(pair.owner)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _upsert(pair.standby, "d1")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    told = str(rpc_status.from_call(caught.value))
    assert f":{pair.owner.pid}:" in told
    assert pair.owner.address in told
    lines = [line for line in pair.standby.logged().splitlines() if "listening" in line]
    assert [pair.standby.address in line for line in lines] == [True]
    await _upsert(pair.owner, "d2")
    pair.standby.signal(signal.SIGTERM)
    assert pair.standby.wait() == 0
    pair.owner.signal(signal.SIGTERM)
    assert pair.owner.wait() == 0
    assert StoreAudit.of(pair.url).demands.keys() == {DemandId("d2")}


async def test_one_that_ends_in_order_hands_over_at_once(pair: Pair) -> None:
    """Without a wait for its lease: what it stored is there, and goes on."""
    await _upsert(pair.owner, "d1")
    pair.owner.signal(signal.SIGTERM)
    assert pair.owner.wait() == 0
    pair.standby.serving()
    await _upsert(pair.standby, "d2")
    assert len(StoreAudit.of(pair.url).demands) == 2


async def test_one_that_slept_cannot_write(pair: Pair) -> None:
    """Stopped for longer than its lease: on waking it is refused, and stands by."""
    await _upsert(pair.owner, "d1")
    pair.owner.signal(signal.SIGSTOP)
    pair.standby.serving()
    await _upsert(pair.standby, "d2")
    pair.owner.signal(signal.SIGCONT)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _upsert(pair.owner, "d3")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await _until_serves(pair.owner, serves=False)
    assert await _serves(pair.standby)
    pair.standby.kill()
    await _until_serves(pair.owner, serves=True)
    await _upsert(pair.owner, "d4")
    found = StoreAudit.of(pair.url).demands
    assert found.keys() == {DemandId("d1"), DemandId("d2"), DemandId("d4")}


async def test_one_that_stopped_while_it_wrote_is_replaced(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Stopped between the rows of a transaction: its session is ended, and it writes none.

    PostgreSQL itself does not see that such a session pauses: what came is done, and
    the end of the batch has not come. So neither does its timeout for idle ones.
    """
    # Long enough to be seen standing still, on a busy machine too.
    monkeypatch.setenv("NEARTURN_STORE_IDLE_TIMEOUT_MS", "4000")
    pair = Pair(tmp_path, postgres.new_database())
    pair.owner.program = STOPPING
    with ExitStack() as undo:
        for server in pair.servers:
            undo.callback(server.kill)
        pair.begin()
        await _upsert(pair.owner, "d1")
        written = asyncio.create_task(_upsert(pair.owner, "d2"))
        await asyncio.to_thread(_until, pair.owner.is_stopped)
        await asyncio.to_thread(_until, lambda: _stands_still(postgres, pair.url))
        await asyncio.to_thread(pair.standby.serving)
        await _upsert(pair.standby, "d3")
        pair.owner.signal(signal.SIGCONT)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await written
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        await _until_serves(pair.owner, serves=False)
        assert await _serves(pair.standby)
    found = StoreAudit.of(pair.url).demands
    assert found.keys() == {DemandId("d1"), DemandId("d3")}


async def test_take_overs_under_load_lose_nothing(pair: Pair) -> None:
    """
    SIGKILL, or SIGSTOP until the other one serves, in turns, under load (R2, I1 to I4).

    Nothing acknowledged is lost, requests have their first answer from whoever
    decides, and the store holds every invariant.
    """
    moments, load = random.Random(SEED), KillLoad(SEED)
    await load.prepare(pair.owner.address)
    for number in range(TAKE_OVERS):
        if number:
            await load.check_answers(pair.owner.address)
        is_killed = number % 2 == 0
        end = pair.owner.kill if is_killed else _stop(pair.owner)
        moment = moments.randint(30, 90), moments.uniform(0, 0.01)
        await load.run(pair.owner.address, *moment, end)
        await _until_serves(pair.standby, serves=True)
        if is_killed:
            pair.stand_by(pair.owner)
        else:
            # What it had accepted before it was stopped it now tries to write.
            pair.owner.signal(signal.SIGCONT)
            await _until_serves(pair.owner, serves=False)
        pair.swap()
    for server in pair.servers:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    audit = StoreAudit.of(pair.url)
    audit.check()
    load.told.check(audit)
    assert load.told.met_in_flight >= TAKE_OVERS
    assert load.told.confirmed
    assert load.told.rounds


def _stop(server: ServerProcess) -> Callable[[], None]:
    return lambda: server.signal(signal.SIGSTOP)


def _stands_still(postgres: PostgresServer, url: str) -> bool:
    # Active inside a pipeline, and idle where none of its rows has come: a timer may
    # have written in between.
    with postgres.connection(url.rpartition("/")[2]) as connection:
        return ("ClientRead",) in connection.execute(_WRITERS).fetchall()


async def _upsert(server: ServerProcess, demand_id: str) -> None:
    ends = timestamp(now_us() + DAY_US)
    async with AsyncClient(server.address) as client:
        await client.demands.UpsertDemand(
            demand_service_pb2.UpsertDemandRequest(
                demand=demand(demand_id, ship_by_time=ends)
            )
        )


async def _serves(server: ServerProcess) -> bool:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
        return bool(answer.status == SERVING)


async def _until_serves(server: ServerProcess, *, serves: bool) -> None:
    async with (
        asyncio.timeout(_PATIENCE_S),
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        async for answer in stub.Watch(health_pb2.HealthCheckRequest()):
            if (answer.status == SERVING) is serves:
                return


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "in vain"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
