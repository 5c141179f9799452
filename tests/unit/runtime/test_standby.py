"""Two runtimes on one store: one decides, the other stands by and takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from matcher.domain.errors import NotOwnerError
from matcher.domain.ids import DemandId, ReturnId, TenantId
from matcher.domain.return_item import ReturnState
from matcher.engine.answers import Answer
from matcher.engine.commands import (
    Command,
    CreatePolicy,
    SubmitReturns,
    UpsertDemands,
)
from server.runtime.call import Call, RoundCall
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.database import Database
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from tests.scenarios import activation
from tests.scenarios.entities import NOW_US, TENANT, demand, policy, return_item

TTL_US = 500_000


class SharedStore(SqlStore):
    """A real store that several runtimes of the test use, as if from afar."""

    def __init__(self, database: Database) -> None:
        database.is_alone = False
        super().__init__(database)

    def close(self) -> None:
        """Leave it to the test."""


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[SharedStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield SharedStore(opened._database)
    opened.close()


class Node:
    """A runtime, and what it told of its tenure."""

    def __init__(self, store: SqlStore, name: str, *tenants: TenantId) -> None:
        options = RuntimeOptions(
            tenants=tenants or (TENANT,),
            threads=1,
            runs_timers=False,
            holder=name,
            lease_ttl_us=TTL_US,
        )
        self.runtime = Runtime(store, clock=lambda: NOW_US, options=options)
        self.told: asyncio.Queue[frozenset[TenantId]] = asyncio.Queue()
        self.is_silent = False

    async def start(self) -> None:
        """Wait for the shard and load it."""
        await self.runtime.start(self.told.put)

    def fall_silent(self) -> None:
        """Renew no more, as a process that is stopped does not."""
        renew = self.runtime._ownership.renew
        self.runtime._ownership.renew = (  # type: ignore[method-assign]
            lambda: [] if self.is_silent else renew()
        )
        self.is_silent = True

    async def execute(
        self, command: Command, request_id: str = "", tenant: TenantId = TENANT
    ) -> bytes:
        """Carry out a command."""

        def encode(answer: Answer) -> bytes:
            return repr(answer).encode()

        return await self.runtime.execute(
            Call(tenant, command, encode, request_id, "hash")
        )


@asynccontextmanager
async def _pair(store: SharedStore) -> AsyncIterator[tuple[Node, Node]]:
    async with AsyncExitStack() as undo:
        nodes = Node(store, "first"), Node(store, "second")
        for node in nodes:
            undo.push_async_callback(node.runtime.stop)
        await nodes[0].start()
        yield nodes


async def test_a_standby_refuses_and_names_the_owner(store: SharedStore) -> None:
    """Both live: one decides, the other is UNAVAILABLE, far longer than a lease."""
    async with _pair(store) as (first, second):
        waiting = asyncio.create_task(second.start())
        await asyncio.sleep(3 * TTL_US / 1_000_000)
        assert not waiting.done()
        with pytest.raises(NotOwnerError, match="with server first"):
            await second.execute(CreatePolicy(policy()))
        with pytest.raises(NotOwnerError):
            await second.runtime.run_round(RoundCall(TENANT, lambda _: b""))
        await first.execute(CreatePolicy(policy()))
        waiting.cancel()


async def test_an_orderly_end_hands_over_at_once(store: SharedStore) -> None:
    """What the first one stored is what the second one goes on from (I4, I12)."""
    async with _pair(store) as (first, second):
        waiting = asyncio.create_task(second.start())
        await first.execute(CreatePolicy(policy()))
        await first.execute(activation(1))
        answer = await first.execute(
            UpsertDemands((demand("d1"),), ("",)), request_id="q1"
        )
        await first.runtime.stop()
        await asyncio.wait_for(waiting, 20)
        repeated = await second.execute(
            UpsertDemands((demand("d1"),), ("",)), request_id="q1"
        )
        assert repeated == answer
        await second.execute(SubmitReturns((return_item("r1"),), ("hash",)))
        await second.runtime.run_round(RoundCall(TENANT, lambda _: b""))
        item = store.return_item(TENANT, ReturnId("r1"))
        assert item is not None
        assert item.state is ReturnState.MATCHED


async def test_one_that_slept_writes_nothing_and_stands_by(
    store: SharedStore,
) -> None:
    """Its next write is refused, it says so, and comes back when the other is gone."""
    async with _pair(store) as (first, second):
        await first.execute(CreatePolicy(policy()))
        await first.execute(activation(1))
        first.fall_silent()
        await asyncio.wait_for(second.start(), 20)
        await second.execute(UpsertDemands((demand("d1"),), ("",)))
        # It has not heard yet, and its memory knows nothing of the demand.
        with pytest.raises(NotOwnerError, match="with server second"):
            await first.execute(UpsertDemands((demand("d1", quantity=5),), ("",)))
        found = store.demand(TENANT, DemandId("d1"))
        assert found is not None
        assert found.demand.quantity == demand("d1").quantity
        first.is_silent = False
        assert await asyncio.wait_for(first.told.get(), 20) == frozenset()
        await second.runtime.stop()
        assert await asyncio.wait_for(first.told.get(), 20) == {TENANT}
        await first.execute(SubmitReturns((return_item("r1"),), ("hash",)))
        await first.runtime.run_round(RoundCall(TENANT, lambda _: b""))
        item = store.return_item(TENANT, ReturnId("r1"))
        assert item is not None
        assert item.state is ReturnState.MATCHED


async def test_a_round_of_the_old_owner_promises_nothing(
    store: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Solved before the take-over, to be committed after it: refused, and all waits."""
    async with _pair(store) as (first, second):
        await first.execute(CreatePolicy(policy()))
        await first.execute(activation(1))
        await first.execute(UpsertDemands((demand("d1"),), ("",)))
        await first.execute(SubmitReturns((return_item("r1"),), ("hash",)))
        first.fall_silent()
        submit, goes_on = first.runtime._rounds._submit, asyncio.Event()
        seen = 0

        async def held(work: object) -> object:
            nonlocal seen
            seen += 1
            if seen == 2:
                await goes_on.wait()
            return await submit(work)  # type: ignore[arg-type]

        monkeypatch.setattr(first.runtime._rounds, "_submit", held)
        running = asyncio.create_task(
            first.runtime.run_round(RoundCall(TENANT, lambda _: b""))
        )
        await asyncio.wait_for(second.start(), 20)
        goes_on.set()
        with pytest.raises(NotOwnerError, match="with server second"):
            await running
        assert store.latest_round(TENANT) is None
        await second.runtime.run_round(RoundCall(TENANT, lambda _: b""))
        assert store.latest_round(TENANT) is not None


