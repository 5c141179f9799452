"""Items from a thread to a reader in a loop."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from matcher.domain.errors import UnavailableError
from server.runtime.emitter import Outlet
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from server.storage.store import Store


@pytest.fixture(name="runtime")
async def _runtime(tmp_path: Path):
    runtime = Runtime(
        open_store(f"sqlite:///{tmp_path / 'test.db'}"),
        options=RuntimeOptions(runs_timers=False),
    )
    await runtime.start()
    yield runtime
    await runtime.stop()


async def test_items_come_in_order_and_never_pile_up(runtime: Runtime):
    """A slow reader holds the thread back: a few items wait, not thousands."""
    emitted = 0

    def work(_: Store, outlet: Outlet[int]) -> None:
        nonlocal emitted
        for number in range(1_000):
            outlet.emit(number)
            emitted += 1

    seen = 0
    async for item in runtime.stream(work):
        assert item == seen
        seen += 1
        assert emitted - seen < 20
    assert seen == 1_000


async def test_an_error_reaches_the_reader_behind_the_items(runtime: Runtime):
    """What was put out before it is not lost."""

    def work(_: Store, outlet: Outlet[int]) -> None:
        outlet.emit(1)
        raise UnavailableError("gone")

    stream = runtime.stream(work)
    assert await anext(stream) == 1
    with pytest.raises(UnavailableError, match="gone"):
        await anext(stream)


async def test_work_that_nobody_reads_ends(runtime: Runtime):
    """It is told so where it next pauses, however full its outlet is."""
    ended = threading.Event()

    def work(_: Store, outlet: Outlet[int]) -> None:
        try:
            while True:
                outlet.emit(1)
        finally:
            ended.set()

    stream = runtime.stream(work)
    assert await anext(stream) == 1
    await stream.aclose()
    assert ended.is_set()


async def test_a_server_that_stops_ends_it(tmp_path: Path):
    """Stopping does not wait for hours of work."""
    runtime = Runtime(
        open_store(f"sqlite:///{tmp_path / 'other.db'}"),
        options=RuntimeOptions(runs_timers=False),
    )
    await runtime.start()

    def work(_: Store, outlet: Outlet[int]) -> None:
        outlet.emit(1)
        while True:
            outlet.pause()

    async def read() -> None:
        async for _ in runtime.stream(work):
            begun.set()

    begun = asyncio.Event()
    reading = asyncio.create_task(read())
    await begun.wait()
    await asyncio.wait_for(runtime.stop(), 5)
    with pytest.raises(UnavailableError):
        await reading
