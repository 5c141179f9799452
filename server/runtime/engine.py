"""Who works on shards and writes: one at a time, on a thread or on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import perf_counter_ns
from typing import TypeVar

from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    ExtendMatch,
    RecordVerification,
    ReleaseMatch,
    SubmitReturns,
    UpsertDemands,
)

T = TypeVar("T")

#: What may be done on the event loop at once, as foretold.
QUICK_NS = 20_000_000

# Entries of a command that is quick.
_ENTRIES_MAX = 4

# Commands about one entity, which touch that and what it is matched with.
_OF_ONE = (
    CancelDemand,
    CancelReturn,
    ConfirmMatch,
    ExtendMatch,
    RecordVerification,
    ReleaseMatch,
)

# One that took longer found a disk that stalls or a store that another process has
# locked: others are not to wait for that, and it may not be over yet.
_SLOW_NS = 50_000_000
_PAUSE_NS = 10_000_000_000


def is_quick(command: Command) -> bool:
    """Say whether a command takes less than a thousandth of a second, for certain."""
    if isinstance(command, SubmitReturns):
        return len(command.items) <= _ENTRIES_MAX
    if isinstance(command, UpsertDemands):
        return len(command.demands) <= _ENTRIES_MAX
    return isinstance(command, _OF_ONE)


class Engine:
    """
    Runs what works on shards and writes, never two at once.

    It has a thread. Two threads of one interpreter hinder each other, though: to hand
    a group of some calls over and back costs as much as to carry it out. So what is
    quick may be done on the event loop itself, if nothing runs on the thread.

    Parameters
    ----------
    may_run_here
        Whether the event loop has nothing else to do than to carry out calls, and the
        store is on a disk of the machine: a network may pause for long.
    clock_ns
        Monotonic.
    """

    def __init__(
        self,
        *,
        may_run_here: bool = False,
        clock_ns: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        # Whoever has it works.
        self._work = Lock()
        self._may_run_here = may_run_here
        self._clock_ns = clock_ns
        self._not_here_before_ns = clock_ns()

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Run ``fn`` on the thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._alone, fn, *args)

    async def run_quick(self, fn: Callable[..., T], *args: object) -> T:
        """Run ``fn``, which is quick, here if that may be, and else on the thread."""
        begun_ns = self._clock_ns()
        if (
            not self._may_run_here
            or begun_ns < self._not_here_before_ns
            or not self._work.acquire(blocking=False)
        ):
            return await self.run(fn, *args)
        try:
            return fn(*args)
        finally:
            self._work.release()
            now_ns = self._clock_ns()
            if now_ns - begun_ns > _SLOW_NS:
                self._not_here_before_ns = now_ns + _PAUSE_NS

    async def stop(self) -> None:
        """Wait for what runs, and end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    def _alone(self, fn: Callable[..., T], *args: object) -> T:
        with self._work:
            return fn(*args)
