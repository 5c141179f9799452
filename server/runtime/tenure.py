"""Having shards' leases, or waiting for them, for as long as the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from server.runtime.ownership import Ownership

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Told whose shards the server decides for from now on; of none, it stands by.
Told = Callable[[frozenset[TenantId]], Awaitable[None]]

#: Loads shards that have come to the server.
Begin = Callable[[Sequence[TenantId]], Awaitable[None]]


class Tenure:
    """
    Keeps this server the owner of its shards, and others' standby for the rest.

    Renewals have a thread of their own: they go on while the engine is busy.

    Parameters
    ----------
    ownership
        What it takes and renews.
    tenants
        Whose shards it is to have. Those that it has not it waits for, and decides for
        the others meanwhile.
    interval_s
        How often it looks; a few times in the time that a lease lives.
    """

    def __init__(
        self, ownership: Ownership, tenants: Sequence[TenantId], interval_s: float
    ) -> None:
        self._ownership = ownership
        self._tenants = sorted(tenants)
        self._interval_s = interval_s
        self._thread: Executor = ThreadPoolExecutor(1, thread_name_prefix="tenure")
        # Shards that were loaded, each with the epoch of its lease then.
        self._begun: dict[TenantId, int] = {}

    async def start(self, begin: Begin) -> None:
        """Return once a shard is this server's, and all that are have been loaded."""
        is_told = False
        while not await self._take_free():
            if not is_told:
                log.info("standing_by", tenants=self._tenants)
                is_told = True
            await asyncio.sleep(self._interval_s)
        await self._begin(begin)

    async def keep(self, begin: Begin, told: Told) -> None:
        """
        Renew for good, take what falls free, and let go of what is lost.

        Parameters
        ----------
        begin
            Loads shards.
        told
            Is told of each loss, and of each gain after the shards are loaded.
        """
        while True:
            await asyncio.sleep(self._interval_s)
            await self._renew()
            held = self._ownership.epochs()
            lost = [each for each in self._begun if self._begun[each] != held.get(each)]
            if lost:
                log.warning("leases_lost", tenants=lost)
                for tenant in lost:
                    del self._begun[tenant]
                await told(frozenset(self._begun))
            await self._take_free()
            if self._gained():
                try:
                    await self._begin(begin)
                except UnavailableError as error:
                    log.warning("shards_not_loaded", error=str(error))
                else:
                    await told(frozenset(self._begun))

    async def end(self) -> None:
        """Give everything back, so that a standby need not wait."""
        try:
            await self._on(self._ownership.give_back)
        except UnavailableError as error:
            log.warning("leases_not_given_back", error=str(error))
        await asyncio.to_thread(self._thread.shutdown)

    def _gained(self) -> dict[TenantId, int]:
        held = self._ownership.epochs()
        return {each: held[each] for each in sorted(held) if each not in self._begun}

    async def _begin(self, begin: Begin) -> None:
        gained = self._gained()
        log.info("leases_taken", tenants=list(gained))
        await begin(list(gained))
        self._begun.update(gained)

    async def _renew(self) -> None:
        try:
            await self._on(self._ownership.renew)
        except UnavailableError as error:
            log.warning("leases_not_renewed", error=str(error))

    async def _take_free(self) -> bool:
        # Whether any is this server's.
        missing = [each for each in self._tenants if not self._ownership.holds(each)]
        try:
            await self._on(lambda: self._ownership.take_free(missing))
        except UnavailableError as error:
            log.warning("leases_not_read", error=str(error))
        return bool(self._ownership.epochs())

    async def _on(self, fn: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, partial(fn)
        )
