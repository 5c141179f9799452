"""Claims of many callers on the same units: as if they had come one by one."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    demand_service_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from tests.contract.messages import (
    activation,
    policy,
    return_item,
    timestamp,
    verification,
)
from tests.fault.claims import REFUSED, Claimant, Claims, Market, Service, order
from tests.fault.linearizability import Call, is_linearizable
from tests.fault.test_two_servers import Pair
from tests.scenarios import DAY_US
from tests.scenarios.postgres_server import PostgresServer
from tests.scenarios.server_process import ServerProcess, now_us
from tests.scenarios.store_audit import StoreAudit

MARKETS = 30
HOLDS = 3
CLAIMANTS = 32
CALLS = 9
SEED = 1_990


def _call(invoked: float, returned: float, kind: str, answer: object) -> Call[Claims]:
    def apply(state: Claims) -> tuple[Claims, object]:
        found: tuple[Claims, object] = (
            state.read() if kind == "read" else getattr(state, kind)(0)
        )
        return found

    return Call(invoked, returned, apply, answer)


START = Claims(1, "A", (False,))
NEVER = float("inf")


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], True),
        # Both win the same hold: never.
        ([_call(0, 3, "confirm", "C"), _call(1, 2, "release", "R")], False),
        ([_call(0, 3, "confirm", "C"), _call(1, 2, "release", REFUSED)], True),
        # Refused before anybody else had asked: nobody can have been quicker.
        ([_call(2, 3, "confirm", "C"), _call(0, 1, "release", REFUSED)], False),
        # A read that began after the answer has to see it; one that overlaps may.
        ([_call(0, 1, "confirm", "C"), _call(2, 3, "read", (1, 1, 0))], False),
        ([_call(0, 2, "confirm", "C"), _call(1, 3, "read", (1, 1, 0))], True),
        ([_call(0, 2, "confirm", "C"), _call(1, 3, "read", (1, 0, 1))], True),
        # What nobody knows may have happened, late, or never.
        ([_call(0, NEVER, "confirm", None), _call(5, 6, "read", (1, 0, 1))], True),
        ([_call(0, NEVER, "confirm", None), _call(5, 6, "read", (1, 1, 0))], True),
        (
            [
                _call(0, NEVER, "confirm", None),
                _call(5, 6, "read", (1, 0, 1)),
                _call(7, 8, "read", (1, 1, 0)),
            ],
            False,
        ),
    ],
)
def test_the_checker_tells_right_from_wrong(
    calls: list[Call[Claims]], expected: bool
) -> None:
    """Short histories whose verdict is plain; in any order of noting them."""
    assert is_linearizable(calls, START) is expected
    assert is_linearizable(calls[::-1], START) is expected


@pytest.mark.e2e
async def test_claims_around_a_kill_are_linearizable(
    tmp_path: Path, store_url: str
) -> None:
    """32 callers claim 72 holds; the server is killed in between and comes back."""
    options = ("--no-timers", "--log-level=warning")
    with ServerProcess(tmp_path, *options, store_url=store_url) as server:
        markets = await _prepared(server.address)
        service, claims = _claims(server.address, markets)
        await service.is_busy.wait()
        server.kill()
        await asyncio.to_thread(server.start)
        _goes_on(service, server.address)
        await claims
        _check(markets, await _read_all(server.address))
        server.kill()
        StoreAudit.of(server.store_url).check()


@pytest.mark.e2e
async def test_claims_around_a_take_over_are_linearizable(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    """Two servers, the owner killed: from either, histories are those of one."""
    pair = Pair(tmp_path, postgres.new_database())
    try:
        pair.begin()
        markets = await _prepared(pair.owner.address)
        service, claims = _claims(pair.owner.address, markets)
        await service.is_busy.wait()
        pair.owner.kill()
        await asyncio.to_thread(pair.standby.serving)
        pair.swap()
        _goes_on(service, pair.owner.address)
        await claims
        _check(markets, await _read_all(pair.owner.address))
    finally:
        for server in pair.servers:
            server.kill()
    StoreAudit.of(pair.url).check()


async def _prepared(address: str) -> list[Market]:
    # Each market has a SKU of its own and as many returns as units, all matched.
    async with AsyncClient(address) as client:
        created = await client.policies.CreatePolicy(
            policy_service_pb2.CreatePolicyRequest(policy=policy())
        )
        await client.policies.ActivatePolicy(activation(created.policy.version))
        await client.demands.BatchUpsertDemands(
            demand_service_pb2.BatchUpsertDemandsRequest(
                demands=[order(number, HOLDS) for number in range(MARKETS)]
            )
        )
        await client.returns.BatchSubmitReturns(
            return_service_pb2.BatchSubmitReturnsRequest(
                return_items=[
                    return_item(
                        f"r{number}-{at}",
                        sku=f"sku-{number}",
                        verification=verification(verify_time=timestamp(now_us())),
                        decide_by_time=timestamp(now_us() + DAY_US),
                    )
                    for number in range(MARKETS)
                    for at in range(HOLDS)
                ]
            )
        )
        answer = await client.matches.RunRound(match_service_pb2.RunRoundRequest())
        assert answer.round.matched_count == MARKETS * HOLDS
        return [Market(n, await _matches(client, n), []) for n in range(MARKETS)]


async def _matches(client: AsyncClient, number: int) -> list[tuple[str, str]]:
    found = []
    for at in range(HOLDS):
        request = return_service_pb2.GetReturnRequest(return_id=f"r{number}-{at}")
        answer = await client.returns.GetReturn(request)
        found.append((f"r{number}-{at}", answer.decision.match.match_id))
    return found


def _claims(
    address: str, markets: list[Market]
) -> tuple[Service, asyncio.Future[list[None]]]:
    service = Service(address, CLAIMANTS * CALLS * 2 // 3)
    service.is_up.set()
    claimants = [Claimant(service, markets, SEED + each) for each in range(CLAIMANTS)]
    return service, asyncio.gather(*(each.run(CALLS) for each in claimants))


def _goes_on(service: Service, address: str) -> None:
    service.address = address
    service.is_up.set()


async def _read_all(address: str) -> list[tuple[int, int, int]]:
    async with AsyncClient(address) as client:
        found = []
        for number in range(MARKETS):
            request = demand_service_pb2.GetDemandRequest(demand_id=f"d{number}")
            now = (await client.demands.GetDemand(request)).demand
            found.append((now.quantity, now.held_count, now.fulfilled_count))
        return found


def _check(markets: list[Market], ends: list[tuple[int, int, int]]) -> None:
    met: Counter[object] = Counter()
    for market, end in zip(markets, ends, strict=True):
        last = max((call.invoked for call in market.calls), default=0.0) + 1e6
        history = [*market.calls, Call(last, last + 1, Claims.read, end)]
        assert is_linearizable(history, market.start), (market.number, history)
        met.update(call.answer if call.is_known else None for call in market.calls)
    # It was a race: some were refused, some do not know, and all kinds have won.
    assert min(met[each] for each in ("C", "R", "CANCELLED", REFUSED, None))
