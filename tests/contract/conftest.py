"""A server's API over a real embedded store, with a clock that tests move."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from tests.contract.api_target import (
    TENANT,
    Api,
    HandClock,
    LocalTransport,
    SocketServer,
    SocketTransport,
    WireServer,
)
from tests.contract.web_target import WebDoorServer, WebTransport
from tests.scenarios.web_caller import WAYS, WebCaller

TARGETS = ("in_process", "socket", "wire")
# The browser's door has the same handlers behind it. What only it decides is asked for
# in every way that it speaks; the rest of the API, once.
WEB_TARGETS = ("grpc_web",)
STORE = "test.db"
SERVERS: dict[str, type[SocketServer | WireServer]] = {
    "socket": SocketServer,
    "wire": WireServer,
}


@pytest.fixture
def clock() -> HandClock:
    """Return a clock at noon."""
    return HandClock()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one store and close it: copying it is quicker than migrating each."""
    path = tmp_path_factory.mktemp("store") / STORE
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
async def runtime(
    tmp_path: Path, clock: HandClock, empty_store: Path
) -> AsyncIterator[Runtime]:
    """Run a runtime without timers on a fresh store."""
    shutil.copy(empty_store, tmp_path / STORE)
    async with running(tmp_path, clock) as started:
        yield started


@pytest.fixture(params=TARGETS)
async def api(request: pytest.FixtureRequest, runtime: Runtime) -> AsyncIterator[Api]:
    """Give the API of a fresh server, once in this process and once over a socket."""
    async with target(request.param, runtime) as found:
        yield found


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=(*TARGETS, *WEB_TARGETS)
)
async def untouched_api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    """Give one API to a whole module whose tests all leave it empty."""
    folder = tmp_path_factory.mktemp("untouched")
    async with (
        running(folder, HandClock()) as runtime,
        target(request.param, runtime) as found,
    ):
        yield found


@pytest.fixture(params=SERVERS)
async def socket_server(
    request: pytest.FixtureRequest, runtime: Runtime
) -> AsyncIterator[SocketServer | WireServer]:
    """Run a gRPC server on a port of its own: here, and in a process of its own."""
    async with SERVERS[request.param](runtime) as server:
        yield server


@asynccontextmanager
async def running(folder: Path, clock: HandClock) -> AsyncIterator[Runtime]:
    """Run a runtime in a folder."""
    started = Runtime(
        open_store(f"sqlite:///{folder / STORE}"),
        clock=clock,
        options=RuntimeOptions(tenants=(TENANT,), threads=1, runs_timers=False),
    )
    await started.start()
    yield started
    await started.stop()


@asynccontextmanager
async def target(name: str, runtime: Runtime) -> AsyncIterator[Api]:
    """Open one of the two ways to the API."""
    if name == "in_process":
        yield Api(LocalTransport(runtime), runtime)
        return
    if name in WAYS:
        async with WebDoorServer(runtime) as door, WebCaller(door.url, name) as caller:
            yield Api(WebTransport(caller), runtime)
        return
    async with SERVERS[name](runtime) as server, server.channel() as channel:
        yield Api(SocketTransport(channel), runtime)
