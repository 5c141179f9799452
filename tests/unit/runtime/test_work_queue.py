"""Who waits for the engine, who is refused, and who has gone."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

import pytest

from matcher.domain.errors import LimitExceededError, UnavailableError
from matcher.domain.ids import TenantId
from server.runtime.deadline import set_time_left, time_left_s, within_time_left_us
from server.runtime.watch import Unwatched
from server.runtime.work import Done, Work
from server.runtime.work_queue import WorkQueue

WORK = Work(TenantId("default"), lambda _shard, _now: b"")


class CountingWatch(Unwatched):
    """Counts what is refused."""

    def __init__(self) -> None:
        self.refused_count = 0

    def refused(self, tenant: TenantId) -> None:  # noqa: ARG002
        """Count."""
        self.refused_count += 1


@pytest.fixture
def watch() -> CountingWatch:
    """Return a watch that has seen nothing."""
    return CountingWatch()


def _calling(queue: WorkQueue, time_left: float | None = None) -> asyncio.Task[object]:
    # A caller of its own, with a deadline of its own.
    context = contextvars.copy_context()
    context.run(set_time_left, time_left)
    coroutine: Coroutine[Any, Any, object] = queue.call(WORK)
    return asyncio.create_task(coroutine, context=context)


async def test_work_comes_in_its_order(watch: CountingWatch) -> None:
    """Groups are taken from the front, and every caller gets its own result."""
    queue = WorkQueue(10, watch)
    calls = [_calling(queue) for _ in range(5)]
    await asyncio.sleep(0)
    for first, size in ((0, 3), (3, 2)):
        group = await queue.group(3)
        assert len(group) == size
        queue.end(group, [Done(first + at) for at in range(size)])
    assert await asyncio.gather(*calls) == [0, 1, 2, 3, 4]
    await queue.empty()


async def test_an_error_is_its_callers_alone(watch: CountingWatch) -> None:
    """The others of a group get their values."""
    queue = WorkQueue(10, watch)
    calls = [_calling(queue) for _ in range(2)]
    group = await queue.group(2)
    queue.end(group, [Done(error=UnavailableError("the disk is full")), Done(1)])
    with pytest.raises(UnavailableError, match="full"):
        await calls[0]
    assert await calls[1] == 1


async def test_who_has_given_up_is_left_out(watch: CountingWatch) -> None:
    """Its work is not begun, and is counted as refused; those behind it move up."""
    queue = WorkQueue(10, watch)
    calls = [_calling(queue) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.wait(calls[:1])
    group = await queue.group(10)
    assert len(group) == 2
    assert watch.refused_count == 1
    queue.end(group, [Done(1), Done(2)])
    assert await asyncio.gather(*calls[1:]) == [1, 2]


async def test_a_queue_of_those_who_gave_up_is_empty(watch: CountingWatch) -> None:
    """Whoever stops the server is not kept waiting by them."""
    queue = WorkQueue(10, watch)
    call = _calling(queue)
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    taking = asyncio.create_task(queue.group(10))
    async with asyncio.timeout(5):
        await queue.empty()
    taking.cancel()


async def test_what_has_begun_is_done(watch: CountingWatch) -> None:
    """A caller that gives up later changes nothing for the others of its group."""
    queue = WorkQueue(10, watch)
    calls = [_calling(queue) for _ in range(3)]
    group = await queue.group(10)
    calls[0].cancel()
    await asyncio.wait(calls[:1])
    assert len(group) == 3
    assert watch.refused_count == 0
    queue.end(group, [Done(1), Done(2), Done(error=UnavailableError("full"))])
    assert await calls[1] == 2
    with pytest.raises(UnavailableError):
        await calls[2]
    async with asyncio.timeout(5):
        await queue.empty()


async def test_work_of_our_own_is_never_refused(watch: CountingWatch) -> None:
    """A round that is solved is stored, however many calls there are."""
    queue = WorkQueue(1, watch)
    first = _calling(queue)
    await asyncio.sleep(0)
    with pytest.raises(LimitExceededError, match=r"work in the queue: 1 .* of 1"):
        await asyncio.wait_for(_calling(queue), 10)
    ours = asyncio.create_task(queue.submit(WORK))
    await asyncio.sleep(0)
    group = await queue.group(10)
    queue.end(group, [Done(1), Done(2)])
    assert (await first, await ours) == (1, 2)


async def test_who_would_wait_in_vain_is_told_at_once(watch: CountingWatch) -> None:
    """The first in the queue has waited half of what the caller has left."""
    queue = WorkQueue(10, watch)
    patient = _calling(queue)
    await asyncio.sleep(0.05)
    with pytest.raises(LimitExceededError, match="until the deadline") as refusal:
        await asyncio.wait_for(_calling(queue, 0.08), 10)
    assert refusal.value.retry_after_s >= 1
    assert watch.refused_count == 1
    others = [_calling(queue, 60.0), _calling(queue)]
    await asyncio.sleep(0)
    assert len(queue) == 3
    group = await queue.group(10)
    queue.end(group, [Done(), Done(), Done()])
    await asyncio.gather(patient, *others)


async def test_an_empty_queue_takes_anybody(watch: CountingWatch) -> None:
    """Nobody is before it: what is left is for the work itself."""
    queue = WorkQueue(10, watch)
    call = _calling(queue, 0.001)
    group = await queue.group(10)
    queue.end(group, [Done(7)])
    assert await call == 7


def test_a_budget_is_what_the_caller_leaves() -> None:
    """Without a deadline it is whole; with one, the answer comes before it."""
    context = contextvars.copy_context()
    assert context.run(within_time_left_us, 5_000_000) == 5_000_000
    context.run(set_time_left, 2.0)
    assert 1_500_000 < context.run(within_time_left_us, 5_000_000) <= 1_600_000
    assert context.run(within_time_left_us, 1_000) == 1_000
    context.run(set_time_left, -1.0)
    assert context.run(time_left_s) == 0.0
    assert context.run(within_time_left_us, 1_000) == 0


async def test_a_group_is_no_longer_than_its_callers_can_wait(
    watch: CountingWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces that take long come in small groups; quick ones come all together."""
    now_ns = 0
    monkeypatch.setattr("server.runtime.work_queue.perf_counter_ns", lambda: now_ns)

    async def taken(queue: WorkQueue, each_ms: float) -> int:
        nonlocal now_ns
        group = await queue.group(200)
        now_ns += round(each_ms * 1e6 * len(group))
        queue.end(group, [Done()] * len(group))
        return len(group)

    for each_ms, sizes in ((2.0, range(50, 60)), (50.0, [16]), (0.01, [200])):
        queue = WorkQueue(10_000, watch)
        calls = [_calling(queue) for _ in range(5_000)]
        await asyncio.sleep(0)
        assert await taken(queue, each_ms) == 200
        for _ in range(15):
            last = await taken(queue, each_ms)
        assert last in sizes
        for each in calls:
            each.cancel()
        await asyncio.wait(calls)


