"""Queue, groups, rounds and timers over a real embedded store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from matcher.domain.decision import Outcome
from matcher.domain.errors import (
    LimitExceededError,
    NotFoundError,
    RequestReusedError,
    StateConflictError,
    UnavailableError,
)
from matcher.domain.ids import DemandId, MatchId, ReturnId, RoundId
from matcher.domain.mode import Mode
from matcher.domain.return_item import ReturnState
from matcher.domain.shadow import ShadowState
from matcher.engine.answers import Answer
from matcher.engine.commands import (
    CancelDemand,
    Command,
    ConfirmMatch,
    CreatePolicy,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.proof import unpack
from matcher.engine.round_task import RoundTask, SolvedRound, solve_round
from matcher.engine.stages import Stages
from matcher.solve import Stop
from server.runtime.call import Call, RoundCall
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.runtime.watch import GroupTimes, Unwatched
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from tests.scenarios import activation
from tests.scenarios.entities import (
    DAY_US,
    HOUR_US,
    NOW_US,
    SECOND_US,
    TENANT,
    demand,
    policy,
    return_item,
)


class HandClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_us = NOW_US

    def __call__(self) -> int:
        """Return where it stands."""
        return self.now_us


@pytest.fixture
def clock() -> HandClock:
    """Return a clock at noon."""
    return HandClock()


@pytest.fixture
async def runtime(tmp_path: Path, clock: HandClock) -> AsyncIterator[Runtime]:
    """Run a runtime without timers on a fresh store."""
    running = _runtime(tmp_path, clock)
    await running.start()
    yield running
    await running.stop()


def _runtime(folder: Path, clock: Callable[[], int], **options: int) -> Runtime:
    return Runtime(
        open_store(f"sqlite:///{folder / 'test.db'}"),
        clock=clock,
        options=RuntimeOptions(
            tenants=(TENANT,), threads=1, runs_timers=False, **options
        ),
    )


def _call(command: Command, request_id: str = "", payload_hash: str = "") -> Call:
    def encode(answer: Answer) -> bytes:
        return repr(answer).encode()

    return Call(TENANT, command, encode, request_id, payload_hash)


def _round(request_id: str = "") -> RoundCall:
    return RoundCall(
        TENANT,
        lambda record: f"{record.round_id} {record.matched_count}".encode(),
        request_id,
        "round",
    )


async def _prepare(runtime: Runtime) -> None:
    await runtime.execute(_call(CreatePolicy(policy())))
    await runtime.execute(_call(activation(1)))
    await runtime.execute(_call(UpsertDemands((demand("d1"),), ("",))))
    await runtime.execute(_call(SubmitReturns((return_item("r1"),), ("hash",))))


async def test_an_answer_is_stored_when_it_is_given(runtime: Runtime) -> None:
    """A read right after the answer sees the row: the commit came first (I4)."""
    await _prepare(runtime)
    record = await runtime.read(lambda store: store.demand(TENANT, DemandId("d1")))
    assert record is not None
    assert record.version == 1


async def test_concurrent_calls_share_a_group(runtime: Runtime) -> None:
    """A hundred calls at once are all carried out, each with its own answer."""
    calls = [
        _call(UpsertDemands((demand(f"d{number:03}"),), ("",))) for number in range(100)
    ]
    answers = await asyncio.gather(*(runtime.execute(call) for call in calls))
    for number, answer in enumerate(answers):
        assert f"d{number:03}" in answer.decode()


async def test_a_refused_call_leaves_its_group_alone(runtime: Runtime) -> None:
    """Of two calls in one group the bad one is refused and the good one stored."""
    bad = runtime.execute(_call(CancelDemand(DemandId("nobody"))))
    good = runtime.execute(_call(UpsertDemands((demand("d1"),), ("",))))
    results = await asyncio.gather(bad, good, return_exceptions=True)
    assert isinstance(results[0], NotFoundError)
    assert b"d1" in results[1]


async def test_a_request_id_gives_the_first_answer_again(runtime: Runtime) -> None:
    """The bytes come back without running again: the demand's version stays 1."""
    call = _call(UpsertDemands((demand("d1"),), ("",)), "request", "payload")
    first = await runtime.execute(call)
    await runtime.execute(_call(UpsertDemands((demand("d1", quantity=5),), ("",))))
    assert await runtime.execute(call) == first
    record = await runtime.read(lambda store: store.demand(TENANT, DemandId("d1")))
    assert record is not None
    assert record.version == 2


