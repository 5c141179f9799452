"""Which groups a runtime carries out on the loop: nothing is due, and none is large."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from matcher.domain.ids import DemandId, TenantId
from matcher.engine.commands import CancelDemand, Command, UpsertDemands
from server.runtime.call import Call
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.runtime.shard_host import ShardHost
from server.runtime.watch import GroupTimes
from server.runtime.work import Done, Work
from server.storage.opening import open_store
from tests.contract.api_target import HandClock
from tests.scenarios.entities import SECOND_US, TENANT, demand

OTHER = TenantId("other")


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note of each group whether it was carried out on the thread of the test."""
    noted: list[bool] = []
    here, process = threading.get_ident(), ShardHost.process

    def noting(
        host: ShardHost, group: Sequence[Work], times: GroupTimes | None = None
    ) -> list[Done]:
        noted.append(threading.get_ident() == here)
        return process(host, group, times)

    monkeypatch.setattr(ShardHost, "process", noting)
    return noted


@pytest.fixture
def clock() -> HandClock:
    """Return a clock at noon."""
    return HandClock()


@pytest.fixture
async def runtime(tmp_path: Path, clock: HandClock) -> AsyncIterator[Runtime]:
    """Run a runtime whose loop has nothing else to do."""
    running = Runtime(
        open_store(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=clock,
        options=RuntimeOptions(
            tenants=(TENANT,), threads=1, runs_timers=False, runs_quick_on_loop=True
        ),
    )
    await running.start()
    yield running
    await running.stop()


async def _execute(runtime: Runtime, command: Command) -> None:
    await runtime.execute(Call(TENANT, command, lambda answer: repr(answer).encode()))


def _upsert(count: int, name: str, ship_by_us: int) -> UpsertDemands:
    entries = tuple(
        demand(f"{name}{number}", ship_by_us=ship_by_us) for number in range(count)
    )
    return UpsertDemands(entries, ("",) * count)


async def test_a_small_group_runs_on_the_loop_and_a_large_command_does_not(
    runtime: Runtime, clock: HandClock, threads: list[bool]
):
    """One demand here, five on the engine's thread."""
    later_us = clock.now_us + 3_600 * SECOND_US
    await _execute(runtime, _upsert(1, "a", later_us))
    await _execute(runtime, _upsert(5, "b", later_us))
    await _execute(runtime, CancelDemand(DemandId("a0")))
    assert threads == [True, False, True]


async def test_what_is_due_is_settled_on_the_thread(
    runtime: Runtime,
    clock: HandClock,
    threads: list[bool],
    monkeypatch: pytest.MonkeyPatch,
):
    """A thousand demands that end now would hold the loop up, whoever comes first."""
    # However long a thousand take here, what comes behind them is foretold to be quick.
    monkeypatch.setattr("server.runtime.runtime.QUICK_NS", 60_000_000_000)
    ends_us = clock.now_us + 60 * SECOND_US
    await _execute(runtime, _upsert(1_000, "a", ends_us))
    threads.clear()
    clock.now_us = ends_us - 1
    await _execute(runtime, _upsert(1, "b", ends_us + SECOND_US))
    clock.now_us = ends_us
    await _execute(runtime, _upsert(1, "c", ends_us + SECOND_US))
    assert threads == [True, False]


async def test_a_shard_that_is_not_in_memory_is_not_built_on_the_loop(
    runtime: Runtime, clock: HandClock, threads: list[bool]
):
    """Nor is one of a tenant that this server does not decide for."""
    host = runtime._host
    assert host.is_at_rest({TENANT})
    assert not host.is_at_rest({OTHER})
    assert not host.is_at_rest({TENANT, OTHER})
    host._shards.clear()
    assert not host.is_at_rest({TENANT})
    later_us = clock.now_us + 3_600 * SECOND_US
    for name in ("a", "b"):
        await _execute(runtime, _upsert(1, name, later_us))
    assert threads == [False, True]


async def test_groups_that_take_long_are_no_matter_of_the_loop(
    runtime: Runtime,
    clock: HandClock,
    threads: list[bool],
    monkeypatch: pytest.MonkeyPatch,
):
    """As foretold from what groups have taken of late."""
    later_us = clock.now_us + 3_600 * SECOND_US
    await _execute(runtime, _upsert(1, "a", later_us))
    monkeypatch.setitem(runtime._queue._each_ns, TENANT, 20_000_001)
    await _execute(runtime, _upsert(1, "b", later_us))
    assert threads == [True, False]
