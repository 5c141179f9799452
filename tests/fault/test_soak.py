"""Churn: whatever comes and goes leaves nothing behind in memory."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from matcher.domain.decision import Decision
from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId
from matcher.domain.match import Match
from matcher.domain.return_item import ReturnItem
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    CreatePolicy,
    ReleaseMatch,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.records import DemandRecord, ReturnRecord
from matcher.engine.round_task import solve_round
from matcher.engine.shard import Shard
from nearturn.async_client import AsyncClient
from nearturn.client import request_id
from nearturn.v1 import (
    decision_pb2,
    demand_service_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from server.runtime.shard_host import ShardHost
from server.runtime.work import Work
from server.storage.opening import open_store
from tests.contract import messages
from tests.scenarios import activation
from tests.scenarios.entities import NOW_US, TENANT, demand, policy, return_item
from tests.scenarios.owned import owning
from tests.scenarios.server_process import ServerProcess, now_us

#: `make soak MINUTES=30` churns for longer.
SECONDS = 60 * float(os.environ.get("NEARTURN_SOAK_MINUTES", "0.3"))

_DAY_US = 86_400_000_000
_COUNT = 300
_SKUS = 20
# What allocators keep of what they were given back.
_SLACK_MIB = 24.0
_ENTITIES = (Demand, DemandRecord, ReturnItem, ReturnRecord, Match, Decision)


def test_a_shard_holds_nothing_of_what_is_settled(tmp_path: Path) -> None:
    """
    After 20 turns of churn no more entities are alive than after the second.

    Demands that ended since the last round are known until the next one, for the index
    has them still; of those that come and go between rounds nothing is kept.
    """
    with closing(open_store(f"sqlite:///{tmp_path / 'store.db'}")) as store:
        host = ShardHost(store, lambda: NOW_US, owning(store, TENANT))
        _do(host, CreatePolicy(policy()), activation(1))
        alive = [_turn(host, number) for number in range(20)]
        assert alive[1:] == alive[1:2] * 19
        known = alive[-1]
        for number in range(3):
            ids = [f"d-{number}-{at}" for at in range(50)]
            _do(host, *(UpsertDemands((demand(each),), ("",)) for each in ids))
            _do(host, *(CancelDemand(DemandId(each)) for each in ids))
            assert _alive() == known


def _turn(host: ShardHost, number: int) -> Counter[str]:
    # All that is live ends within the turn: confirmed, released, cancelled.
    numbered = [(at, f"{number}-{at}") for at in range(40)]
    _do(
        host,
        *(
            UpsertDemands((demand(f"d{each}", sku=f"s{at % 7}"),), ("",))
            for at, each in numbered
        ),
        *(
            SubmitReturns((return_item(f"r{each}", sku=f"s{at % 7}"),), ("",))
            for at, each in numbered
        ),
    )
    matches = _round(host)
    assert len(matches) == len(numbered)
    for at, match in enumerate(matches):
        if at % 2:
            _do(host, ReleaseMatch(match.match_id), CancelReturn(match.return_id))
            _do(host, CancelDemand(match.demand_id))
        else:
            _do(host, ConfirmMatch(match.match_id))
    del matches, match
    return _alive()


def _alive() -> Counter[str]:
    gc.collect()
    return Counter(
        type(each).__name__ for each in gc.get_objects() if isinstance(each, _ENTITIES)
    )


def _do(host: ShardHost, *commands: Command) -> None:
    for done in host.process([_work(command) for command in commands]):
        assert done.error is None, done.error


def _work(command: Command) -> Work:
    def run(shard: Shard, now_us: int) -> None:
        shard.apply(command, now_us)

    return Work(TENANT, run)


def _round(host: ShardHost) -> list[Match]:
    def run(shard: Shard, now_us: int) -> object:
        shard.finish_round(solve_round(shard.begin_round(now_us)), now_us)
        return list(shard._matches._active.values())

    (done,) = host.process([Work(TENANT, run)])
    assert isinstance(done.value, list), done.error
    return done.value


@pytest.mark.e2e
async def test_memory_of_a_server_returns_to_where_it_was(tmp_path: Path) -> None:
    """
    A real server under churn: its resident memory ends where it was once warm.

    Compared are medians: of the second tenth of all turns, when caches are full, and
    of the last.
    """
    options = ("--no-timers", "--log-level=warning")
    with ServerProcess(tmp_path, *options) as server:
        async with AsyncClient(server.address) as client:
            await _prepare(client)
            until, used = time.monotonic() + SECONDS, []
            while time.monotonic() < until or len(used) < 20:
                await _churn(client, len(used))
                used.append(_resident_mib(server))
        assert "error" not in server.logged()
    tenth = len(used) // 10
    warm = statistics.median(used[tenth : 2 * tenth])
    last = statistics.median(used[-tenth:])
    told = f"{len(used)} turns: {warm:.0f} MiB once warm, {last:.0f} MiB in the end"
    sys.stdout.write(f"{told}\n")
    assert last <= warm * 1.1 + _SLACK_MIB, told


async def _prepare(client: AsyncClient) -> None:
    created = await client.policies.CreatePolicy(
        policy_service_pb2.CreatePolicyRequest(policy=messages.policy())
    )
    await client.policies.ActivatePolicy(messages.activation(created.policy.version))


async def _churn(client: AsyncClient, turn: int) -> None:
    ids = [f"{turn}-{at}" for at in range(_COUNT)]
    await client.demands.BatchUpsertDemands(
        demand_service_pb2.BatchUpsertDemandsRequest(
            demands=[
                messages.demand(
                    f"d{each}",
                    at * 10.0,
                    sku=f"sku-{at % _SKUS}",
                    ship_by_time=messages.timestamp(now_us() + _DAY_US),
                )
                for at, each in enumerate(ids)
            ]
        )
    )
    await client.returns.BatchSubmitReturns(
        return_service_pb2.BatchSubmitReturnsRequest(
            return_items=[
                messages.return_item(
                    f"r{each}",
                    at * 10.0,
                    sku=f"sku-{at % _SKUS}",
                    verification=messages.verification(
                        verify_time=messages.timestamp(now_us())
                    ),
                    decide_by_time=messages.timestamp(now_us() + _DAY_US),
                )
                for at, each in enumerate(ids)
            ]
        )
    )
    answer = await client.matches.RunRound(match_service_pb2.RunRoundRequest())
    assert answer.round.matched_count == _COUNT
    # A few ways to the end for all that is live.
    await asyncio.gather(*(_settle(client, at, each) for at, each in enumerate(ids)))


async def _settle(client: AsyncClient, at: int, number: str) -> None:
    # Hundreds at once: what the server has no room for comes again, by its request id.
    request = return_service_pb2.GetReturnRequest(return_id=f"r{number}")
    decision = (await client.returns.GetReturn(request)).decision
    assert decision.outcome == decision_pb2.OUTCOME_MATCHED
    match_id = decision.match.match_id
    if at % 3 == 0:
        await client.matches.ConfirmMatch(
            match_service_pb2.ConfirmMatchRequest(
                match_id=match_id, request_id=request_id()
            )
        )
        return
    if at % 3 == 1:
        await client.matches.ReleaseMatch(
            match_service_pb2.ReleaseMatchRequest(
                match_id=match_id, request_id=request_id()
            )
        )
    await client.returns.CancelReturn(
        return_service_pb2.CancelReturnRequest(
            return_id=f"r{number}", request_id=request_id()
        )
    )
    await client.demands.CancelDemand(
        demand_service_pb2.CancelDemandRequest(
            demand_id=decision.match.demand_id, request_id=request_id()
        )
    )


def _resident_mib(server: ServerProcess) -> float:
    # Of the process that speaks gRPC for it, too.
    pids = (server.pid, *server.wire_pids())
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
