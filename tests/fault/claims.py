"""Many callers who claim the units of few demands, and the history of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import grpc
import grpc.aio

from nearturn.v1 import (
    demand_pb2,
    demand_service_pb2,
    demand_service_pb2_grpc,
    match_service_pb2,
    match_service_pb2_grpc,
    return_service_pb2,
    return_service_pb2_grpc,
)
from tests.contract.messages import demand, timestamp
from tests.fault.linearizability import Call
from tests.scenarios import DAY_US
from tests.scenarios.server_process import now_us

#: Answer to a call that the state does not allow.
REFUSED = "REFUSED"
_UNKNOWN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
)


@dataclass(frozen=True)
class Claims:
    """
    A demand, and the returns that were promised to it, as one after the other.

    ``holds`` has a letter for each return: Active, Confirmed, Released; ``gone``
    whether it was cancelled.
    """

    quantity: int
    holds: str
    gone: tuple[bool, ...]
    is_cancelled: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nothing about the demand may be changed."""
        return self.is_cancelled or self.holds.count("C") == self.quantity

    def confirm(self, at: int) -> tuple[Claims, object]:
        """Confirm a match; again is the same."""
        return self._settle(at, "C")

    def release(self, at: int) -> tuple[Claims, object]:
        """Release a match; again is the same."""
        return self._settle(at, "R")

    def cancel_return(self, at: int) -> tuple[Claims, object]:
        """Cancel a return, and with it a hold; again is the same."""
        if self.holds[at] == "C":
            return self, REFUSED
        gone = (*self.gone[:at], True, *self.gone[at + 1 :])
        return replace(self._hold(at, "R"), gone=gone), "CANCELLED"

    def cancel_demand(self) -> tuple[Claims, object]:
        """Cancel the demand; what is held stays held."""
        if self.is_final and not self.is_cancelled:
            return self, REFUSED
        return replace(self, is_cancelled=True), "CANCELLED"

    def change(self, quantity: int) -> tuple[Claims, object]:
        """Ask for another number of units, not fewer than are promised."""
        promised = len(self.holds) - self.holds.count("R")
        if quantity != self.quantity and (self.is_final or quantity < promised):
            return self, REFUSED
        return replace(self, quantity=quantity), quantity

    def read(self) -> tuple[Claims, object]:
        """Read quantity, held and fulfilled units."""
        return self, (self.quantity, self.holds.count("A"), self.holds.count("C"))

    def _settle(self, at: int, letter: str) -> tuple[Claims, object]:
        if self.holds[at] not in ("A", letter):
            return self, REFUSED
        return self._hold(at, letter), letter

    def _hold(self, at: int, letter: str) -> Claims:
        return replace(self, holds=self.holds[:at] + letter + self.holds[at + 1 :])


#: What a call does to a state, and how it is made.
Applying = Callable[[Claims], tuple[Claims, object]]
Asking = Callable[[grpc.aio.Channel], Awaitable[object]]


@dataclass
class Market:
    """A demand with matches to claim, and who said what of it."""

    number: int
    matches: list[tuple[str, str]]
    calls: list[Call[Claims]]

    @property
    def demand_id(self) -> str:
        """The id of its demand."""
        return f"d{self.number}"

    @property
    def start(self) -> Claims:
        """Its state before anybody claims."""
        count = len(self.matches)
        return Claims(count, "A" * count, (False,) * count)


@dataclass
class Service:
    """
    Where callers find the server now, and how far they are.

    ``is_up`` is cleared while there is none; ``is_busy`` is set after so many answers.
    """

    address: str
    answers_until_busy: int
    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    is_busy: asyncio.Event = field(default_factory=asyncio.Event)

    def answered(self) -> None:
        """Count an answer."""
        self.answers_until_busy -= 1
        if self.answers_until_busy == 0:
            self.is_busy.set()