async def test_a_server_decides_for_what_it_has_and_waits_for_the_rest(
    store: SharedStore,
) -> None:
    """
    One has shard a, the other is to have a and b: it serves b, and a once it is free.

    A call for a is told meanwhile where that is, and b goes on all the time.
    """
    a, b = TenantId("a"), TenantId("b")
    one, two = Node(store, "one", a), Node(store, "two", a, b)
    async with AsyncExitStack() as undo:
        for node in (one, two):
            undo.push_async_callback(node.runtime.stop)
        await asyncio.wait_for(one.start(), 20)
        await asyncio.wait_for(two.start(), 20)
        assert two.runtime.tenants() == [b]
        await two.execute(CreatePolicy(policy()), tenant=b)
        with pytest.raises(NotOwnerError, match="with server one"):
            await two.execute(CreatePolicy(policy()), tenant=a)
        await one.execute(CreatePolicy(policy()), tenant=a)
        await one.runtime.stop()
        assert await asyncio.wait_for(two.told.get(), 20) == {a, b}
        await two.execute(activation(1), tenant=a)
        # Somebody takes b from it: a stays.
        leases = store.leases()
        assert leases.take(b, "another", leases.state(b)) is not None
        assert await asyncio.wait_for(two.told.get(), 20) == {a}
        with pytest.raises(NotOwnerError, match="with server another"):
            await two.execute(activation(1), tenant=b)
        await two.execute(UpsertDemands((demand("d1"),), ("",)), tenant=a)
        assert store.demand(a, DemandId("d1")) is not None
        assert store.demand(b, DemandId("d1")) is None
