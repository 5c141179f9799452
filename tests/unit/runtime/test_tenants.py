"""Several tenants on one runtime: what goes wrong with one is no matter of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from matcher.domain.errors import LimitExceededError, UnavailableError
from matcher.domain.ids import DemandId, TenantId
from matcher.engine.answers import Answer
from matcher.engine.commands import Command, CreatePolicy, UpsertDemands
from matcher.engine.limits import ShardLimits
from matcher.engine.shard import Shard
from matcher.solve import Stop
from server.runtime import rounds
from server.runtime.call import Call, RoundCall
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.runtime.work import Work
from server.storage.opening import open_store
from tests.scenarios import activation
from tests.scenarios.entities import NOW_US, demand, policy

A, B = TenantId("a"), TenantId("b")


class Held:
    """What each tenant may hold, as a file would say it."""

    def __init__(self) -> None:
        self.demand_count_max = {A: 100, B: 100}

    def __call__(self, tenant: TenantId) -> ShardLimits:
        """Return the limits of a tenant."""
        return ShardLimits(demand_count_max=self.demand_count_max[tenant])


@pytest.fixture
def held() -> Held:
    """Return limits that tests change."""
    return Held()


@pytest.fixture
async def runtime(tmp_path: Path, held: Held) -> AsyncIterator[Runtime]:
    """Run a runtime of two tenants without timers."""
    running = Runtime(
        open_store(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=lambda: NOW_US,
        limits=held,
        options=RuntimeOptions(tenants=(A, B), threads=1, runs_timers=False),
    )
    await running.start()
    yield running
    await asyncio.wait_for(running.stop(), 30)


def _execute(
    runtime: Runtime, tenant: TenantId, command: Command
) -> asyncio.Task[bytes]:
    def encode(answer: Answer) -> bytes:
        return repr(answer).encode()

    call = Call(tenant, command, encode)
    return asyncio.ensure_future(asyncio.wait_for(runtime.execute(call), 30))


def _upsert(runtime: Runtime, tenant: TenantId, name: str) -> asyncio.Task[bytes]:
    return _execute(runtime, tenant, UpsertDemands((demand(name),), ("",)))


async def _stored(runtime: Runtime, tenant: TenantId, name: str) -> bool:
    found = await runtime.read(lambda store: store.demand(tenant, DemandId(name)))
    return found is not None


async def _in_one_group(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> asyncio.Event:
    # Whatever is asked until the event is set is done in one transaction.
    take, together = runtime._queue._take, asyncio.Event()
    monkeypatch.setattr(
        runtime._queue, "_take", lambda most: take(most) if together.is_set() else []
    )
    await asyncio.sleep(0)
    return together


async def _go(runtime: Runtime, together: asyncio.Event) -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    together.set()
    runtime._queue._grown.set()


async def test_what_breaks_is_its_tenants_alone(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one group the one tenant's part has not happened, and the other's has."""

    def broken(_shard: Shard, _now_us: int) -> bytes:
        raise ZeroDivisionError

    built = runtime._host.shard(B)
    together = await _in_one_group(runtime, monkeypatch)
    before = _upsert(runtime, A, "before")
    breaking = asyncio.ensure_future(
        asyncio.wait_for(runtime.carry_out(Work(A, broken)), 30)
    )
    behind = _upsert(runtime, A, "behind")
    other = _upsert(runtime, B, "other")
    await _go(runtime, together)
    with pytest.raises(ZeroDivisionError):
        await breaking
    for each in (before, behind):
        with pytest.raises(UnavailableError, match="retry with the same ids"):
            await each
    assert b"other" in await other
    assert await _stored(runtime, B, "other")
    assert not await _stored(runtime, A, "before")
    assert runtime._host.shard(B) is built
    # What it has in memory is what is stored.
    assert b"before" in await _upsert(runtime, A, "before")
    assert await _stored(runtime, A, "before")


async def test_a_lease_that_is_lost_is_its_tenants_alone(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server has taken one shard: the other's work of the group is stored."""
    for tenant in (A, B):
        await _upsert(runtime, tenant, "first")
    leases = runtime.store.leases()
    state = leases.state(A)
    assert leases.take(A, "another", state) is not None
    together = await _in_one_group(runtime, monkeypatch)
    lost, kept = _upsert(runtime, A, "lost"), _upsert(runtime, B, "kept")
    await _go(runtime, together)
    with pytest.raises(UnavailableError, match="with server another"):
        await lost
    assert b"kept" in await kept
    assert await _stored(runtime, B, "kept")
    assert not await _stored(runtime, A, "lost")
    assert runtime.tenants() == [B]


async def test_each_tenant_has_its_own_quota_and_it_may_change(
    runtime: Runtime, held: Held
) -> None:
    """Two of one, refused with the name of the limit, until the file says three."""
    held.demand_count_max[A] = 2
    for name in ("d1", "d2"):
        await _upsert(runtime, A, name)
    with pytest.raises(
        LimitExceededError, match=r"demand_count_max: 3 .* of 2"
    ) as full:
        await _upsert(runtime, A, "d3")
    assert full.value.retry_after_s is not None
    for name in ("d1", "d2", "d3"):
        await _upsert(runtime, B, name)
    held.demand_count_max[A] = 3
    await _upsert(runtime, A, "d3")
    # What is held already stays, and may be changed.
    held.demand_count_max[A] = 1
    await _execute(runtime, A, UpsertDemands((demand("d1", quantity=2),), ("",)))
    with pytest.raises(LimitExceededError, match=r"demand_count_max: 4 .* of 1"):
        await _upsert(runtime, A, "d4")


async def test_a_long_round_of_one_holds_up_no_other(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its solver hangs; the other tenant's round ends meanwhile."""
    for tenant in (A, B):
        await _execute(runtime, tenant, CreatePolicy(policy()))
        await _execute(runtime, tenant, activation(1))
    let_go = Stop()
    solve = rounds.solve_round
    hanging = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hung(*arguments: object, **options: object) -> object:
        if not hanging.is_set():
            loop.call_soon_threadsafe(hanging.set)
            while not let_go.is_requested:
                pass
        return solve(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rounds, "solve_round", hung)
    long = asyncio.create_task(runtime.run_round(RoundCall(A, lambda _: b"long")))
    try:
        await asyncio.wait_for(hanging.wait(), 30)
        short = runtime.run_round(RoundCall(B, lambda _: b"short"))
        assert await asyncio.wait_for(short, 30) == b"short"
        await asyncio.wait_for(runtime.settle(), 30)
    finally:
        let_go.request()
    assert await asyncio.wait_for(long, 30) == b"long"


async def test_who_watches_one_is_not_woken_by_another(runtime: Runtime) -> None:
    """A commit tells those who wait for its own tenant."""
    grown = {tenant: runtime.next_commit(tenant) for tenant in (A, B)}
    await _upsert(runtime, A, "d1")
    await asyncio.wait_for(grown[A].wait(), 30)
    assert not grown[B].is_set()
