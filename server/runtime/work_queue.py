"""Work that waits for the engine thread, and who waits for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter_ns

from matcher.domain.errors import LimitExceededError
from matcher.domain.ids import TenantId
from server.runtime.deadline import time_left_s
from server.runtime.fair_order import FairOrder, equal_weight
from server.runtime.watch import GroupTimes, Origin, Watch
from server.runtime.work import Done, Work

# Of the time that a caller has left, what it may spend waiting for its turn. The rest
# is for the work itself, and for those behind whose answer would come too late.
_WAIT_SHARE = 0.5

# What a group may take: nobody in it is answered before all of it is stored. Long
# enough for a slow commit to be shared by many.
_GROUP_NS = 100_000_000
_GROUP_MIN = 16

# The same while several tenants call: whoever comes next waits for the group that is
# under way, whoever's it is.
_SHARED_GROUP_NS = 10_000_000
_SHARED_GROUP_MIN = 4
_OF_LATE_NS = 1_000_000_000

# The newest group's part in the average that costs are foretold from.
_NEWEST_PART = 4


@dataclass(slots=True)
class Queued:
    """Work in the queue, since and until when, who waits, and what it was charged."""

    work: Work
    future: asyncio.Future[Done]
    queued_ns: int
    origin: Origin
    until_ns: int | None = None
    charged_ns: int = 0
    is_given_up: bool = False


class WorkQueue:
    """
    Takes work in a fair order, and refuses callers whose answer would come too late.

    Tenants share the engine by the time that their work takes; within a tenant work
    keeps its order. What is refused is counted and timed tenant by tenant: however
    much one has put into the queue, another finds its own part of it empty.

    A queue that is full of calls whose callers are gone does nothing for anybody. So
    whoever has a deadline is refused at once when the first of its tenant has waited
    for half of the time that is left, and a call is left out whose caller gave up
    before its turn, or whose answer would come after its deadline. One whose turn has
    come is carried out whole.

    Parameters
    ----------
    count_max
        Pieces of work of one tenant that may wait.
    watch
        Is told of what is refused.
    weight
        Gives the share of a tenant.
    """

    def __init__(
        self,
        count_max: int,
        watch: Watch,
        weight: Callable[[TenantId], int] = equal_weight,
    ) -> None:
        self._count_max = count_max
        self._watch = watch
        self._waiting = FairOrder[Queued](weight)
        self._grown = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._begun_ns = 0
        # What a piece of each tenant has taken of late, its part of a commit included.
        self._each_ns: dict[TenantId, int] = {}
        self._called_ns: dict[TenantId, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def lengths(self) -> dict[TenantId, int]:
        """Return how much work of each tenant waits; from any thread."""
        return self._waiting.counts()

    def admit(self, tenant: TenantId) -> None:
        """
        Let the caller of this task put work into the queue.

        Raises
        ------
        LimitExceededError
            If the tenant's part of it is full, or so slow that the caller would wait
            in vain.
        """
        self._called_ns[tenant] = now_ns = perf_counter_ns()
        count, first = self._waiting.count(tenant), self._waiting.first(tenant)
        if count >= self._count_max:
            self._watch.refused(tenant)
            raise LimitExceededError(
                "work in the queue", count, self._count_max, retry_after_s=1
            )
        left_s = time_left_s()
        if left_s is None or first is None:
            return
        waited_s = (now_ns - first.queued_ns) / 1e9
        if waited_s > _WAIT_SHARE * left_s:
            self._watch.refused(tenant)
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
        self.admit(work.tenant)
        queued = self._put(work, time_left_s())
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
        Wait for work and take the first of it, without what would be in vain.

        At most ``count_max``, and no more than would be done in a tenth of a second by
        what groups have taken of late: with a thousand that take a second, each of
        them would be answered after a second at least, and those behind after two.
        A hundredth, while several tenants call.
        """
        group: list[Queued] = []
        while not group:
            group = self._take(count_max)
            if not group:
                self._idle.set()
                self._grown.clear()
                await self._grown.wait()
        self._begun_ns = perf_counter_ns()
        return group

    def end(
        self,
        group: Sequence[Queued],
        results: Sequence[Done],
        times: GroupTimes | None = None,
    ) -> None:
        """
        Give the results of a group to those who wait for them.

        ``times`` says how long each piece took; without it they count alike.
        """
        taken_ns = perf_counter_ns() - self._begun_ns
        self._settle(group, _costs_ns(taken_ns, len(group), times))
        for each, done in zip(group, results, strict=True):
            if not each.future.done():
                each.future.set_result(done)
        if not self._waiting:
            self._idle.set()

    async def empty(self) -> None:
        """Return once all that was put into the queue is done."""
        await self._idle.wait()

    def _put(self, work: Work, left_s: float | None = None) -> Queued:
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        now_ns = perf_counter_ns()
        until_ns = None if left_s is None else now_ns + round(left_s * 1e9)
        queued = Queued(work, future, now_ns, self._watch.origin(), until_ns)
        self._waiting.put(work.tenant, queued)
        self._idle.clear()
        self._grown.set()
        return queued

    async def _done(self, queued: Queued) -> object:
        # Half of it is no option: it goes on if its caller gives up, whose future alone
        # is cancelled then.
        done = await queued.future
        if done.error is not None:
            raise done.error
        return done.value

    def _take(self, count_max: int) -> list[Queued]:
        group: list[Queued] = []
        room_ns, count_min = self._room()
        answered_ns = perf_counter_ns() + min(room_ns, self._backlog_ns())
        while len(group) < count_max and (room_ns > 0 or len(group) < count_min):
            tenant = self._waiting.next_tenant()
            if tenant is None:
                break
            queued = self._waiting.take(tenant)
            if queued.is_given_up or self._refuse_if_late(queued, answered_ns):
                self._watch.refused(tenant)
                continue
            queued.charged_ns = self._each_ns.get(tenant, 0)
            self._waiting.charge(tenant, queued.charged_ns)
            room_ns -= queued.charged_ns
            group.append(queued)
        return group

    def _refuse_if_late(self, queued: Queued, answered_ns: int) -> bool:
        # That its caller has gone is heard late by a loop that is busy; until when it
        # waits is known.
        if queued.until_ns is None or queued.until_ns >= answered_ns:
            return False
        error = LimitExceededError(
            "ms until the answer, for what is left until the deadline",
            (answered_ns - queued.queued_ns) // 1_000_000,
            (queued.until_ns - queued.queued_ns) // 1_000_000,
            retry_after_s=1,
        )
        if not queued.future.done():
            queued.future.set_result(Done(error=error))
        return True

    def _backlog_ns(self) -> int:
        counts = self._waiting.counts()
        return sum(
            count * self._each_ns.get(tenant, 0) for tenant, count in counts.items()
        )

    def _room(self) -> tuple[int, int]:
        # How long the next group may take, and how many it takes however long.
        since_ns = perf_counter_ns() - _OF_LATE_NS
        calling = sum(
            at_ns >= since_ns or self._waiting.count(tenant) > 0
            for tenant, at_ns in self._called_ns.items()
        )
        if calling > 1:
            return _SHARED_GROUP_NS, _SHARED_GROUP_MIN
        return _GROUP_NS, _GROUP_MIN

    def _settle(self, group: Sequence[Queued], costs_ns: Sequence[int]) -> None:
        # What was foretold is made good, and the next is foretold from it.
        of_tenant: dict[TenantId, list[int]] = {}
        for each, cost_ns in zip(group, costs_ns, strict=True):
            tenant = each.work.tenant
            self._waiting.charge(tenant, cost_ns - each.charged_ns)
            of_tenant.setdefault(tenant, []).append(cost_ns)
        for tenant, spent in of_tenant.items():
            newest_ns = sum(spent) // len(spent)
            known_ns = self._each_ns.get(tenant, 0)
            self._each_ns[tenant] = known_ns + (newest_ns - known_ns) // _NEWEST_PART


def _costs_ns(taken_ns: int, count: int, times: GroupTimes | None) -> list[int]:
    # Each piece its own time and an equal part of the rest, which is the commit's.
    if times is None or len(times.ran_ns) != count:
        return [taken_ns // count] * count
    own = [end - begun for begun, end in pairwise([times.begun_ns, *times.ran_ns])]
    shared_ns = max(0, taken_ns - sum(own)) // count
    return [each + shared_ns for each in own]
