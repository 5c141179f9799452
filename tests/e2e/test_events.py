"""Decisions of a real server on a real broker, whoever of the two dies."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.json_format import ParseDict
from grpc_health.v1 import health_pb2, health_pb2_grpc

from matcher.domain.decision import Decision
from matcher.engine.erasure import erased_decision
from nearturn.async_client import AsyncClient
from nearturn.v1 import decision_pb2, return_service_pb2
from server.api.convert.decision import from_decision
from tests.contract.messages import return_item, timestamp, verification
from tests.fault.kill_load import KillLoad
from tests.scenarios import DAY_US
from tests.scenarios.event_reader import (
    Received,
    firsts,
    make_stream,
    message_count,
    read_stream,
)
from tests.scenarios.nats_broker import NatsBroker
from tests.scenarios.postgres_server import PostgresServer
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

pytestmark = pytest.mark.e2e

SEED = 20_260_302
KILLS = 3
ROOT = Path(__file__).resolve().parents[2]

_PATIENCE_S = 60.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsBroker]:
    """Run a broker of its own."""
    with NatsBroker(tmp_path / "broker") as started:
        yield started


def _server(
    folder: Path, url: str, *options: str, store_url: str = ""
) -> ServerProcess:
    settings = folder / "nearturn.toml"
    settings.write_text(
        f'nats_url = "{url}"\nevent_retry_max_ms = 200\nlease_ttl_ms = 1000\n'
    )
    options = ("--config", str(settings), *options)
    return ServerProcess(folder, *options, store_url=store_url)


async def test_every_decision_arrives_whenever_the_server_is_killed(
    tmp_path: Path, broker: NatsBroker
) -> None:
    """
    SIGKILL under load, three times, mostly between the broker's answer and the cursor.

    The stream drops no repetitions, so a consumer sees them: each is the same to the
    byte, and the first ones are the log, in its order for each return.
    """
    await make_stream(broker.url)
    moments = random.Random(SEED)
    load = KillLoad(SEED)
    with _server(tmp_path, broker.url, "--log-level=warning") as server:
        await load.prepare(server.address)
        for kill in range(KILLS):
            if kill:
                server.start()
            moment = moments.randint(30, 90), moments.uniform(0, 0.01)
            await load.run(server.address, *moment, server.kill)
    received = await _settled(tmp_path, broker)
    assert len(received) > len(firsts(received)), "no kill fell in between"


async def test_every_decision_arrives_whenever_the_broker_is_killed(
    tmp_path: Path, broker: NatsBroker
) -> None:
    """SIGKILL of the broker under load, over and over: the backlog waits for it."""
    await make_stream(broker.url)
    load = KillLoad(SEED)
    with _server(tmp_path, broker.url, "--log-level=info") as server:
        await load.prepare(server.address)
        # Away before the first call: however fast the load, a publish finds nobody.
        broker.kill()
        loading = asyncio.create_task(load.run(server.address, 400, 0, server.kill))
        while not loading.done():
            await _until(partial(_misses_more, server, _misses(server)), loading)
            await asyncio.to_thread(broker.start)
            await _until(lambda: message_count(broker.url), loading)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(broker.kill)
        await loading
    logged = server.logged()
    assert _misses(server)
    assert '"error"' not in logged.replace('"error":', "")
    broker.start()
    await _settled(tmp_path, broker)


async def test_every_decision_arrives_when_another_server_takes_over(
    tmp_path: Path, broker: NatsBroker
) -> None:
    """
    The owner stands still with events on their way, and comes back to another's log.

    It repeats events at worst, and ends with nothing to publish: the first ones are
    the log all the same, and after the second take-over it goes on with it.
    """
    await make_stream(broker.url)
    folders = [tmp_path / name for name in ("one", "two")]
    with PostgresServer() as database:
        url = database.new_database()
        for folder in folders:
            folder.mkdir()
        servers = [_server(each, broker.url, store_url=url) for each in folders]
        with servers[0] as one:
            await _submit(one.address, 300)
            one.signal(signal.SIGSTOP)
            with servers[1] as two:
                await _submit(two.address, 300, first=300)
                one.signal(signal.SIGCONT)
                await _until(lambda: _says(one, "leases_lost"))
                await _submit(two.address, 300, first=600)
                two.signal(signal.SIGTERM)
                assert await asyncio.to_thread(two.wait) == 0
            await _until(lambda: _decides(one.address))
            await _submit(one.address, 300, first=900)
            one.signal(signal.SIGTERM)
            assert await asyncio.to_thread(one.wait) == 0
        await _check(url, broker)


async def test_a_broker_that_is_away_keeps_nobody_from_serving(
    tmp_path: Path, broker: NatsBroker
) -> None:
    """SERVING and deciding without it, a warning with the lag; all arrives later."""
    broker.kill()
    with _server(tmp_path, broker.url) as server:
        assert await _decides(server.address)
        await _submit(server.address, 20)
        await _until(lambda: _says(server, '"lag_count": 20'))
        broker.start()
        await _until(lambda: _has(broker, 20))
        await _until(lambda: _says(server, "events_caught_up"))


async def test_sigterm_publishes_what_is_decided(
    tmp_path: Path, broker: NatsBroker
) -> None:
    """The signal comes right behind the answer: all of it is out when it has ended."""
    with _server(tmp_path, broker.url) as server:
        await _submit(server.address, 2_000)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
    assert await message_count(broker.url) == 2_000


async def test_a_stream_that_would_lose_events_is_told_and_not_used(
    tmp_path: Path, broker: NatsBroker
) -> None:
    """The log says what is wrong with it, and no password of the address."""
    await make_stream(broker.url, storage="memory")
    with _server(tmp_path, broker.url.replace("//", "//us:secret@")) as server:
        await _submit(server.address, 1)
        await _until(lambda: _says(server, "storage is memory; it has to be file"))
    assert await message_count(broker.url) == 0
    assert "secret" not in server.logged()


async def test_the_example_ends_with_the_routes_of_the_store(
    tmp_path: Path, broker: NatsBroker
) -> None:
    """Killed and started again in the middle, it has the last decision of each."""
    load = KillLoad(SEED)
    with _server(tmp_path, broker.url, "--log-level=warning") as server:
        await load.prepare(server.address)
        await load.run(server.address, 150, 0, server.kill)
    await _settled(tmp_path, broker)
    table = tmp_path / "routes.db"
    half = await _example(broker, table, "--quiet-s=30")
    await _until(lambda: _has_rows(table))
    half.kill()
    await half.wait()
    whole = await _example(broker, table, "--quiet-s=8")
    assert await whole.wait() == 0
    audit = StoreAudit.of(f"sqlite:///{tmp_path / 'nearturn.db'}")
    with closing(sqlite3.connect(table)) as connection:
        found = connection.execute(
            "SELECT return_id, outcome, demand_id, warehouse_id FROM routes"
        ).fetchall()
    assert sorted(found) == sorted(map(_route, audit.latest().values()))


def _route(decision: Decision) -> tuple[str, str, str, str]:
    return (
        decision.return_id,
        f"OUTCOME_{decision.outcome.name}",
        decision.match.demand_id if decision.match else "",
        decision.warehouse.warehouse_id if decision.warehouse else "",
    )


async def _example(
    broker: NatsBroker, table: Path, *options: str
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "examples" / "events" / "follow.py")),
        *("--url", broker.url, "--out", str(table), *options),
        stdout=subprocess.DEVNULL,
    )


async def _has_rows(table: Path) -> bool:
    with closing(sqlite3.connect(table)) as connection:
        try:
            return bool(connection.execute("SELECT 1 FROM routes").fetchone())
        except sqlite3.OperationalError:
            return False


async def _settled(folder: Path, broker: NatsBroker) -> list[Received]:
    # One more life, in which nothing is decided: what is left goes out.
    with _server(folder, broker.url, "--no-timers") as server:
        await _until(partial(_is_published, folder / "nearturn.db"))
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
    return await _check(server.store_url, broker)


async def _is_published(store: Path) -> bool:
    # A broker that is slow to come back is none when the server stops.
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        (is_published,) = connection.execute(
            "SELECT (SELECT max(sequence) FROM relay_cursors) = max(sequence)"
            " FROM decisions"
        ).fetchone()
        return bool(is_published)


async def _check(store_url: str, broker: NatsBroker) -> list[Received]:
    # The stream held against the store: the first events are the log, to the field.
    audit = StoreAudit.of(store_url)
    audit.check()
    received = await read_stream(broker.url)
    first = firsts(received)
    events = [each.event for each in first.values()]
    assert sorted(event["sequence"] for event in events) == [
        f"{number:020d}" for number in range(1, len(audit.decisions) + 1)
    ]
    for event in events:
        decision = audit.decisions[int(event["sequence"]) - 1]
        told = ParseDict(event["data"], decision_pb2.Decision())
        assert told == from_decision(erased_decision(decision))
    by_return = sorted(events, key=lambda event: event["subject"])
    for return_id, of_return in groupby(by_return, lambda event: event["subject"]):
        numbers = [event["sequence"] for event in of_return]
        assert numbers == sorted(numbers), return_id
    return received


async def _submit(address: str, count: int, first: int = 0) -> None:
    evidence = verification(verify_time=timestamp(now_us() - 60_000_000))
    ends = timestamp(now_us() + DAY_US)
    async with AsyncClient(address) as client:
        await client.returns.BatchSubmitReturns(
            return_service_pb2.BatchSubmitReturnsRequest(
                return_items=[
                    return_item(f"r{at}", verification=evidence, decide_by_time=ends)
                    for at in range(first, first + count)
                ]
            )
        )


async def _decides(address: str) -> bool:
    async with grpc.aio.insecure_channel(address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest()
        )
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _says(server: ServerProcess, text: str) -> bool:
    return text in server.logged()


async def _has(broker: NatsBroker, count: int) -> bool:
    return await message_count(broker.url) == count


def _misses(server: ServerProcess) -> int:
    return server.logged().count("events_not_published")


async def _misses_more(server: ServerProcess, misses: int) -> bool:
    return _misses(server) > misses


async def _until(
    is_so: Callable[[], Coroutine[Any, Any, object]],
    or_ended: asyncio.Task[None] | None = None,
) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not await is_so():
            if or_ended is not None and or_ended.done():
                return
            await asyncio.sleep(0.05)
