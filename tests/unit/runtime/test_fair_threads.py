"""Threads that tenants take turns on, with work that ends when the test says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from matcher.domain.ids import TenantId
from server.runtime.fair_threads import FairThreads
from server.runtime.working_for import set_working_for, working_for

A, B = TenantId("a"), TenantId("b")


class Piece:
    """Work that notes its start and waits to be let go."""

    def __init__(self, done: list[str], name: str) -> None:
        self._done = done
        self._name = name
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self) -> str:
        """Run."""
        self.begun.set()
        assert self.go.wait(20)
        self._done.append(self._name)
        return self._name


class Bench:
    """Threads with pieces of work on them."""

    def __init__(self, threads: FairThreads) -> None:
        self.threads = threads
        self.done: list[str] = []
        self.pieces: list[Piece] = []

    async def start(self, tenant: TenantId) -> tuple[Piece, asyncio.Task[str]]:
        """Ask for a piece of a tenant's work."""
        piece = Piece(self.done, f"{tenant}{len(self.pieces)}")
        self.pieces.append(piece)

        async def run() -> str:
            set_working_for(tenant)
            return await self.threads.run(piece)

        task = asyncio.create_task(run())
        for _ in range(3):
            await asyncio.sleep(0)
        return piece, task

    def let_all_go(self) -> None:
        """Let every piece end."""
        for piece in self.pieces:
            piece.go.set()


@asynccontextmanager
async def _threads(count: int, each_max: int) -> AsyncIterator[Bench]:
    threads = FairThreads(count, each_max, "test")
    bench = Bench(threads)
    try:
        yield bench
    finally:
        bench.let_all_go()
        await asyncio.wait_for(threads.shutdown(), 20)


async def _begun(piece: Piece) -> bool:
    return await asyncio.to_thread(piece.begun.wait, 20)


async def test_one_tenant_leaves_a_thread_to_the_others() -> None:
    """Of two threads it has one at most: who comes after five of it runs at once."""
    async with _threads(2, 1) as bench:
        flood = [await bench.start(A) for _ in range(5)]
        one, running = await bench.start(B)
        assert await _begun(flood[0][0])
        assert await _begun(one)
        assert not flood[1][0].begun.is_set()
        one.go.set()
        assert await asyncio.wait_for(running, 20) == "b5"
        bench.let_all_go()
        await asyncio.wait_for(asyncio.gather(*(task for _, task in flood)), 20)
    assert bench.done == ["b5", "a0", "a1", "a2", "a3", "a4"]


async def test_tenants_take_turns_on_one_thread() -> None:
    """Three of one wait before one of the other comes: that is next, and not last."""
    async with _threads(1, 1) as bench:
        tasks = [(await bench.start(A))[1] for _ in range(4)]
        tasks.append((await bench.start(B))[1])
        bench.let_all_go()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert bench.done.index("b4") <= 1


async def test_who_gives_up_before_its_turn_has_taken_nothing() -> None:
    """The one behind it runs, and the thread is free again in the end."""
    async with _threads(1, 1) as bench:
        first, running = await bench.start(A)
        gone, leaving = await bench.start(A)
        _, waiting = await bench.start(A)
        leaving.cancel()
        await asyncio.wait([leaving])
        first.go.set()
        bench.let_all_go()
        assert await asyncio.wait_for(running, 20) == "a0"
        assert await asyncio.wait_for(waiting, 20) == "a2"
        assert not gone.begun.is_set()


async def test_who_gives_up_as_its_turn_comes_gives_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the two nobody uses the thread, and the next one finds it free."""
    async with _threads(1, 1) as bench:
        first, running = await bench.start(A)
        unused, leaving = await bench.start(A)
        assert await _begun(first)
        give_turns = bench.threads._give_turns

        def give_and_leave() -> None:
            give_turns()
            leaving.cancel()

        monkeypatch.setattr(bench.threads, "_give_turns", give_and_leave)
        first.go.set()
        assert await asyncio.wait_for(running, 20) == "a0"
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        _, waiting = await bench.start(A)
        bench.let_all_go()
        assert await asyncio.wait_for(waiting, 20) == "a2"
        assert not unused.begun.is_set()


async def test_who_gives_up_later_keeps_its_thread_until_it_ends() -> None:
    """What runs cannot be interrupted: nobody else may begin beside it meanwhile."""
    async with _threads(1, 1) as bench:
        first, running = await bench.start(A)
        second, waiting = await bench.start(B)
        assert await _begun(first)
        running.cancel()
        await asyncio.wait([running])
        assert not await asyncio.to_thread(second.begun.wait, 0.05)
        bench.let_all_go()
        assert await asyncio.wait_for(waiting, 20) == "b1"


async def test_work_knows_whose_it_is() -> None:
    """As the task that asks for it does."""
    threads = FairThreads(1, 1, "test")
    set_working_for(B)
    assert await asyncio.wait_for(threads.run(working_for), 20) == B
    await asyncio.wait_for(threads.shutdown(), 20)


async def test_an_error_is_its_askers_and_frees_the_thread() -> None:
    """The next piece runs."""
    threads = FairThreads(1, 1, "test")

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(threads.run(broken), 20)
    assert await asyncio.wait_for(threads.run(lambda: 7), 20) == 7
    await asyncio.wait_for(threads.shutdown(), 20)
