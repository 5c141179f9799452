"""A volume cap under many callers at once, a kill and an orderly stop between them."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from matcher.domain.ids import ReturnId
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    decision_pb2,
    policy_pb2,
    policy_service_pb2,
    return_item_pb2,
    return_service_pb2,
)
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from tests.contract.messages import (
    activation,
    policy,
    return_item,
    timestamp,
    verification,
)
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import TENANT

_log = logging.getLogger(__name__)

CALLERS = 16
RESTARTS = (signal.SIGKILL, signal.SIGTERM)
BASIS_POINTS = 1_000

# A call that had not reached us when the server was told to stop is CANCELLED by gRPC
# (grpc/grpc issue 41785); nothing of it was done.
_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

# Whatever the size, it ends: a server that makes no progress fails the test.
LONGEST_S = 5_400.0
STOP_S = 600.0


@dataclass
class _Load:
    """Batches of eligible items, their answers, and the restarts in between."""

    server: ServerProcess
    count: int
    batch: int
    outcomes: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    interrupted: int = 0
    seconds: float = 0.0
    restart_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._batches = iter(range(0, self.count, self.batch))
        self._serving = asyncio.Event()
        self._serving.set()
        self._reached = asyncio.Event()
        self._goal = self.count // (len(RESTARTS) + 1)
        self._told = 0
        self._verified = timestamp(now_us())
        self._decide_by = timestamp(now_us() + 30 * DAY_US)

    async def run(self) -> None:
        """Submit everything; the server is ended and started at each third."""
        began = time.monotonic()
        # A restart that fails is told at once, and not when the callers give up.
        async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._restart())
            for _ in range(CALLERS):
                tasks.create_task(self._call())
        self.seconds = time.monotonic() - began

    async def _restart(self) -> None:
        for number in RESTARTS:
            await self._reached.wait()
            self._serving.clear()
            began = time.monotonic()
            self.server.signal(number)
            code = await asyncio.to_thread(self.server.wait)
            assert code == (0 if number is signal.SIGTERM else -number)
            await asyncio.to_thread(self.server.start)
            self.restart_seconds += time.monotonic() - began
            self._goal += self.count // (len(RESTARTS) + 1)
            self._reached.clear()
            self._serving.set()

    def found(self) -> str:
        """Say what a run found; pytest --log-cli-level=info shows it."""
        rate = len(self.outcomes) / (self.seconds - self.restart_seconds)
        return (
            f"{len(self.outcomes):,} returns in {self.seconds:,.1f} s, "
            f"{self.restart_seconds:,.1f} s of it restarts: {rate:,.0f} returns/s; "
            f"{self.interrupted:,} calls repeated"
        )

    async def _call(self) -> None:
        for first in self._batches:
            request = return_service_pb2.BatchSubmitReturnsRequest(
                return_items=self._items(first)
            )
            answer = await self._submit(request)
            for decision in answer.decisions:
                assert decision.return_id not in self.outcomes
                self.outcomes[decision.return_id] = decision.outcome
            self.answered += len(answer.decisions)
            self._tell()
            if self.answered >= self._goal:
                self._reached.set()

    async def _submit(self, request: return_service_pb2.BatchSubmitReturnsRequest):
        # Ids make the repetition safe: whoever has a place keeps it.
        while True:
            await self._serving.wait()
            try:
                async with AsyncClient(self.server.address) as client:
                    return await client.returns.BatchSubmitReturns(request)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN:
                    raise
                self.interrupted += 1
                await asyncio.sleep(0.05)

    def _tell(self) -> None:
        # A line at each tenth of the way: the large run takes a while.
        tenth = 10 * self.answered // self.count
        if tenth > self._told:
            self._told = tenth
            _log.info("%s returns", f"{self.answered:,}")

    def _items(self, first: int) -> Iterator[return_item_pb2.ReturnItem]:
        evidence = verification(verify_time=self._verified)
        for number in range(first, min(self.count, first + self.batch)):
            yield return_item(
                f"r{number:07}", verification=evidence, decide_by_time=self._decide_by
            )


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("count", "batch"),
    [
        (12_007, 50),
        pytest.param(1_000_000, 2_000, marks=pytest.mark.slow),
    ],
)
async def test_the_cap_is_exact(tmp_path: Path, count: int, batch: int) -> None:
    """Sixteen callers, two restarts: exactly a tenth, never one more (R25, I3, I4)."""
    with ServerProcess(tmp_path, "--log-level=warning") as server:
        # What is under way when it is told to stop are batches of thousands.
        server.stop_s = STOP_S
        await _prepare(server.address)
        load = _Load(server, count, batch)
        await load.run()
        server.kill()
        _log.info(load.found())
        assert load.interrupted
        found = Counter(load.outcomes.values())
        assert found == {
            decision_pb2.OUTCOME_WAITING: count * BASIS_POINTS // 10_000,
            decision_pb2.OUTCOME_WAREHOUSE: count - count * BASIS_POINTS // 10_000,
        }
        with closing(open_store(server.store_url)) as store:
            hours = store.load(TENANT).volume_hours
            waiting = _waiting(store)
            (control,) = store.count_shadows(TENANT)
    assert sum(hour.eligible_count for hour in hours) == count
    assert sum(hour.admitted_count for hour in hours) == len(waiting)
    told = (k for k, v in load.outcomes.items() if v == decision_pb2.OUTCOME_WAITING)
    assert waiting == set(told)
    # R26: everybody else is the control group, counted once each.
    assert control.kept_out is ReasonCode.VOLUME_CAP_REACHED
    assert control.control_count == count - len(waiting)


async def _prepare(address: str) -> None:
    cap = policy_pb2.VolumeCap(
        basis_points=BASIS_POINTS, window=Duration(seconds=48 * 3_600)
    )
    async with AsyncClient(address) as client:
        created = await client.policies.CreatePolicy(
            policy_service_pb2.CreatePolicyRequest(policy=policy(volume_cap=cap))
        )
        await client.policies.ActivatePolicy(activation(created.policy.version))


def _waiting(store: SqlStore) -> set[ReturnId]:
    found: set[ReturnId] = set()
    after = ""
    while True:
        page = store.list_returns(
            TENANT, state=ReturnState.WAITING, after_id=after, limit=5_000
        )
        if not page:
            return found
        found |= {record.item.return_id for record in page}
        after = page[-1].item.return_id
