"""Callers of a server that dies: what they send, and what they were told."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc

from matcher.domain.demand import DemandState
from matcher.domain.ids import DemandId, MatchId, ReturnId, RoundId
from matcher.domain.match import HoldState
from matcher.domain.return_item import ReturnState
from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    decision_pb2,
    demand_service_pb2,
    item_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from tests.contract.messages import (
    activation,
    demand,
    policy,
    return_item,
    timestamp,
    verification,
)
from tests.scenarios import DAY_US, MINUTE_US
from tests.scenarios.server_process import now_us
from tests.scenarios.store_audit import StoreAudit

_SKU_COUNT = 100
_DEMAND_BATCH = 20
_RETURN_BATCH = 15
_REACH_M = 30_000

# So that a round has its turn between the batches.
_PAUSE_S = 0.03

# Refusals that a life of calls brings with it: somebody else was quicker.
_REFUSED = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND)


@dataclass
class Told:
    """What callers have sent and, apart from it, what was acknowledged to them."""

    batches: list[list[str]] = field(default_factory=list)
    demands: set[str] = field(default_factory=set)
    cancelled_demands: set[str] = field(default_factory=set)
    returns: dict[str, str] = field(default_factory=dict)
    cancelled_returns: set[str] = field(default_factory=set)
    evidence: dict[str, str] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    rounds: dict[str, Any] = field(default_factory=dict)
    submitted: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)
    cursor: str = ""
    in_flight: int = 0
    met_in_flight: int = 0

    def check(self, audit: StoreAudit) -> None:
        """Check that all acknowledged is stored, and that batches are whole (I4)."""
        known = audit.demands.keys() | audit.returns.keys()
        for batch in self.batches:
            stored = [each in known for each in batch]
            assert all(stored) or not any(stored), "half a batch"
        assert self.demands <= audit.demands.keys()
        for demand_id in self.cancelled_demands:
            record = audit.demands[DemandId(demand_id)]
            assert record.state is DemandState.CANCELLED
        decided = {each.decision_id for each in audit.decisions}
        for return_id, decision_id in self.returns.items():
            assert ReturnId(return_id) in audit.returns
            assert decision_id in decided
        for return_id in self.cancelled_returns:
            record = audit.returns[ReturnId(return_id)]
            assert record.state is ReturnState.CANCELLED
        for return_id, evidence_id in self.evidence.items():
            found = audit.returns[ReturnId(return_id)].item.verification
            assert found is not None
            assert found.evidence_id == evidence_id
        self._check_matches(audit)
        logged = [each.decision_id for each in audit.decisions]
        assert self.watched == logged[: len(self.watched)]

    def _check_matches(self, audit: StoreAudit) -> None:
        for match_id in self.confirmed:
            stored = audit.matches[MatchId(match_id)]
            assert stored.hold_state is HoldState.CONFIRMED
        for match_id in self.released:
            stored = audit.matches[MatchId(match_id)]
            assert stored.hold_state is HoldState.RELEASED
        for answer in self.rounds.values():
            if answer.round.matched_count:
                record = audit.rounds[RoundId(answer.round.round_id)]
                assert record.matched_count == answer.round.matched_count


class KillLoad:
    """
    Callers that never rest, until the server dies under them.

    Parameters
    ----------
    seed
        Of ids, places and choices.
    """

    def __init__(self, seed: int) -> None:
        self.told = Told()
        self._random = random.Random(seed)
        self._count = 0
        self._answers = asyncio.Semaphore(0)
        self._open: asyncio.Queue[str] = asyncio.Queue()
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._unverified: asyncio.Queue[str] = asyncio.Queue()
        self._held: asyncio.Queue[str] = asyncio.Queue()

    async def prepare(self, address: str) -> None:
        """Store the policy: eight seconds held, a round each second, some kept out."""
        document = policy(rollout_basis_points=8_000)
        document.hold_duration.seconds = 8
        document.round_interval.seconds = 1
        async with AsyncClient(address) as client:
            created = await client.policies.CreatePolicy(
                policy_service_pb2.CreatePolicyRequest(policy=document)
            )
            await client.policies.ActivatePolicy(activation(created.policy.version))

    async def check_answers(self, address: str) -> None:
        """Ask again for what was answered before the kill: the answers are the same."""
        async with AsyncClient(address) as client:
            for request_id, answer in list(self.told.rounds.items())[-3:]:
                request = match_service_pb2.RunRoundRequest(request_id=request_id)
                assert await client.matches.RunRound(request) == answer
            for request, answer in list(self.told.submitted.values())[-3:]:
                assert await client.returns.BatchSubmitReturns(request) == answer

    async def run(
        self, address: str, answers: int, delay_s: float, kill: Callable[[], None]
    ) -> None:
        """Call without rest; kill the server so long after so many answers."""
        # Most of the holds of an earlier life have run out.
        self._held = asyncio.Queue()
        self._answers = asyncio.Semaphore(0)
        async with AsyncClient(address) as client:
            callers = [
                asyncio.create_task(each)
                for each in (
                    self._watch(client),
                    *(self._forever(self._buy, client) for _ in range(2)),
                    *(self._forever(self._return, client) for _ in range(2)),
                    self._forever(self._verify, client),
                    self._forever(self._cancel, client),
                    self._forever(self._round, client),
                    *(self._forever(self._decide, client) for _ in range(4)),
                )
            ]
            enough = asyncio.create_task(self._answered(answers))
            # A caller that ends before that has failed.
            await asyncio.wait([enough, *callers], return_when=asyncio.FIRST_COMPLETED)
            enough.cancel()
            await asyncio.sleep(delay_s)
            self.told.met_in_flight += self.told.in_flight
            kill()
            # Answers that came before the end are still read.
            await asyncio.wait(callers, timeout=0.1)
            for caller in callers:
                caller.cancel()
            ended = await asyncio.gather(*callers, return_exceptions=True)
        self.told.in_flight = 0
        for error in ended:
            lost = isinstance(error, grpc.RpcError | asyncio.CancelledError)
            assert lost, repr(error)
            if isinstance(error, grpc.aio.AioRpcError):
                assert error.code() is grpc.StatusCode.UNAVAILABLE, error.details()

    async def _forever(
        self,
        call: Callable[[AsyncClient], Coroutine[Any, Any, None]],
        client: AsyncClient,
    ) -> NoReturn:
        while True:
            # Lets the others go first where there is nothing to call about.
            await asyncio.sleep(0)
            self.told.in_flight += 1
            try:
                await call(client)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _REFUSED:
                    raise
            else:
                self._answers.release()
            self.told.in_flight -= 1

    async def _watch(self, client: AsyncClient) -> None:
        # Goes on with what it saw last in an earlier life: no decision twice.
        request = match_service_pb2.WatchDecisionsRequest(cursor=self.told.cursor)
        async for response in client.matches.WatchDecisions(request):
            decision = response.decision
            self.told.watched.append(decision.decision_id)
            self.told.cursor = response.cursor
            if decision.outcome == decision_pb2.OUTCOME_MATCHED:
                self._held.put_nowait(decision.match.match_id)

    async def _buy(self, client: AsyncClient) -> None:
        await asyncio.sleep(_PAUSE_S)
        ids = self._ids("d", _DEMAND_BATCH)
        self.told.batches.append(ids)
        await client.demands.BatchUpsertDemands(
            demand_service_pb2.BatchUpsertDemandsRequest(
                demands=[
                    demand(
                        each,
                        self._random.uniform(-_REACH_M, _REACH_M),
                        sku=self._sku(),
                        quantity=self._random.randint(1, 3),
                        ship_by_time=timestamp(now_us() + 2 * DAY_US),
                    )
                    for each in ids
                ]
            )
        )
        self.told.demands.update(ids)
        _put(self._open, ids)

    async def _return(self, client: AsyncClient) -> None:
        await asyncio.sleep(_PAUSE_S)
        ids = self._ids("r", _RETURN_BATCH)
        self.told.batches.append(ids)
        request = return_service_pb2.BatchSubmitReturnsRequest(
            return_items=[self._item(each) for each in ids],
            request_id=self._request_id(),
        )
        answer = await client.returns.BatchSubmitReturns(request)
        self.told.submitted[request.request_id] = request, answer
        for decision in answer.decisions:
            self.told.returns[decision.return_id] = decision.decision_id
        _put(self._waiting, ids)
        _put(self._unverified, filter(_is_unverified, ids))

    async def _verify(self, client: AsyncClient) -> None:
        return_id = await self._unverified.get()
        evidence = self._evidence(f"later-{return_id}")
        await client.returns.RecordVerification(
            return_service_pb2.RecordVerificationRequest(
                return_id=return_id, verification=evidence
            )
        )
        self.told.evidence[return_id] = evidence.evidence_id

    async def _cancel(self, client: AsyncClient) -> None:
        await asyncio.sleep(0.01)
        demand_id = await self._open.get()
        await client.demands.CancelDemand(
            demand_service_pb2.CancelDemandRequest(demand_id=demand_id)
        )
        self.told.cancelled_demands.add(demand_id)
        return_id = await self._waiting.get()
        await client.returns.CancelReturn(
            return_service_pb2.CancelReturnRequest(return_id=return_id)
        )
        self.told.cancelled_returns.add(return_id)

    async def _round(self, client: AsyncClient) -> None:
        await asyncio.sleep(0.05)
        request_id = self._request_id()
        self.told.rounds[request_id] = await client.matches.RunRound(
            match_service_pb2.RunRoundRequest(request_id=request_id)
        )

    async def _decide(self, client: AsyncClient) -> None:
        match_id = await self._held.get()
        if self._random.random() < 0.5:
            await client.matches.ConfirmMatch(
                match_service_pb2.ConfirmMatchRequest(match_id=match_id)
            )
            self.told.confirmed.add(match_id)
        else:
            await client.matches.ReleaseMatch(
                match_service_pb2.ReleaseMatchRequest(match_id=match_id)
            )
            self.told.released.add(match_id)

    async def _answered(self, count: int) -> None:
        for _ in range(count):
            await self._answers.acquire()

    def _item(self, return_id: str) -> Any:
        evidence = self._evidence(f"first-{return_id}")
        if _is_unverified(return_id):
            evidence.status = item_pb2.VERIFICATION_STATUS_PENDING
        return return_item(
            return_id,
            self._random.uniform(-_REACH_M, _REACH_M),
            sku=self._sku(),
            verification=evidence,
            decide_by_time=timestamp(now_us() + DAY_US),
        )

    def _evidence(self, evidence_id: str) -> Any:
        return verification(
            evidence_id=evidence_id, verify_time=timestamp(now_us() - MINUTE_US)
        )

    def _sku(self) -> str:
        return f"sku-{self._random.randrange(_SKU_COUNT)}"

    def _ids(self, letter: str, count: int) -> list[str]:
        first = self._count
        self._count += count
        return [f"{letter}{number:07d}" for number in range(first, first + count)]

    def _request_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _put(queue: asyncio.Queue[str], ids: Iterable[str]) -> None:
    for each in ids:
        queue.put_nowait(each)


def _is_unverified(return_id: str) -> bool:
    return int(return_id[1:]) % 10 == 0
