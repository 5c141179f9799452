"""Work that waits for the engine thread, and who waits for it."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from matcher.domain.errors import LimitExceededError
from server.runtime.deadline import time_left_s
from server.runtime.watch import Origin, Watch
from server.runtime.work import Done, Work

# Of the time that a caller has left, what it may spend waiting for its turn. The rest
# is for the work itself, and for those behind whose answer would come too late.
_WAIT_SHARE = 0.5

# What a group may take: nobody in it is answered before all of it is stored. Long
# enough for a slow commit to be shared by many.
_GROUP_S = 0.1
_GROUP_MIN = 16
# Of the newest group in the average that its size follows from.
_NEWEST_SHARE = 0.25


@dataclass(slots=True)
class Queued:
    """Work in the queue, since when, and who waits for it."""

    work: Work
    future: asyncio.Future[Done]
    queued_ns: int
    origin: Origin
    is_given_up: bool = False


class WorkQueue:
    """
    Takes work in its order, and refuses callers whose answer would come too late.

    A queue that is full of calls whose callers are gone does nothing for anybody. So
    whoever has a deadline is refused at once when the first in the queue has waited
    for half of the time that is left, and a call whose caller gave up before its turn
    is left out. One whose turn has come is carried out whole.

    Parameters
    ----------
    count_max
        Pieces of work that may wait.
    watch
        Is told of what is refused.
    """

    def __init__(self, count_max: int, watch: Watch) -> None:
        self._count_max = count_max
        self._watch = watch
        self._waiting: deque[Queued] = deque()
        self._grown = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._begun_ns = 0
        self._seconds_each = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def admit(self) -> None:
        """
        Let the caller of this task put work into the queue.

        Raises
        ------
        LimitExceededError
            If the queue is full, or so slow that the caller would wait in vain.
        """
        count = len(self._waiting)
        if count >= self._count_max:
            self._watch.refused()
            raise LimitExceededError(
                "work in the queue", count, self._count_max, retry_after_s=1
            )
        left_s = time_left_s()
        if left_s is None or not self._waiting:
            return
        waited_s = (perf_counter_ns() - self._waiting[0].queued_ns) / 1e9
        if waited_s > _WAIT_SHARE * left_s:
            self._watch.refused()
            raise LimitExceededError(
                "ms in the queue, for what is left until the deadline",
                round(1_000 * waited_s),
                round(1_000 * _WAIT_SHARE * left_s),
                retry_after_s=max(1, math.ceil(waited_s)),
            )

    async def call(self, work: Work) -> object:
        """
        Do work for the caller of this task, if it is admitted.

        Raises
        ------
        LimitExceededError
            As :meth:`admit` says.
        """
        self.admit()
        queued = self._put(work)
        try:
            return await self._done(queued)
        except asyncio.CancelledError:
            queued.is_given_up = True
            raise

    async def submit(self, work: Work) -> object:
        """Do work of our own: never refused, and done whoever gives up."""
        return await self._done(self._put(work))

    async def group(self, count_max: int) -> list[Queued]:
        """
        Wait for work and take the first of it, without what was given up.

        At most ``count_max``, and no more than would be done in a tenth of a second by
        what groups have taken of late: with a thousand that take a second, each of
        them would be answered after a second at least, and those behind after two.
        """
        if self._seconds_each:
            fits = round(_GROUP_S / self._seconds_each)
            count_max = min(count_max, max(_GROUP_MIN, fits))
        group: list[Queued] = []
        while not group:
            while self._waiting and len(group) < count_max:
                queued = self._waiting.popleft()
                if queued.is_given_up:
                    self._watch.refused()
                else:
                    group.append(queued)
            if not group:
                self._idle.set()
                self._grown.clear()
                await self._grown.wait()
        self._begun_ns = perf_counter_ns()
        return group

    def end(self, group: Sequence[Queued], results: Sequence[Done]) -> None:
        """Give the results of a group to those who wait for them."""
        each_s = (perf_counter_ns() - self._begun_ns) / 1e9 / len(group)
        self._seconds_each += _NEWEST_SHARE * (each_s - self._seconds_each)
        for each, done in zip(group, results, strict=True):
            if not each.future.done():
                each.future.set_result(done)
        if not self._waiting:
            self._idle.set()

    async def empty(self) -> None:
        """Return once all that was put into the queue is done."""
        await self._idle.wait()

    def _put(self, work: Work) -> Queued:
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        queued = Queued(work, future, perf_counter_ns(), self._watch.origin())
        self._waiting.append(queued)
        self._idle.clear()
        self._grown.set()
        return queued

    async def _done(self, queued: Queued) -> object:
        # Half of it is no option: it goes on if its caller gives up.
        done = await asyncio.shield(queued.future)
        if done.error is not None:
            raise done.error
        return done.value
