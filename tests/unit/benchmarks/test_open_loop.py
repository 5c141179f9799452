"""The generator of load: who waits for whom, and what is counted."""

from __future__ import annotations

import asyncio
import time

import grpc
import grpc.aio

from benchmarks.open_loop import closed_loop, open_loop


async def test_calls_come_whether_or_not_others_are_answered() -> None:
    """No answer comes before the last call: in a closed loop that would hang."""
    count = 100
    begun: list[int] = []
    all_begun = asyncio.Event()

    async def call(number: int) -> None:
        begun.append(number)
        if len(begun) == count:
            all_begun.set()
        await all_begun.wait()

    async with asyncio.timeout(30):
        found = await open_loop(call, 2_000, count / 2_000, seed=1)
    assert sorted(begun) == list(range(count))
    assert len(found.seconds) == count
    assert not found.refused


async def test_a_queue_is_in_the_figures() -> None:
    """One at a time, slower than they come: each waits for all before it."""
    turn = asyncio.Lock()

    async def call(_: int) -> None:
        async with turn:
            await asyncio.sleep(0.01)

    found = await open_loop(call, 1_000, 0.03, seed=1)
    assert len(found.seconds) == 30
    assert found.percentile_ms(100) > 200
    assert found.taken_s > 0.3


async def test_what_is_refused_counts_by_its_code() -> None:
    """It is no answer, however quick it was."""

    async def call(number: int) -> None:
        if number % 3:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                grpc.aio.Metadata(),
                grpc.aio.Metadata(),
            )

    found = await open_loop(call, 3_000, 0.01, seed=1)
    assert len(found.seconds) == 10
    assert found.refused == {"RESOURCE_EXHAUSTED": 20}


async def test_a_generator_that_is_behind_leaves_calls_out() -> None:
    """What it could not make in time is counted, and makes no load of its own."""
    made: list[int] = []

    async def call(number: int) -> None:
        made.append(number)
        if not number:
            # Nothing else runs meanwhile: 100 arrivals pass by.
            time.sleep(0.1)  # noqa: ASYNC251

    found = await open_loop(call, 1_000, 0.2, 1, behind_s_max=0.02)
    assert found.made == len(made)
    assert found.made + found.left_out == 200
    assert 40 < found.left_out < 160
    assert found.late_s <= 0.02


async def test_a_closed_loop_keeps_so_many_in_flight() -> None:
    """Never more, and as many as that."""
    running = most = 0

    async def call(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    found = await closed_loop(call, 100, 7)
    assert len(found.seconds) == 100
    assert most == 7


async def test_nothing_answered_has_no_percentile() -> None:
    """Infinitely slow, not quick."""

    async def call(_: int) -> None:
        raise grpc.aio.AioRpcError(
            grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata()
        )

    found = await closed_loop(call, 3, 1)
    assert found.percentile_ms(50) == float("inf")
