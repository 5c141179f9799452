"""Two tenants at one engine: neither gets the other refused, or keeps it waiting."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Sequence

import pytest

from matcher.domain.errors import LimitExceededError
from matcher.domain.ids import TenantId
from server.runtime import work_queue
from server.runtime.deadline import set_time_left
from server.runtime.watch import GroupTimes, Unwatched
from server.runtime.work import Done, Work
from server.runtime.work_queue import Queued, WorkQueue

BUSY, QUIET = TenantId("busy"), TenantId("quiet")
MS = 1_000_000


class Engine:
    """An engine that takes so long for a piece of a tenant, by a clock of its own."""

    def __init__(
        self, queue: WorkQueue, monkeypatch: pytest.MonkeyPatch, each_ms: dict[str, int]
    ) -> None:
        self._queue = queue
        self._each_ms = each_ms
        self.now_ns = 10**12
        monkeypatch.setattr(work_queue, "perf_counter_ns", lambda: self.now_ns)

    async def work(self, count_max: int = 1_000) -> list[TenantId]:
        """Do a group; return whose its pieces were, in their order."""
        group: Sequence[Queued] = await asyncio.wait_for(
            self._queue.group(count_max), 10
        )
        times = GroupTimes((), (), begun_ns=self.now_ns)
        for each in group:
            self.now_ns += self._each_ms[each.work.tenant] * MS
            times.ran_ns.append(self.now_ns)
        self._queue.end(group, [Done(1)] * len(group), times)
        return [each.work.tenant for each in group]


def _calling(
    queue: WorkQueue, tenant: TenantId, time_left: float | None = None
) -> asyncio.Task[object]:
    context = contextvars.copy_context()
    context.run(set_time_left, time_left)
    work = Work(tenant, lambda _shard, _now: b"")
    return asyncio.create_task(_call(queue, work), context=context)


async def _call(queue: WorkQueue, work: Work) -> object:
    return await queue.call(work)


async def _known(engine: Engine) -> None:
    # What a piece takes is an average: by now it is what it was all along.
    for _ in range(20):
        await engine.work(10)


async def _ended(calls: Sequence[asyncio.Task[object]]) -> None:
    for each in calls:
        each.cancel()
    await asyncio.wait(calls)


async def test_who_comes_after_a_flood_is_in_the_next_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand wait when one call of another tenant comes: it is not behind them."""
    queue = WorkQueue(10_000, Unwatched())
    engine = Engine(queue, monkeypatch, {BUSY: 1, QUIET: 1})
    flood = [_calling(queue, BUSY) for _ in range(1_000)]
    await asyncio.sleep(0)
    await engine.work(10)
    one = _calling(queue, QUIET)
    await asyncio.sleep(0)
    group = await engine.work()
    assert QUIET in group
    assert group.index(QUIET) <= 1
    assert await asyncio.wait_for(one, 10) == 1
    await _ended(flood)


async def test_groups_are_short_while_several_tenants_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundredth of a second; a tenth again once a tenant is alone for a second."""
    queue = WorkQueue(10_000, Unwatched())
    engine = Engine(queue, monkeypatch, {BUSY: 1, QUIET: 1})
    calls = [_calling(queue, BUSY) for _ in range(3_000)]
    await asyncio.sleep(0)
    await _known(engine)
    last = await engine.work()
    assert 90 <= len(last) <= 110
    calls.append(_calling(queue, QUIET))
    await asyncio.sleep(0)
    for _ in range(3):
        last = await engine.work()
        assert 9 <= len(last) <= 13
    engine.now_ns += 1_001 * MS
    assert len(await engine.work()) >= 90
    await _ended(calls)


async def test_the_engine_is_shared_by_time_and_not_by_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One tenant's pieces take ten times as long: the other gets ten times as many."""
    queue = WorkQueue(10_000, Unwatched())
    engine = Engine(queue, monkeypatch, {BUSY: 10, QUIET: 1})
    calls = [_calling(queue, each) for each in (BUSY, QUIET) for _ in range(2_000)]
    await asyncio.sleep(0)
    await _known(engine)
    done: Counter[TenantId] = Counter()
    for _ in range(100):
        done.update(await engine.work())
    assert done[QUIET] == pytest.approx(10 * done[BUSY], rel=0.15)
    await _ended(calls)


