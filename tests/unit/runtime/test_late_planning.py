"""Planning that hangs or breaks: the warehouse takes over by itself, in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from matcher.domain.errors import InvalidProblemError
from matcher.domain.ids import ReturnId
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    Command,
    CreatePolicy,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.records import ReturnRecord
from matcher.engine.round_task import RoundTask, SolvedRound
from matcher.engine.stages import Stages
from matcher.solve import Stop
from server.runtime.call import Call
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from tests.scenarios import (
    HOUR_US,
    MINUTE_US,
    NOW_US,
    TENANT,
    activation,
    demand,
    policy,
    return_item,
)
from tests.scenarios.hung_solver import PATIENCE_S, HungSolver


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_us = NOW_US

    def __call__(self) -> int:
        """Return the instant."""
        return self.now_us


@pytest.fixture(name="clock")
def _clock() -> HandClock:
    return HandClock()


@pytest.fixture(name="solver")
def _solver(monkeypatch: pytest.MonkeyPatch) -> HungSolver:
    solver = HungSolver()
    monkeypatch.setattr("server.runtime.rounds.solve_round", solver)
    return solver


@pytest.fixture(name="runtime")
async def _runtime(tmp_path: Path, clock: HandClock) -> AsyncIterator[Runtime]:
    running = Runtime(
        open_store(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=clock,
        options=RuntimeOptions(
            tenants=(TENANT,), threads=1, timer_us=10_000, solve_budget_us=10_000
        ),
    )
    await running.start()
    timed = policy(round_interval_us=MINUTE_US)
    for command in (
        CreatePolicy(timed),
        activation(1),
        UpsertDemands((demand("d1"),), ("",)),
        SubmitReturns((return_item("r1", decide_by_us=NOW_US + HOUR_US),), ("hash",)),
    ):
        await running.execute(_call(command))
    yield running
    await running.stop()


def _call(command: Command) -> Call:
    return Call(TENANT, command, lambda _: b"")


async def _until(runtime: Runtime, *states: ReturnState) -> ReturnRecord:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await runtime.read(
                lambda store: store.return_item(TENANT, ReturnId("r1"))
            )
            assert found is not None
            if found.state in states:
                return found
            await asyncio.sleep(0.01)


async def test_a_solver_that_hangs_holds_up_no_deadline(
    runtime: Runtime, clock: HandClock, solver: HungSolver
) -> None:
    """
    Nobody calls, a round of the timers hangs past its budget, and time runs out.

    The item is in the warehouse all the same, and is told that planning was late (R60).
    """
    clock.now_us += MINUTE_US
    await solver.asked()
    # Longer than twice the budget, after which nobody counts on the solver any more.
    await asyncio.sleep(0.1)
    clock.now_us += HOUR_US
    try:
        record = await _until(runtime, ReturnState.WAREHOUSE)
    finally:
        solver.may_go.set()
    assert ReasonCode.PLANNING_UNAVAILABLE in record.reason_codes
    assert ReasonCode.DECIDE_BY_REACHED in record.reason_codes


async def test_an_answer_that_comes_late_is_taken_in_time(
    runtime: Runtime, clock: HandClock, solver: HungSolver
) -> None:
    """Past its budget and before the deadline: the match is made after all."""
    clock.now_us += MINUTE_US
    await solver.asked()
    await asyncio.sleep(0.1)
    solver.may_go.set()
    record = await _until(runtime, ReturnState.MATCHED)
    assert record.reason_codes == (ReasonCode.MATCHED_BEST_SAVING,)


async def test_a_solver_that_breaks_is_down(
    runtime: Runtime, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each round fails: at its time the item goes the ordinary way, and is told why."""
    is_asked = threading.Event()

    def broken(
        task: RoundTask, *, threads: int, stop: Stop, stages: Stages
    ) -> SolvedRound:
        is_asked.set()
        raise InvalidProblemError("no problem of yours")

    monkeypatch.setattr("server.runtime.rounds.solve_round", broken)
    clock.now_us += MINUTE_US
    assert await asyncio.to_thread(is_asked.wait, PATIENCE_S)
    await asyncio.sleep(0.1)
    clock.now_us += HOUR_US
    record = await _until(runtime, ReturnState.WAREHOUSE)
    assert ReasonCode.PLANNING_UNAVAILABLE in record.reason_codes
