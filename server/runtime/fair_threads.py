"""Threads that tenants take turns on."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns
from typing import TypeVar

from matcher.domain.ids import TenantId
from server.runtime.fair_order import FairOrder
from server.runtime.working_for import working_for

T = TypeVar("T")


@dataclass(slots=True)
class Place:
    """A thread that is free for one piece of work, and has to be used for one."""

    threads: FairThreads
    tenant: TenantId

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """
        Run ``fn``, which knows whose call it is as the task that asks does.

        Whoever gives up does not end it: it goes on, and keeps its place meanwhile.
        """
        return await self.threads.run_on(self, partial(fn, *args))


class FairThreads:
    """
    A few threads for work that may take long, in a fair order of tenants.

    Nothing that runs is interrupted. So one tenant has at most ``each_max`` threads:
    while fewer tenants than threads have long work, whoever else comes finds one.
    Whose work it is, the task that asks knows.

    Parameters
    ----------
    count
        Threads.
    each_max
        Of them, how many one tenant may have at once.
    name
        Of the threads.
    """

    def __init__(self, count: int, each_max: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._count = count
        self._each_max = each_max
        self._running: Counter[TenantId] = Counter()
        self._order = FairOrder[asyncio.Future[None]]()
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Run ``fn`` when it is the tenant's turn."""
        place = await self.place()
        return await place.run(fn, *args)

    async def place(self) -> Place:
        """
        Wait for the tenant's turn; whoever gives up before it has taken nothing.

        The work has to be run at once: whatever may take time comes before or after.
        """
        tenant = working_for()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order.put(tenant, turn)
        self._idle.clear()
        self._give_turns()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._ended(tenant, 0)
            raise
        return Place(self, tenant)

    async def run_on(self, place: Place, run: Callable[[], T]) -> T:
        """Run something on a place; see :meth:`Place.run`."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        begun_ns = perf_counter_ns()
        running = self._pool.submit(contextvars.copy_context().run, run)

        def ended(running: Future[T]) -> None:
            # On the thread itself: a task that gives up does not end it.
            taken_ns = perf_counter_ns() - begun_ns
            loop.call_soon_threadsafe(back, taken_ns, running)

        def back(taken_ns: int, running: Future[T]) -> None:
            self._ended(place.tenant, taken_ns)
            if answer.done():
                return
            if (error := running.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(running.result())

        # One way back to the loop, where asyncio's own would be a second.
        running.add_done_callback(ended)
        return await answer

    async def shutdown(self) -> None:
        """Wait for what runs and what waits to end."""
        await self._idle.wait()
        await asyncio.to_thread(self._pool.shutdown)

    def _give_turns(self) -> None:
        while self._running.total() < self._count:
            tenant = self._order.next_tenant(self._may_run)
            if tenant is None:
                break
            turn = self._order.take(tenant)
            if not turn.cancelled():
                self._running[tenant] += 1
                turn.set_result(None)
        if not self._running.total() and not len(self._order):
            self._idle.set()

    def _may_run(self, tenant: TenantId) -> bool:
        return self._running[tenant] < self._each_max

    def _ended(self, tenant: TenantId, taken_ns: int) -> None:
        self._running[tenant] -= 1
        self._order.charge(tenant, taken_ns)
        self._give_turns()
