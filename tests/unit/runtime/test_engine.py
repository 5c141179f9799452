"""One piece of work at a time, on the thread or on the loop, whichever may be."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    ConfirmMatch,
    PauseProgram,
    ReleaseMatches,
    SubmitReturns,
    Tick,
    UpsertDemands,
)
from server.runtime.engine import Engine, is_quick

_SECOND_NS = 1_000_000_000


class HandClock:
    """Nanoseconds that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 5 * _SECOND_NS

    def __call__(self) -> int:
        """Return where it stands."""
        return self.now_ns


async def test_what_is_quick_runs_on_the_loop_where_it_may():
    """By default it runs on the engine's thread, as all else does."""
    here = threading.get_ident()
    for may, is_here in ((True, True), (False, False)):
        engine = Engine(may_run_here=may)
        assert (await engine.run_quick(threading.get_ident) == here) is is_here
        assert await engine.run(threading.get_ident) != here
        await engine.stop()


async def test_nothing_runs_here_while_the_thread_works():
    """It waits for its turn on the thread, and the loop goes on."""
    engine, order = Engine(may_run_here=True), []
    entered, gate = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        gate.wait(20)
        order.append("slow")

    def quick() -> int:
        order.append("quick")
        return threading.get_ident()

    first = asyncio.create_task(engine.run(slow))
    await asyncio.to_thread(entered.wait, 20)
    second = asyncio.create_task(engine.run_quick(quick))
    await asyncio.sleep(0.05)
    assert not second.done()
    gate.set()
    await first
    assert await second != threading.get_ident()
    assert order == ["slow", "quick"]
    # Also where its caller has gone: what was begun goes on.
    gate.clear()
    entered.clear()
    left = asyncio.create_task(engine.run(slow))
    await asyncio.to_thread(entered.wait, 20)
    left.cancel()
    after = asyncio.create_task(engine.run_quick(quick))
    await asyncio.sleep(0.05)
    assert not after.done()
    gate.set()
    await after
    assert order == ["slow", "quick", "slow", "quick"]
    await engine.stop()


async def test_after_a_slow_one_the_loop_is_spared_for_a_while():
    """More than 50 ms: for 10 s the thread does it, then the loop again."""
    clock, here = HandClock(), threading.get_ident()
    engine = Engine(may_run_here=True, clock_ns=clock)

    def taking(ns: int) -> int:
        clock.now_ns += ns
        return threading.get_ident()

    assert await engine.run_quick(taking, 50_000_000) == here
    assert await engine.run_quick(taking, 50_000_001) == here
    assert await engine.run_quick(taking, 0) != here
    clock.now_ns += 10 * _SECOND_NS - 1
    assert await engine.run_quick(taking, 0) != here
    clock.now_ns += 1
    assert await engine.run_quick(taking, 0) == here
    await engine.stop()


async def test_what_raises_gives_the_engine_back():
    """Here and on the thread."""
    engine = Engine(may_run_here=True)
    for run in (engine.run_quick, engine.run, engine.run_quick):
        with pytest.raises(ZeroDivisionError):
            await run(divmod, 1, 0)
    assert await engine.run_quick(threading.get_ident) == threading.get_ident()
    await engine.stop()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (CancelDemand(DemandId("d1")), True),
        (CancelReturn(ReturnId("r1")), True),
        (ConfirmMatch(MatchId("m1")), True),
        (ReleaseMatches(), False),
        (PauseProgram("", "why"), False),
        (Tick(), False),
    ],
)
def test_commands_about_one_entity_are_quick(command: Any, expected: bool):
    """What may touch a whole pool is not, however small it is to say."""
    assert is_quick(command) is expected


@pytest.mark.parametrize("count", [1, 4, 5, 10_000])
def test_few_entries_are_quick(count: int):
    """Four, and not five."""
    entries: tuple[Any, ...] = (None,) * count
    texts = ("",) * count
    for command in (SubmitReturns(entries, texts), UpsertDemands(entries, texts)):
        assert is_quick(command) is (count <= 4)