async def test_who_would_be_answered_too_late_is_left_out(watch: CountingWatch) -> None:
    """
    Its deadline is known, be its cancellation on its way or not.

    Ten pieces wait of which each has taken 20 ms of late, so that the first group ends
    in a tenth of a second: too late for whoever has 50 ms left, not for the others.
    """
    queue = WorkQueue(100, watch)
    first = _calling(queue)
    (slow,) = await queue.group(1)
    await asyncio.sleep(0.02)
    queue.end([slow], [Done(0)])
    await first
    late = [_calling(queue, 0.05) for _ in range(2)]
    calls = [_calling(queue), *late, *(_calling(queue, 60.0) for _ in range(7))]
    await asyncio.sleep(0)
    group = await queue.group(100)
    assert len(group) == 8
    assert watch.refused_count == 2
    for each in late:
        with pytest.raises(LimitExceededError, match="ms until the answer"):
            await asyncio.wait_for(each, 5)
    queue.end(group, [Done(at) for at in range(8)])
    kept = [each for each in calls if each not in late]
    assert await asyncio.gather(*kept) == [*range(8)]


async def test_our_own_work_is_never_too_late(watch: CountingWatch) -> None:
    """Also where it is put by the task of a caller whose time is up."""
    queue = WorkQueue(10, watch)
    context = contextvars.copy_context()
    context.run(set_time_left, 0.0)
    own = asyncio.create_task(queue.submit(WORK), context=context)
    await asyncio.sleep(0)
    group = await asyncio.wait_for(queue.group(10), 5)
    queue.end(group, [Done(1)])
    assert await asyncio.wait_for(own, 5) == 1
    assert watch.refused_count == 0
