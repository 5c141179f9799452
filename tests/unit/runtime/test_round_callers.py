"""Rounds and those who ask for them, who may have no time or go away."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    Command,
    CreatePolicy,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.round_task import RoundTask, SolvedRound, solve_round
from matcher.solve import Stop
from server.runtime.call import Call, RoundCall
from server.runtime.deadline import set_time_left
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from tests.scenarios import NOW_US, TENANT, activation, demand, policy, return_item
from tests.scenarios.hung_solver import PATIENCE_S, HungSolver


@pytest.fixture(name="runtime")
async def _runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    running = Runtime(
        open_store(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=lambda: NOW_US,
        options=RuntimeOptions(tenants=(TENANT,), threads=1, runs_timers=False),
    )
    await running.start()
    for command in (
        CreatePolicy(policy()),
        activation(1),
        UpsertDemands((demand("d1"),), ("",)),
        SubmitReturns((return_item("r1"),), ("hash",)),
    ):
        await running.execute(_call(command))
    yield running
    await running.stop()


@pytest.fixture(name="solver")
def _solver(monkeypatch: pytest.MonkeyPatch) -> HungSolver:
    solver = HungSolver()
    monkeypatch.setattr("server.runtime.rounds.solve_round", solver)
    return solver


def _call(command: Command) -> Call:
    return Call(TENANT, command, lambda _: b"")


def _round(runtime: Runtime, time_left_s: float | None = None) -> asyncio.Task[bytes]:
    context = contextvars.copy_context()
    context.run(set_time_left, time_left_s)
    call = RoundCall(TENANT, lambda record: str(record.matched_count).encode())
    return asyncio.create_task(runtime.run_round(call), context=context)


async def _states(runtime: Runtime) -> list[ReturnState]:
    found = await runtime.read(
        lambda store: store.list_returns(TENANT, state=None, after_id="", limit=10)
    )
    return [each.state for each in found]


async def test_a_round_that_has_begun_ends_without_its_caller(
    runtime: Runtime, solver: HungSolver
) -> None:
    """What was solved is stored, and the next round finds nothing left to do."""
    asked = _round(runtime)
    await solver.asked()
    asked.cancel()
    await asyncio.wait([asked])
    after = _round(runtime)
    solver.may_go.set()
    assert await after == b"0"
    assert await _states(runtime) == [ReturnState.MATCHED]


async def test_who_gives_up_before_its_round_has_none(
    runtime: Runtime, solver: HungSolver
) -> None:
    """It waits for the round before it, and leaves nothing behind."""
    first = _round(runtime)
    await solver.asked()
    others = [_round(runtime) for _ in range(20)]
    await asyncio.sleep(0.01)
    for each in others:
        each.cancel()
    await asyncio.wait(others)
    solver.may_go.set()
    assert await first == b"1"
    assert solver.count == 1


async def test_a_round_gets_the_time_that_is_left(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The solver is told to stop before its caller has to go, and the round counts."""

    def slow(task: RoundTask, *, threads: int, stop: Stop, **_: object) -> SolvedRound:
        # The budget of the options is a minute.
        until_s = time.monotonic() + PATIENCE_S
        while not stop.is_requested:
            assert time.monotonic() < until_s
            time.sleep(0.005)
        return solve_round(task, threads=threads, stop=Stop())

    monkeypatch.setattr("server.runtime.rounds.solve_round", slow)
    assert await _round(runtime, 1.0) == b"1"
    assert await _states(runtime) == [ReturnState.MATCHED]
