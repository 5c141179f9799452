"""One tenant's log on its way to a sink."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from server.events.event import Event
from server.events.event_sink import EventSink, SinkError
from server.runtime.runtime import Runtime
from server.runtime.working_for import set_working_for
from server.storage.lease import Lease
from server.storage.store import LoggedDecision, Store

log = structlog.get_logger(__name__)

#: Makes the event of a decision.
Encode = Callable[[TenantId, LoggedDecision], Event]

# What is decided meanwhile goes out together: under load the log is read so often a
# second, and not after each commit.
_LINGER_S = 0.02


@dataclass(frozen=True, slots=True)
class RelayParams:
    """
    How a relay works.

    Parameters
    ----------
    batch_max
        Events read and published at once: all that is ever in memory.
    retry_first_s, retry_max_s
        Pause after the first failure, doubled with each one up to the longest.
    """

    batch_max: int = 256
    retry_first_s: float = 0.1
    retry_max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Lag:
    """
    What a sink does not have yet.

    ``decision_count`` decisions; ``age_us`` since the oldest of them was decided, 0
    without any.
    """

    decision_count: int
    age_us: int


class Relay:
    """
    Reads the log of a tenant behind its commits, and publishes it in its order.

    The log is numbered without gaps inside the transaction of each write, so it is the
    outbox itself: a number is all that is kept. Nobody who decides waits for a relay;
    while the sink is away the backlog stays in the store.

    Parameters
    ----------
    runtime
        Reads and writes the store.
    tenant
        Whose log.
    sink
        Where it goes.
    encode
        Makes the events.
    params
        How it works.
    """

    def __init__(
        self,
        runtime: Runtime,
        tenant: TenantId,
        sink: EventSink,
        encode: Encode,
        params: RelayParams,
    ) -> None:
        self._runtime = runtime
        self._tenant = tenant
        self._sink = sink
        self._encode = encode
        self._params = params
        self._stopping = asyncio.Event()
        # Up to where the sink has answered; unknown before the store was asked.
        self._published: int | None = None
        self._kept: int | None = None
        # Under which its place in the log is stored, and no other.
        self._lease: Lease | None = None
        self._failures = 0
        # Since a failure, until the end of the log is reached again.
        self._is_behind = False

    async def run(self) -> None:
        """Publish until :meth:`stop`, and then what is left if the sink is there."""
        set_working_for(self._tenant)
        while not (self._stopping.is_set() and self._failures):
            # Asked before reading, so that no commit falls in between.
            grown, is_last = (
                self._runtime.next_commit(self._tenant),
                self._stopping.is_set(),
            )
            try:
                at_end = await self._publish_batch()
            except (SinkError, UnavailableError) as error:
                await self._fail(str(error))
                continue
            except Exception as error:
                log.exception("relay_broke", tenant=self._tenant)
                await self._fail(repr(error))
                continue
            self._failures = 0
            if not at_end:
                continue
            if self._is_behind:
                self._is_behind = False
                log.info("events_caught_up", **self._names)
            if is_last:
                return
            await _first_of(grown, self._stopping)
            await asyncio.sleep(_LINGER_S)

    def stop(self) -> None:
        """Let :meth:`run` end once it has published what is committed by now."""
        self._stopping.set()

    async def keep(self) -> None:
        """
        Store how far the sink is; what it has since then is published again one day.

        Raises
        ------
        UnavailableError
            If the store cannot be written, or another server has the log by now.
        """
        published, lease = self._published, self._lease
        if published is None or lease is None or published == self._kept:
            return

        def keep(store: Store) -> None:
            store.keep_relayed(self._tenant, self._sink.name, published, [lease])

        await self._runtime.write(keep)
        self._kept = published

    async def lag(self) -> Lag:
        """
        Return how far the sink is behind the log.

        Raises
        ------
        UnavailableError
            If the store cannot be read.
        """
        return await self._runtime.read(self.lag_in)

    def lag_in(self, store: Store) -> Lag:
        """Return the same, read from a store on any thread."""
        published = self._published
        if published is None:
            published = self._relayed(store)
        oldest = store.decisions_after(self._tenant, published, 1)
        if not oldest:
            return Lag(0, 0)
        age_us = self._runtime.now_us() - oldest[0].decision.decided_us
        return Lag(store.log_end(self._tenant) - published, max(0, age_us))

    async def _publish_batch(self) -> bool:
        # Whether the log went no further than this batch.
        if self._published is None:
            # Of before the place is read: whoever has the log next may move it.
            self._lease = self._runtime.lease(self._tenant)
            self._published = self._kept = await self._runtime.read(self._relayed)
        events = await self._runtime.read(self._events)
        if events:
            await self._sink.publish(events)
            self._published = events[-1].sequence
        return len(events) < self._params.batch_max

    def _relayed(self, store: Store) -> int:
        return store.relayed(self._tenant, self._sink.name)

    def _events(self, store: Store) -> list[Event]:
        # On the thread that reads, so that the event loop goes on meanwhile.
        assert self._published is not None
        logged = store.decisions_after(
            self._tenant, self._published, self._params.batch_max
        )
        return [self._encode(self._tenant, each) for each in logged]

    async def _fail(self, error: str) -> None:
        exponent = min(self._failures, 30)
        pause_s = min(
            self._params.retry_max_s, self._params.retry_first_s * 2**exponent
        )
        self._failures += 1
        self._is_behind = True
        log.warning(
            "events_not_published",
            **self._names,
            error=error,
            failure_count=self._failures,
            retry_ms=round(pause_s * 1_000),
            **await self._told_lag(),
        )
        await _first_of(self._stopping, timeout_s=pause_s)

    async def _told_lag(self) -> dict[str, int]:
        try:
            lag = await self.lag()
        except UnavailableError:
            return {}
        return {"lag_count": lag.decision_count, "lag_s": lag.age_us // 1_000_000}

    @property
    def _names(self) -> dict[str, str]:
        return {"tenant": self._tenant, "sink": self._sink.name}


async def _first_of(*events: asyncio.Event, timeout_s: float | None = None) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(
            waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for each in waiting:
            each.cancel()