async def test_a_piece_that_was_dearer_than_foretold_is_paid_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One batch takes as long as 50 calls: the other tenant has 40 before the next."""
    queue = WorkQueue(10_000, Unwatched())
    each_ms = {BUSY: 1, QUIET: 1}
    engine = Engine(queue, monkeypatch, each_ms)
    calls = [_calling(queue, each) for each in (BUSY, QUIET) for _ in range(1_000)]
    await asyncio.sleep(0)
    await _known(engine)
    done: list[TenantId] = []
    while BUSY not in done:
        done = await engine.work(1)
    each_ms[BUSY] = 50
    while BUSY not in await engine.work(1):
        pass
    each_ms[BUSY] = 1
    between = 0
    while BUSY not in await engine.work(1):
        between += 1
    assert 40 <= between <= 60
    await _ended(calls)


async def test_weights_are_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three to one, and it may change while they wait."""
    weights = {BUSY: 1, QUIET: 3}
    queue = WorkQueue(10_000, Unwatched(), lambda each: weights[each])
    engine = Engine(queue, monkeypatch, {BUSY: 1, QUIET: 1})
    calls = [_calling(queue, each) for each in (BUSY, QUIET) for _ in range(2_000)]
    await asyncio.sleep(0)
    for ratio in (3, 1):
        await _known(engine)
        done: Counter[TenantId] = Counter()
        for _ in range(50):
            done.update(await engine.work())
        assert done[QUIET] == pytest.approx(ratio * done[BUSY], rel=0.1)
        weights[QUIET] = 1
    await _ended(calls)


async def test_a_full_queue_is_its_tenants_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of one tenant wait, and a third of it is refused; the other finds room."""
    queue = WorkQueue(2, Unwatched())
    engine = Engine(queue, monkeypatch, {BUSY: 1, QUIET: 1})
    calls = [_calling(queue, BUSY) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(LimitExceededError, match="work in the queue: 2"):
        await asyncio.wait_for(_calling(queue, BUSY), 10)
    calls.append(_calling(queue, QUIET))
    await asyncio.sleep(0)
    assert queue.lengths() == {BUSY: 2, QUIET: 1}
    assert len(await engine.work()) == 3
    await asyncio.wait_for(asyncio.gather(*calls), 10)


async def test_a_slow_queue_is_its_tenants_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flood has waited too long for a deadline of a second; nobody else has."""
    queue = WorkQueue(10_000, Unwatched())
    engine = Engine(queue, monkeypatch, {BUSY: 1, QUIET: 1})
    flood = [_calling(queue, BUSY) for _ in range(100)]
    await asyncio.sleep(0)
    engine.now_ns += 800 * MS
    with pytest.raises(LimitExceededError, match="until the deadline"):
        await asyncio.wait_for(_calling(queue, BUSY, 1.0), 10)
    one = _calling(queue, QUIET, 1.0)
    await asyncio.sleep(0)
    await engine.work()
    assert await asyncio.wait_for(one, 10) == 1
    await _ended(flood)


async def test_work_of_our_own_is_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """What time settles for every tenant each second makes no group short."""
    queue = WorkQueue(10_000, Unwatched())
    engine = Engine(queue, monkeypatch, {BUSY: 1, QUIET: 1})
    calls = [_calling(queue, BUSY) for _ in range(3_000)]
    await asyncio.sleep(0)
    await _known(engine)
    ours = asyncio.create_task(queue.submit(Work(QUIET, lambda _shard, _now: b"")))
    await asyncio.sleep(0)
    group = await engine.work()
    assert QUIET in group
    assert len(group) >= 90
    assert await asyncio.wait_for(ours, 10) == 1
    await _ended(calls)
