"""All logs of a server on their way to one sink."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import structlog

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from server.events.event_sink import EventSink
from server.events.relay import Encode, Lag, Relay, RelayParams
from server.runtime.runtime import Runtime
from server.storage.store import Store

log = structlog.get_logger(__name__)

# How often cursors are stored. Each is a commit of its own between those of decisions,
# so once per batch would be too dear; what a crash costs is this much published twice.
_KEEP_S = 0.25

#: How long a server that stops waits for the sink.
DRAIN_S = 5.0


class Outbox:
    """
    Relays of all tenants, each in a task of its own.

    Parameters
    ----------
    runtime
        One that has started, and is stopped after this.
    sink
        Where events go; closed by :meth:`stop`.
    encode
        Makes the events.
    params
        How each relay works.
    """

    def __init__(
        self, runtime: Runtime, sink: EventSink, encode: Encode, params: RelayParams
    ) -> None:
        self._sink = sink
        self._make = partial(Relay, runtime, sink=sink, encode=encode, params=params)
        self._relays: dict[TenantId, Relay] = {}
        self._running: dict[TenantId, asyncio.Task[None]] = {}
        self._keeper: asyncio.Task[None] | None = None
        #: Whether it has come to its end.
        self.is_halted = False

    async def follow(self, tenants: Collection[TenantId]) -> None:
        """
        Publish the logs of some tenants, and of no others any more.

        Returns at once, whether the sink is there or not. Who is new here begins anew
        at its stored place: another owner may have moved it meanwhile.
        """
        gone = [each for each in self._relays if each not in tenants]
        for tenant in gone:
            del self._relays[tenant]
        await _cancelled([self._running.pop(each) for each in gone])
        for tenant in sorted(set(tenants) - set(self._relays)):
            relay = self._relays[tenant] = self._make(tenant)
            self._running[tenant] = asyncio.create_task(
                relay.run(), name=f"relay {tenant}"
            )
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_now_and_then(), name="keep")

    async def stop(self) -> None:
        """
        Publish what is committed, within a few seconds and if the sink is there.

        What is left stays in the store for the next start.
        """
        for relay in self._relays.values():
            relay.stop()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=DRAIN_S)
        is_running = bool(self._running)
        await self.halt()
        if is_running:
            await self._keep()

    async def halt(self) -> None:
        """Stop at once and store no more places: another server has the log."""
        self.is_halted = True
        tasks = [*self._running.values(), *([self._keeper] if self._keeper else [])]
        self._running, self._keeper = {}, None
        await _cancelled(tasks)
        await self._sink.close()

    async def lags(self) -> Mapping[TenantId, Lag]:
        """
        Return how far the sink is behind the log of each tenant.

        Raises
        ------
        UnavailableError
            If the store cannot be read.
        """
        return {tenant: await relay.lag() for tenant, relay in self._relays.items()}

    def lags_in(self, store: Store) -> list[Lag]:
        """Return the same without names, read from a store on any thread."""
        return [relay.lag_in(store) for relay in self._relays.copy().values()]

    async def _keep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_S)
            await self._keep()

    async def _keep(self) -> None:
        for tenant, relay in list(self._relays.items()):
            try:
                await relay.keep()
            except UnavailableError as error:
                log.warning("cursor_not_kept", tenant=tenant, error=str(error))
            except Exception:
                log.exception("cursor_broke", tenant=tenant)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