async def test_a_request_id_with_another_payload_is_refused(runtime: Runtime) -> None:
    """Both hashes are in the error, so that the caller can tell."""
    await runtime.execute(_call(UpsertDemands((demand("d1"),), ("",)), "request", "a"))
    with pytest.raises(RequestReusedError) as caught:
        await runtime.execute(
            _call(UpsertDemands((demand("d2"),), ("",)), "request", "b")
        )
    assert (caught.value.stored_hash, caught.value.received_hash) == ("a", "b")


async def test_twin_requests_in_one_group_run_once(runtime: Runtime) -> None:
    """Two tries of one request that arrive together get the same answer."""
    call = _call(UpsertDemands((demand("d1"),), ("",)), "request", "payload")
    first, second = await asyncio.gather(runtime.execute(call), runtime.execute(call))
    assert first == second


async def test_a_round_matches_and_is_answered_once(runtime: Runtime) -> None:
    """The one pair is matched; the request id gives the same round again."""
    await _prepare(runtime)
    first = await runtime.run_round(_round("request"))
    assert first == b"r-000000000001 1"
    assert await runtime.run_round(_round("request")) == first
    assert await runtime.run_round(_round()) == b"r-000000000002 0"


async def test_a_round_out_of_time_takes_the_best_so_far(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget ends the solve; what is matched by then is, and the gap is proven."""

    def slow(
        task: RoundTask, *, threads: int, stop: Stop, stages: Stages
    ) -> SolvedRound:
        while not stop.is_requested:
            time.sleep(0.001)
        return solve_round(task, threads=threads, stop=stop, stages=stages)

    monkeypatch.setattr("server.runtime.rounds.solve_round", slow)
    runtime = _runtime(tmp_path, clock, solve_budget_us=20_000)
    await runtime.start()
    await _prepare(runtime)
    await runtime.execute(_call(SubmitReturns((return_item("r2"),), ("hash",))))
    round_id, matched = (await runtime.run_round(_round())).decode().split()
    record = await runtime.read(lambda store: store.round(TENANT, RoundId(round_id)))
    await runtime.stop()
    assert matched == "1"
    assert record is not None
    proof = unpack(record.proof)
    proof.check()
    assert record.dual_micros - record.saving_micros == proof.gap > 0


async def test_a_round_without_a_policy_is_refused(runtime: Runtime) -> None:
    """Nothing is matched before a policy is active (R27)."""
    with pytest.raises(StateConflictError, match="active policy"):
        await runtime.run_round(_round())


async def test_a_demand_cancelled_during_the_solve_is_not_promised(
    runtime: Runtime,
) -> None:
    """The cancellation is answered first, so the match must be dropped (I2)."""
    await _prepare(runtime)
    cancel = _call(CancelDemand(DemandId("d1")))
    answer, _ = await asyncio.gather(
        runtime.run_round(_round()), _soon(runtime.execute, cancel)
    )
    record = await runtime.read(lambda store: store.demand(TENANT, DemandId("d1")))
    assert record is not None
    matched = int(answer.split()[1])
    assert record.held_count == matched


async def _soon(run: Callable[[Call], object], call: Call) -> None:
    await asyncio.sleep(0)
    await run(call)  # type: ignore[misc]


async def test_time_alone_settles_holds_and_deadlines(
    runtime: Runtime, clock: HandClock
) -> None:
    """An hour later the hold has run out; a day later the warehouse has it (R61)."""
    await _prepare(runtime)
    await runtime.run_round(_round())
    clock.now_us += 30 * DAY_US
    await runtime.tick()
    record = await runtime.read(lambda store: store.return_item(TENANT, ReturnId("r1")))
    assert record is not None
    assert record.state is ReturnState.WAREHOUSE


async def test_a_tick_asks_about_shadows(runtime: Runtime, clock: HandClock) -> None:
    """Where nobody waits, by the interval, and without a round (R26)."""
    observing = policy(round_interval_us=HOUR_US, mode=Mode.SHADOW)
    await runtime.execute(_call(CreatePolicy(observing)))
    await runtime.execute(_call(activation(1)))
    await runtime.execute(_call(UpsertDemands((demand("d1"),), ("",))))
    await runtime.execute(_call(SubmitReturns((return_item("r1"),), ("hash",))))

    async def state() -> ShadowState:
        shadow = await runtime.read(lambda s: s.shadow(TENANT, ReturnId("r1")))
        assert shadow is not None
        return shadow.state

    await runtime.tick()
    assert await state() is ShadowState.OPEN
    clock.now_us += HOUR_US
    await runtime.tick()
    assert await state() is ShadowState.MATCHED
    first = RoundId("r-000000000001")
    assert await runtime.read(lambda s: s.round(TENANT, first)) is None
    (count,) = await runtime.read(lambda s: s.count_shadows(TENANT))
    assert (count.control_count, count.matched_count) == (1, 1)


async def test_a_tick_runs_the_round_that_is_due(
    runtime: Runtime, clock: HandClock
) -> None:
    """A policy with an interval closes rounds by itself, not before it is over."""
    timed = policy(round_interval_us=HOUR_US)
    await runtime.execute(_call(CreatePolicy(timed)))
    await runtime.execute(_call(activation(1)))
    await runtime.execute(_call(UpsertDemands((demand("d1"),), ("",))))
    await runtime.execute(_call(SubmitReturns((return_item("r1"),), ("hash",))))
    await runtime.tick()
    assert await _state(runtime) is ReturnState.WAITING
    clock.now_us += HOUR_US
    await runtime.tick()
    assert await _state(runtime) is ReturnState.MATCHED


async def _state(runtime: Runtime) -> ReturnState:
    record = await runtime.read(lambda store: store.return_item(TENANT, ReturnId("r1")))
    assert record is not None
    return record.state


async def test_a_restart_goes_on_where_it_stopped(
    tmp_path: Path, clock: HandClock
) -> None:
    """The match of the first life is confirmed in the second (I12)."""
    first = _runtime(tmp_path, clock)
    await first.start()
    await _prepare(first)
    await first.run_round(_round())
    await first.stop()
    second = _runtime(tmp_path, clock)
    await second.start()
    answer = await second.execute(_call(ConfirmMatch(MatchId("m-000000000001"))))
    assert b"CONFIRMED" in answer
    await second.stop()


@pytest.mark.parametrize(
    ("down_us", "state"),
    [
        (HOUR_US - 1, ReturnState.MATCHED),
        (HOUR_US, ReturnState.WAITING),
        (DAY_US - SECOND_US - 1, ReturnState.WAITING),
        (DAY_US - SECOND_US, ReturnState.WAREHOUSE),
    ],
)
async def test_what_came_due_while_down_is_settled_by_the_start(
    tmp_path: Path, clock: HandClock, down_us: int, state: ReturnState
) -> None:
    """
    The server is down when a hold, then a decide-by time runs out, to the microsecond.

    Once it has started, and before anybody calls, the store says so (R61, I1).
    """
    first = _runtime(tmp_path, clock)
    await first.start()
    await _prepare(first)
    await first.run_round(_round())
    await first.stop()
    clock.now_us += down_us
    second = _runtime(tmp_path, clock)
    await second.start()
    found = await _state(second)
    await second.stop()
    assert found is state


async def test_a_failed_commit_changes_nothing_and_is_survived(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gets UNAVAILABLE, memory is built anew, and the retry works."""
    running = _runtime(tmp_path, clock)
    await running.start()
    await _prepare(running)
    commit = SqlStore.commit
    failures = iter([True])

    def broken(store: SqlStore, *arguments: object) -> None:
        if next(failures, False):
            raise UnavailableError("the disk is full")
        commit(store, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlStore, "commit", broken)
    change = _call(UpsertDemands((demand("d2"),), ("",)))
    with pytest.raises(UnavailableError, match="retry with the same ids"):
        await running.execute(change)
    assert await running.read(lambda s: s.demand(TENANT, DemandId("d2"))) is None
    assert b"version=1" in await running.execute(change)
    await running.stop()


async def test_a_full_queue_refuses(tmp_path: Path, clock: HandClock) -> None:
    """Work beyond the queue's limit is refused at once, with when to come back."""
    running = _runtime(tmp_path, clock, queue_count_max=2)
    await running.start()
    calls = [_call(UpsertDemands((demand(f"d{n}"),), ("",))) for n in range(20)]
    results = await asyncio.gather(
        *(running.execute(call) for call in calls), return_exceptions=True
    )
    refused = [each for each in results if isinstance(each, LimitExceededError)]
    stored = [each for each in results if isinstance(each, bytes)]
    assert len(refused) + len(stored) == 20
    assert {each.retry_after_s for each in refused} == {1}
    assert stored
    await running.stop()


async def test_a_stopped_runtime_refuses(tmp_path: Path, clock: HandClock) -> None:
    """Calls after the stop get UNAVAILABLE, and whoever watches is told."""
    running = _runtime(tmp_path, clock)
    await running.start()
    watching = asyncio.create_task(running.wait_for_decisions(TENANT, 0))
    await asyncio.sleep(0.05)
    await running.stop()
    with pytest.raises(UnavailableError):
        await watching
    with pytest.raises(UnavailableError):
        await running.execute(_call(CreatePolicy(policy())))


async def test_a_watcher_wakes_with_the_commit(runtime: Runtime) -> None:
    """Waiting for the first decision ends when a return is submitted."""
    watching = asyncio.create_task(runtime.wait_for_decisions(TENANT, 0))
    await asyncio.sleep(0.05)
    assert not watching.done()
    await _prepare(runtime)
    await asyncio.wait_for(watching, 5)


async def test_checkpoints_come_once_a_day_or_with_the_journal(
    tmp_path: Path, clock: HandClock
) -> None:
    """A busy day has several, so that no replay is long; a quiet one has one."""
    running = _runtime(tmp_path, clock, checkpoint_entries=50)
    await running.start()

    async def count() -> int:
        await running.keep_history(TENANT)
        known = await running.read(lambda store: store.history(TENANT).checkpoints())
        return len(known)

    assert await count() == 1
    await _prepare(running)
    assert await count() == 1
    for number in range(60):
        await running.execute(_call(UpsertDemands((demand(f"e{number}"),), ("",))))
    assert await count() == 2
    assert await count() == 2
    await running.execute(_call(UpsertDemands((demand("late"),), ("",))))
    assert await count() == 2
    clock.now_us += DAY_US
    assert await count() == 3
    await running.stop()


async def test_its_state_is_as_of_the_last_group(runtime: Runtime) -> None:
    """One item matched and one that waits; the demand enters the index in the round."""
    await _prepare(runtime)
    await runtime.execute(_call(SubmitReturns((return_item("r2"),), ("hash",))))
    before = runtime.state()
    assert (dict(before.queue_lengths), before.wanted_count) == ({}, 1)
    assert dict(before.epochs) == {TENANT: 1}
    sizes = before.sizes[TENANT]
    assert (sizes.waiting_count, sizes.hold_count) == (2, 0)
    assert (sizes.demand_count, sizes.indexed_count) == (1, 0)
    await runtime.run_round(_round())
    sizes = runtime.state().sizes[TENANT]
    assert (sizes.waiting_count, sizes.hold_count) == (1, 1)
    assert sizes.policy_version == 1
    assert sizes.index_bytes > 0


class _Noted(Unwatched):
    """A watch that remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[GroupTimes] = []

    def group(self, group: GroupTimes) -> None:
        """Remember it."""
        self.groups.append(group)


async def test_a_watch_hears_of_what_is_stored_and_of_what_is_given_up(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission's decision is told once it is stored, and not if it is not."""
    watch = _Noted()
    store = open_store(f"sqlite:///{tmp_path / 'test.db'}")
    options = RuntimeOptions(tenants=(TENANT,), threads=1, runs_timers=False)
    running = Runtime(store, clock=clock, options=options, watch=watch)
    await running.start()
    await _prepare(running)
    (group,) = [each for each in watch.groups if each.decided]
    assert group.is_stored
    assert [outcome for outcome, _ in group.decided] == [Outcome.WAITING]
    assert group.queued_ns[0] <= group.begun_ns <= group.ran_ns[0] <= group.ended_ns

    def broken(*_: object) -> None:
        raise UnavailableError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", broken)
        with pytest.raises(UnavailableError):
            await running.execute(_call(SubmitReturns((return_item("r2"),), ("hash",))))
    assert watch.groups[-1].is_given_up
    assert not watch.groups[-1].is_stored
    assert not watch.groups[-1].decided
    await running.stop()
