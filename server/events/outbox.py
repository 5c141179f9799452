"""All logs of a server on their way to one sink."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

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
        self._relays = {
            tenant: Relay(runtime, tenant, sink, encode, params)
            for tenant in runtime.tenants()
        }
        self._running: list[asyncio.Task[None]] = []
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once, whether the sink is there or not."""
        self._running = [
            asyncio.create_task(relay.run(), name=f"relay {tenant}")
            for tenant, relay in self._relays.items()
        ]
        self._keeper = asyncio.create_task(self._keep_now_and_then(), name="keep")

    async def stop(self) -> None:
        """
        Publish what is committed, within a few seconds and if the sink is there.

        What is left stays in the store for the next start.
        """
        for relay in self._relays.values():
            relay.stop()
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_S)
        is_running = bool(self._running)
        await self.halt()
        if is_running:
            await self._keep()

    async def halt(self) -> None:
        """Stop at once and store no more places: another server has the log."""
        tasks = [*self._running, *([self._keeper] if self._keeper else [])]
        self._running, self._keeper = [], None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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
        return [relay.lag_in(store) for relay in self._relays.values()]

    async def _keep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_S)
            await self._keep()

    async def _keep(self) -> None:
        for tenant, relay in self._relays.items():
            try:
                await relay.keep()
            except UnavailableError as error:
                log.warning("cursor_not_kept", tenant=tenant, error=str(error))
            except Exception:
                log.exception("cursor_broke", tenant=tenant)
