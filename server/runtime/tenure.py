"""Having the shards' leases, or waiting for them, for as long as the server runs."""

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

#: Told whether the server decides from now on, or stands by.
Told = Callable[[bool], Awaitable[None]]


class Tenure:
    """
    Keeps this server the owner of its shards, and another one's standby until then.

    Renewals have a thread of their own: they go on while the engine is busy.

    Parameters
    ----------
    ownership
        What it takes and renews.
    tenants
        Whose shards it is to have: all of them or it stands by.
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

    async def obtain(self) -> None:
        """Return once every shard is this server's."""
        is_told = False
        while missing := await self._missing():
            if not is_told:
                log.info("standing_by", tenants=missing)
                is_told = True
            await asyncio.sleep(self._interval_s)
        log.info("leases_taken", tenants=self._tenants)

    async def keep(self, begin: Callable[[], Awaitable[None]], told: Told) -> None:
        """
        Renew for good; stand by after a loss, and begin anew once all is back.

        Parameters
        ----------
        begin
            Loads the shards.
        told
            Is told of each loss, and of each return after the shards are loaded.
        """
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                await self._on(self._ownership.renew)
            except UnavailableError as error:
                log.warning("leases_not_renewed", error=str(error))
            if all(self._ownership.holds(each) for each in self._tenants):
                continue
            log.warning("leases_lost", tenants=self._tenants)
            await told(False)
            await self._obtain_and(begin)
            await told(True)

    async def end(self) -> None:
        """Give everything back, so that a standby need not wait."""
        try:
            await self._on(self._ownership.give_back)
        except UnavailableError as error:
            log.warning("leases_not_given_back", error=str(error))
        await asyncio.to_thread(self._thread.shutdown)

    async def _obtain_and(self, begin: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self.obtain()
            try:
                await begin()
            except UnavailableError as error:
                log.warning("shards_not_loaded", error=str(error))
                await asyncio.sleep(self._interval_s)
            else:
                return

    async def _missing(self) -> list[TenantId]:
        try:
            return await self._on(
                lambda: [e for e in self._tenants if not self._ownership.take(e)]
            )
        except UnavailableError as error:
            log.warning("leases_not_read", error=str(error))
            return self._tenants

    async def _on(self, fn: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, partial(fn)
        )
