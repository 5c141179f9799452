"""Both clients wait for a real server that is full, and only as far as it is safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pyarrow as pa
import pytest

from nearturn import Client, RetryRules, request_id
from nearturn.async_client import AsyncClient
from nearturn.v1 import (
    demand_service_pb2,
    match_service_pb2,
    policy_service_pb2,
    return_service_pb2,
)
from tests.contract.messages import return_item, timestamp, verification
from tests.scenarios.server_process import ServerProcess, now_us

pytestmark = pytest.mark.e2e

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
GET = policy_service_pb2.GetProgramRequest()
KINDS = ("sync", "aio")
WITHIN_S = 60
_DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server where each caller has one call under way at most."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "limits.toml").write_text("caller_calls_max = 1\n")
    options = ("--no-timers", "--config", str(folder / "limits.toml"))
    with ServerProcess(folder, *options) as started:
        with Client(started.address) as client:
            client.returns.SubmitReturn(_submission())
        yield started


def _submission() -> Any:
    evidence = verification(verify_time=timestamp(now_us() - 60_000_000))
    ends = timestamp(now_us() + _DAY_US)
    return return_service_pb2.SubmitReturnRequest(
        return_item=return_item("r1", verification=evidence, decide_by_time=ends)
    )


class Place:
    """
    The one place of a caller, taken by a stream.

    While it is, every call is refused and asked to come back in a second. The methods
    are what a client draws its chance from: so they are told of each wait.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._stream: Any = None
        self.waits = 0

    def keep(self) -> float:
        """Note a wait."""
        self.waits += 1
        return 0.0

    def give_back(self) -> float:
        """Note a wait, and let the next try in."""
        self.waits += 1
        self._loop.call_soon_threadsafe(self._stream.cancel)
        return 0.0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Have it until it is given back, or the context ends."""
        once = RetryRules(attempts_max=1)
        async with AsyncClient(self._address, retry=once) as client:
            async with asyncio.timeout(WITHIN_S):
                while not await self._is_let_in(client):
                    pass
            try:
                yield
            finally:
                self._stream.cancel()

    async def _is_let_in(self, client: AsyncClient) -> bool:
        # The stream of a place that was given back may still be counted. One that gives
        # the decision that there is has been let in.
        watch = match_service_pb2.WatchDecisionsRequest()
        self._stream = client.matches.WatchDecisions(watch)
        try:
            await self._stream.read()
        except grpc.aio.AioRpcError as error:
            if error.code() is EXHAUSTED:
                return False
            raise
        return True


Call = Callable[[Any], Any]


async def called(
    kind: str, server: ServerProcess, rules: RetryRules, call: Call
) -> Any:
    """Make a call with one of the clients, bounded in time."""
    async with AsyncExitStack() as stack, asyncio.timeout(WITHIN_S):
        if kind == "aio":
            client = AsyncClient(server.address, retry=rules)
            await stack.enter_async_context(client)
            return await call(client)
        plain = stack.enter_context(Client(server.address, retry=rules))
        return await asyncio.to_thread(call, plain)


async def refused(
    kind: str, server: ServerProcess, rules: RetryRules, call: Call
) -> grpc.StatusCode:
    """Return what a call is refused with."""
    with pytest.raises(grpc.RpcError) as error:
        await called(kind, server, rules, call)
    code: grpc.StatusCode = error.value.code()  # type: ignore[attr-defined]
    return code


@pytest.mark.parametrize("kind", KINDS)
async def test_a_write_waits_and_is_carried_out_once(
    server: ServerProcess, kind: str
) -> None:
    """Refused, it comes back as it was told to; the program is paused once by it."""
    place = Place(server.address)
    pause = policy_service_pb2.PauseProgramRequest(
        category=kind, note=f"by the {kind} client", request_id=request_id()
    )
    async with place.taken():
        await called(
            kind,
            server,
            RetryRules(jitter=place.give_back),
            lambda client: client.policies.PauseProgram(pause, timeout=WITHIN_S),
        )
    assert 1 <= place.waits < RetryRules().attempts_max
    log = await called(
        kind,
        server,
        RetryRules(),
        lambda client: client.policies.ListProgramEvents(
            policy_service_pb2.ListProgramEventsRequest(page_size=1_000)
        ),
    )
    assert [each.note for each in log.events].count(pause.note) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_safe_or_in_vain_is_refused_at_once(
    server: ServerProcess, kind: str
) -> None:
    """
    A write without a request id; and a wait that would outlast the deadline.

    The chance of a hundred makes that wait 26 seconds, of the call's 20.
    """
    place = Place(server.address)
    note = policy_service_pb2.PauseProgramRequest(note="unknown")
    async with place.taken():
        rules = RetryRules(jitter=place.keep)
        code = await refused(
            kind, server, rules, lambda client: client.policies.PauseProgram(note)
        )
        assert (code, place.waits) == (EXHAUSTED, 0)
        code = await refused(
            kind,
            server,
            RetryRules(jitter=lambda: 100.0),
            lambda client: client.policies.GetProgram(GET, timeout=20),
        )
        assert code is EXHAUSTED, "not DEADLINE_EXCEEDED: nothing was waited for"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_stays_full_is_given_up(
    server: ServerProcess, kind: str
) -> None:
    """After two tries, with one wait between them, by the error of the last."""
    place = Place(server.address)
    async with place.taken():
        code = await refused(
            kind,
            server,
            RetryRules(attempts_max=2, jitter=place.keep),
            lambda client: client.policies.GetProgram(GET),
        )
    assert (code, place.waits) == (EXHAUSTED, 1)


async def test_a_call_that_is_made_as_a_future_is_not_held_up(
    server: ServerProcess,
) -> None:
    """It fails as it would without us; whoever made it does not wait meanwhile."""
    place = Place(server.address)
    async with place.taken():

        def ended(client: Client) -> grpc.StatusCode:
            error = client.policies.GetProgram.future(GET).exception(WITHIN_S)
            assert isinstance(error, grpc.Call)
            return error.code()

        code = await called("sync", server, RetryRules(jitter=place.keep), ended)
    assert (code, place.waits) == (EXHAUSTED, 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_import_waits_and_loses_nothing(
    server: ServerProcess, kind: str
) -> None:
    """Its stream is refused, and opened again with the same chunk: each row is in."""
    place = Place(server.address)
    ends = pa.scalar(now_us() + _DAY_US, pa.timestamp("us", "UTC"))
    table = pa.table(
        {
            "demand_id": [f"{kind}-{number}" for number in range(3)],
            "location.latitude": [52.5] * 3,
            "location.longitude": [13.4] * 3,
            "sku": ["shirt"] * 3,
            "category": ["apparel"] * 3,
            "quantity": [1] * 3,
            "ship_by_time": pa.array([ends] * 3),
            "min_condition": ["GOOD"] * 3,
            "accepts_returned_item": [True] * 3,
        }
    )
    async with place.taken():
        result = await called(
            kind,
            server,
            RetryRules(jitter=place.give_back),
            lambda client: client.import_demands(table),
        )
    assert place.waits >= 1
    assert (result.stored_count, result.faults) == (3, [])
    for number in range(3):
        asked = demand_service_pb2.GetDemandRequest(demand_id=f"{kind}-{number}")
        await _found(kind, server, asked)


async def _found(kind: str, server: ServerProcess, asked: Any) -> Awaitable[Any]:
    found: Awaitable[Any] = await called(
        kind, server, RetryRules(), lambda client: client.demands.GetDemand(asked)
    )
    return found