class Claimant:
    """
    One caller, who asks each thing once and notes what came of it.

    Parameters
    ----------
    service
        Where to ask.
    markets
        What it may be about.
    seed
        Of its choices.
    """

    def __init__(self, service: Service, markets: list[Market], seed: int) -> None:
        self._service = service
        self._markets = markets
        self._random = random.Random(seed)
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def run(self, count: int) -> None:
        """Make so many calls, one after the other."""
        for _ in range(count):
            market = self._random.choice(self._markets)
            await self._service.is_up.wait()
            await self._ask(market, *self._drawn(market))
            # What was answered has to be seen by whoever asks next.
            await self._service.is_up.wait()
            await self._ask(market, Claims.read, partial(_read, market.demand_id))
            await asyncio.sleep(self._random.uniform(0, 0.01))
        for channel in self._channels.values():
            await channel.close()

    async def _ask(self, market: Market, apply: Applying, call: Asking) -> None:
        address, invoked = self._service.address, time.monotonic()
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address)
        try:
            answer = await call(self._channels[address])
            returned = time.monotonic()
            self._service.answered()
        except grpc.aio.AioRpcError as error:
            answer, returned = REFUSED, time.monotonic()
            if error.code() in _UNKNOWN:
                returned = float("inf")
                if address == self._service.address:
                    self._service.is_up.clear()
            elif error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
        market.calls.append(Call(invoked, returned, apply, answer))

    def _drawn(self, market: Market) -> tuple[Applying, Asking]:
        at = self._random.randrange(len(market.matches))
        return_id, match_id = market.matches[at]
        quantity = self._random.randrange(1, 6)
        kinds: list[tuple[int, Any, Any]] = [
            (4, partial(Claims.confirm, at=at), partial(_confirm, match_id)),
            (3, partial(Claims.release, at=at), partial(_release, match_id)),
            (2, partial(Claims.cancel_return, at=at), partial(_cancel, return_id)),
            (1, Claims.cancel_demand, partial(_cancel_demand, market.demand_id)),
            (
                2,
                partial(Claims.change, quantity=quantity),
                partial(_change, market.number, quantity),
            ),
        ]
        (drawn,) = self._random.choices(kinds, [weight for weight, *_ in kinds])
        return drawn[1], drawn[2]


#: Ships long after the test, at the same instant in each message.
_SHIPS = timestamp(now_us() + 2 * DAY_US)


def order(number: int, quantity: int) -> Any:
    """Return a market's demand."""
    return demand(
        f"d{number}", sku=f"sku-{number}", quantity=quantity, ship_by_time=_SHIPS
    )


async def _confirm(match_id: str, channel: grpc.aio.Channel) -> object:
    stub = match_service_pb2_grpc.MatchServiceStub(channel)
    await stub.ConfirmMatch(match_service_pb2.ConfirmMatchRequest(match_id=match_id))
    return "C"


async def _release(match_id: str, channel: grpc.aio.Channel) -> object:
    stub = match_service_pb2_grpc.MatchServiceStub(channel)
    await stub.ReleaseMatch(match_service_pb2.ReleaseMatchRequest(match_id=match_id))
    return "R"


async def _cancel(return_id: str, channel: grpc.aio.Channel) -> object:
    stub = return_service_pb2_grpc.ReturnServiceStub(channel)
    await stub.CancelReturn(return_service_pb2.CancelReturnRequest(return_id=return_id))
    return "CANCELLED"


async def _cancel_demand(demand_id: str, channel: grpc.aio.Channel) -> object:
    stub = demand_service_pb2_grpc.DemandServiceStub(channel)
    request = demand_service_pb2.CancelDemandRequest(demand_id=demand_id)
    answer = await stub.CancelDemand(request)
    return demand_pb2.DemandState.Name(answer.demand.state).removeprefix(
        "DEMAND_STATE_"
    )


async def _change(number: int, quantity: int, channel: grpc.aio.Channel) -> object:
    stub = demand_service_pb2_grpc.DemandServiceStub(channel)
    request = demand_service_pb2.UpsertDemandRequest(demand=order(number, quantity))
    return (await stub.UpsertDemand(request)).demand.quantity


async def _read(demand_id: str, channel: grpc.aio.Channel) -> object:
    stub = demand_service_pb2_grpc.DemandServiceStub(channel)
    request = demand_service_pb2.GetDemandRequest(demand_id=demand_id)
    found = (await stub.GetDemand(request)).demand
    return found.quantity, found.held_count, found.fulfilled_count
