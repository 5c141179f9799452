"""Looks back at the past beside what the server does, one at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from matcher.domain.errors import LimitExceededError, UnavailableError
from matcher.solve import Stop
from server.runtime.budget import budget
from server.runtime.fair_threads import FairThreads
from server.runtime.past import Past

T = TypeVar("T")


class Hindsight:
    """
    Lives parts of the past again on a thread of its own.

    Parameters
    ----------
    past
        What is looked at.
    budget_us
        Time for one of them.
    """

    def __init__(self, past: Past, budget_us: int) -> None:
        self._past = past
        self._budget_us = budget_us
        # One at a time, so that memory is bounded; tenants take turns.
        self._threads = FairThreads(1, 1, "past")
        self._running = Stop()
        self._is_stopping = False

    def stop(self) -> None:
        """End what runs, and refuse what comes."""
        self._is_stopping = True
        self._running.request()

    async def shutdown(self) -> None:
        """Wait for what runs to end."""
        await self._threads.shutdown()

    async def look_back(self, fn: Callable[[Past, Stop], T]) -> T:
        """
        Run ``fn``; the next one waits until it has ended.

        Raises
        ------
        LimitExceededError
            If it takes longer than the budget.
        UnavailableError
            If the server stops meanwhile.
        """
        stop = Stop()
        work = asyncio.create_task(self._looked_back(fn, stop), name="look back")
        try:
            # The thread goes on for a moment if the caller gives up; nobody else may
            # look back meanwhile.
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.request()
            work.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    async def _looked_back(self, fn: Callable[[Past, Stop], T], stop: Stop) -> T:
        if self._is_stopping:
            raise UnavailableError("the server is stopping")
        place = await self._threads.place()
        self._running = stop
        started_s = time.monotonic()
        with budget(self._budget_us, stop):
            try:
                return await place.run(self._lived, fn, stop)
            except UnavailableError as error:
                taken_us = round((time.monotonic() - started_s) * 1_000_000)
                if taken_us < self._budget_us:
                    raise
                raise LimitExceededError(
                    "replay_budget_ms", taken_us // 1_000, self._budget_us // 1_000
                ) from error

    def _lived(self, fn: Callable[[Past, Stop], T], stop: Stop) -> T:
        if self._is_stopping:
            raise UnavailableError("the server is stopping")
        if stop.is_requested:
            raise UnavailableError("whoever asked for the past has gone")
        return fn(self._past, stop)
