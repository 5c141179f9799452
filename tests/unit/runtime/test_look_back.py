"""Looking back: one at a time, within a budget, and given up when nobody waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from matcher.domain.errors import LimitExceededError, UnavailableError
from matcher.solve import Stop
from server.runtime.options import RuntimeOptions
from server.runtime.past import Past
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from tests.scenarios import NOW_US
from tests.scenarios.entities import TENANT


def _runtime(folder: Path, **options: int) -> Runtime:
    return Runtime(
        open_store(f"sqlite:///{folder / 'test.db'}"),
        clock=lambda: NOW_US,
        options=RuntimeOptions(
            tenants=(TENANT,), threads=1, runs_timers=False, **options
        ),
    )


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    """Run a runtime without timers on a fresh store."""
    running = _runtime(tmp_path)
    await running.start()
    yield running
    await running.stop()


def _until_stopped(_past: Past, stop: Stop) -> None:
    while not stop.is_requested:
        time.sleep(0.001)
    raise UnavailableError("stopped")


async def test_it_runs_beside_the_engine(runtime: Runtime) -> None:
    """On a thread of its own, with the past of the runtime's own store."""

    def look(past: Past, stop: Stop) -> str:
        assert past.store is runtime.store
        assert not stop.is_requested
        return threading.current_thread().name

    assert (await runtime.look_back(look)).startswith("past")


async def test_one_at_a_time(runtime: Runtime) -> None:
    """Eight that ask at once are served one after the other; reads go on meanwhile."""
    running = 0
    most = 0

    def look(_past: Past, _stop: Stop) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1

    looking = asyncio.gather(*(runtime.look_back(look) for _ in range(8)))
    assert await asyncio.wait_for(runtime.read(lambda store: store.tenants()), 5) == []
    await looking
    assert most == 1


async def test_a_budget_ends_it(tmp_path: Path) -> None:
    """The setting's name, and what it was: RESOURCE_EXHAUSTED for the caller."""
    running = _runtime(tmp_path, replay_budget_us=20_000)
    await running.start()
    with pytest.raises(LimitExceededError, match="replay_budget_ms"):
        await running.look_back(_until_stopped)
    assert await running.look_back(lambda _past, _stop: 7) == 7
    await running.stop()


async def test_whoever_gives_up_ends_it(runtime: Runtime) -> None:
    """A caller that is gone stops its own; the next one waits for that, and runs."""
    started = threading.Event()
    ended = threading.Event()

    def look(past: Past, stop: Stop) -> None:
        started.set()
        try:
            _until_stopped(past, stop)
        finally:
            ended.set()

    asking = asyncio.create_task(runtime.look_back(look))
    queued = asyncio.create_task(runtime.look_back(look))
    await asyncio.to_thread(started.wait)
    queued.cancel()
    asking.cancel()
    for each in (asking, queued):
        with pytest.raises(asyncio.CancelledError):
            await each
    assert await runtime.look_back(lambda _past, _stop: ended.is_set())


async def test_a_server_that_stops_ends_it(tmp_path: Path) -> None:
    """It does not hold the stop up for its whole budget."""
    running = _runtime(tmp_path)
    await running.start()
    asking = asyncio.create_task(running.look_back(_until_stopped))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(running.stop(), 5)
    with pytest.raises(UnavailableError):
        await asking
    with pytest.raises(UnavailableError):
        await running.look_back(_until_stopped)
