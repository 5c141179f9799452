"""Match limits under many callers at once and kills between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from matcher.domain.match import HoldState, Match
from matcher.domain.match_limit import LimitKey, LimitScope
from matcher.engine.ledger import match_id
from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    demand_service_pb2,
    match_limit_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from tests.contract.messages import (
    activation,
    demand,
    policy,
    return_item,
    timestamp,
    verification,
)
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import TENANT, StoreAudit

CALLERS = 8
BATCHES = 6
BATCH = 8
KILLS = 2
LIMITS = {(LimitScope.DAY, 0): 60, (LimitScope.SKU, 0): 40, (LimitScope.ZONE, 7): 25}


@dataclass
class _Load:
    """Batches of items with their buyers, rounds, releases, and kills between them."""

    server: ServerProcess
    batches_done: int = 0
    interrupted: int = 0
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Let all callers work, killing the server at each third of the way."""
        self.serving.set()
        kills = asyncio.create_task(self._kill())
        await asyncio.gather(*(self._work(number) for number in range(CALLERS)))
        await kills
        await self._call("matches", "RunRound", match_service_pb2.RunRoundRequest())

    async def _kill(self) -> None:
        for _ in range(KILLS):
            await self.reached.wait()
            self.serving.clear()
            await asyncio.to_thread(self.server.kill)
            await asyncio.to_thread(self.server.start)
            self.reached.clear()
            self.serving.set()

    async def _work(self, caller: int) -> None:
        for batch in range(BATCHES):
            ids = [f"{caller}-{batch}-{n}" for n in range(BATCH)]
            await self._submit(ids)
            await self._call("matches", "RunRound", match_service_pb2.RunRoundRequest())
            await self._end(ids)
            self.batches_done += 1
            if self.batches_done % (CALLERS * BATCHES // (KILLS + 1)) == 0:
                self.reached.set()

    async def _submit(self, ids: list[str]) -> None:
        late = timestamp(now_us() + 9 * DAY_US)
        sku = ("shirt", "coat")
        demands = demand_service_pb2.BatchUpsertDemandsRequest(
            demands=[
                demand(each, 900.0 * n, sku=sku[n % 2], ship_by_time=late)
                for n, each in enumerate(ids)
            ]
        )
        await self._call("demands", "BatchUpsertDemands", demands)
        evidence = verification(verify_time=timestamp(now_us()))
        items = return_service_pb2.BatchSubmitReturnsRequest(
            return_items=[
                return_item(
                    each,
                    900.0 * n,
                    sku=sku[n % 2],
                    verification=evidence,
                    decide_by_time=late,
                )
                for n, each in enumerate(ids)
            ]
        )
        await self._call("returns", "BatchSubmitReturns", items)

    async def _end(self, ids: list[str]) -> None:
        # Of the matches of these items every third is released, every third confirmed.
        for number, each in enumerate(ids):
            request = return_service_pb2.GetReturnRequest(return_id=each)
            found = await self._call("returns", "GetReturn", request)
            made = found.decision.match.match_id
            if made and number % 3 == 0:
                release = match_service_pb2.ReleaseMatchRequest(match_id=made)
                await self._call("matches", "ReleaseMatch", release)
            elif made and number % 3 == 1:
                confirm = match_service_pb2.ConfirmMatchRequest(match_id=made)
                await self._call("matches", "ConfirmMatch", confirm)

    async def _call(self, service: str, method: str, request: Message) -> Any:
        while True:
            await self.serving.wait()
            try:
                async with AsyncClient(self.server.address) as client:
                    return await getattr(getattr(client, service), method)(request)
            except grpc.aio.AioRpcError as error:
                # A match may have been settled by the call that a kill cut off.
                if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                    return None
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                self.interrupted += 1
                await asyncio.sleep(0.05)


@pytest.mark.e2e
async def test_no_limit_is_passed(tmp_path: Path) -> None:
    """Eight callers, two kills: each limit holds, and the day is full (R26, I3, I4)."""
    with ServerProcess(tmp_path, "--log-level=warning") as server:
        await _prepare(server.address)
        began_us = now_us()
        load = _Load(server)
        await load.run()
        is_one_day = began_us // DAY_US == now_us() // DAY_US
        server.kill()
        StoreAudit.of(server.store_url).check()
        with closing(open_store(server.store_url)) as store:
            counts = {r.key: r.match_count for r in store.load(TENANT).match_counts}
            made = _matches(store)
    taken: Counter[LimitKey] = Counter()
    for match in made:
        if match.hold_state in (HoldState.ACTIVE, HoldState.CONFIRMED):
            taken.update(match.places)
    assert len({match.return_id for match in made}) > 60
    for key, count in counts.items():
        assert count <= LIMITS[key.scope, key.resolution], key
        assert count == taken[key] or not is_one_day, key
    days = [count for key, count in counts.items() if key.scope is LimitScope.DAY]
    assert max(days) == 60


async def _prepare(address: str) -> None:
    limits = [
        match_limit_pb2.MatchLimit(
            scope=match_limit_pb2.LimitScope.ValueType(scope),
            count_max=count,
            resolution=resolution,
        )
        for (scope, resolution), count in LIMITS.items()
    ]
    async with AsyncClient(address) as client:
        created = await client.policies.CreatePolicy(
            policy_service_pb2.CreatePolicyRequest(policy=policy(match_limits=limits))
        )
        await client.policies.ActivatePolicy(activation(created.policy.version))


def _matches(store: SqlStore) -> list[Match]:
    archive = store.archive(TENANT)
    found: list[Match] = []
    while match := archive.match(match_id(len(found) + 1)):
        found.append(match)
    return found
