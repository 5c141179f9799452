"""What happens by time alone: what is due, rounds, forgetting, checkpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol

import structlog

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from server.runtime.clock import Clock
from server.runtime.options import RuntimeOptions

log = structlog.get_logger(__name__)

_SECOND_US = 1_000_000
_HOUR_S = 3600


class Timed(Protocol):
    """What timers drive."""

    async def settle(self) -> None:
        """Settle what time has settled."""

    async def due(self) -> list[TenantId]:
        """Return whose round is due."""

    async def run_due(self, tenant: TenantId) -> None:
        """Run a tenant's round if it is due."""

    async def next_us(self) -> int | None:
        """Return when time alone next changes something."""

    async def forget_answers(self, before_us: int) -> None:
        """Delete stored answers that are older."""

    async def keep_history(self, tenant: TenantId) -> None:
        """Make a checkpoint if one is due."""

    def tenants(self) -> list[TenantId]:
        """Return the tenants that are served."""


class Timers:
    """
    Loops that end only by being cancelled; trouble is logged and tried again.

    Parameters
    ----------
    timed
        What they drive.
    clock
        Gives the instants.
    options
        How often.
    """

    def __init__(self, timed: Timed, clock: Clock, options: RuntimeOptions) -> None:
        self._timed = timed
        self._clock = clock
        self._options = options

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return the loops, to be run side by side."""
        return [self._tick(), self._forget(), self._remember()]

    async def _tick(self) -> None:
        # Rounds run beside the rest: one that takes long, or hangs, holds up no
        # deadline and no other tenant's; until it is done its tenant gets no other.
        rounds: dict[TenantId, asyncio.Task[None]] = {}
        try:
            while True:
                await asyncio.sleep(await self._until_next_s())
                await _tried("tick", self._timed.settle())
                await _tried("due", self._start_due(rounds))
        finally:
            for each in rounds.values():
                each.cancel()

    async def _start_due(self, rounds: dict[TenantId, asyncio.Task[None]]) -> None:
        for tenant in await self._timed.due():
            if tenant not in rounds or rounds[tenant].done():
                due = _tried("round", self._timed.run_due(tenant))
                rounds[tenant] = asyncio.create_task(due)

    async def _until_next_s(self) -> float:
        # At least every timer_us, so that new work moves the timers in time.
        now_us = self._clock()
        next_us = now_us + self._options.timer_us
        try:
            due = await self._timed.next_us()
        except UnavailableError:
            due = None
        if due is not None:
            next_us = min(next_us, due)
        return max(0.01, (next_us - now_us) / _SECOND_US)

    async def _forget(self) -> None:
        while True:
            before_us = self._clock() - self._options.retention_us
            await _tried("forget", self._timed.forget_answers(before_us))
            await asyncio.sleep(self._options.retention_us / _SECOND_US / 24)

    async def _remember(self) -> None:
        # Nobody's answer waits for this: what is missed is made up for an hour later.
        while True:
            await asyncio.sleep(_HOUR_S)
            # Side by side: one whose round takes long must not keep the others waiting.
            await asyncio.gather(
                *(
                    _tried("history", self._timed.keep_history(tenant))
                    for tenant in self._timed.tenants()
                )
            )


async def _tried(what: str, work: Awaitable[None]) -> None:
    # The timers go on, whatever one step of them comes to.
    try:
        await work
    except UnavailableError as error:
        log.warning("timer_unavailable", timer=what, error=str(error))
    except Exception:
        log.exception("timer_broke", timer=what)
