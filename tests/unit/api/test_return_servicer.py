"""The stream of returns: bounded, ordered, and gone when its client is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from matcher.domain.ids import TenantId
from nearturn.v1 import return_service_pb2 as pb
from server.access.caller import enter_call
from server.access.local_callers import LocalCallers
from server.api.context import ApiContext
from server.api.return_servicer import IN_FLIGHT_MAX, ReturnServicer
from tests.contract.messages import return_item


class StalledRuntime:
    """Takes every call and never answers."""

    def __init__(self) -> None:
        self.taken = 0

    async def execute(self, _call: object) -> bytes:
        """Wait for ever."""
        self.taken += 1
        await asyncio.Event().wait()
        raise AssertionError("never reached")


class Client:
    """Sends the same return as often as the server reads."""

    def __init__(self) -> None:
        self.sent = 0

    async def requests(self) -> AsyncIterator[bytes]:
        """Send without end."""
        raw = pb.StreamReturnsRequest(return_item=return_item()).SerializeToString()
        while True:
            self.sent += 1
            yield raw
            # Lets the server work, as a socket would.
            await asyncio.sleep(0)


def _servicer(runtime: Any) -> ReturnServicer:
    enter_call(LocalCallers([TenantId("default")]).caller(()))
    return ReturnServicer(ApiContext(runtime))


async def _stalled(client: Client, runtime: StalledRuntime) -> asyncio.Task[Any]:
    # A stream that waits for its first answer, its reader at a full queue.
    answers = _servicer(runtime).StreamReturns(client.requests())
    first = asyncio.ensure_future(anext(answers))
    seen = -1
    while client.sent != seen:
        seen = client.sent
        for _ in range(20):
            await asyncio.sleep(0)
    return first


async def test_what_is_in_flight_is_bounded():
    """
    A client that never stops sending is held up after a fixed number.

    One answer is awaited, 64 wait in the queue and one stands before it.
    """
    client, runtime = Client(), StalledRuntime()
    first = await _stalled(client, runtime)
    assert runtime.taken == client.sent == IN_FLIGHT_MAX + 2
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_client_that_leaves_a_full_queue_leaves_no_task():
    """The reader, which waited for a place, and all its items end with the call."""
    before = asyncio.all_tasks()
    first = await _stalled(Client(), StalledRuntime())
    assert len(asyncio.all_tasks()) > len(before) + IN_FLIGHT_MAX
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_client_that_breaks_off_ends_the_stream_with_its_error():
    """An error of the request stream is raised after the answers that were due."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"\xff"
        raise ConnectionError("broken off")

    answers = _servicer(StalledRuntime()).StreamReturns(broken())
    assert (await anext(answers)).WhichOneof("result") == "error"
    with pytest.raises(ConnectionError):
        await anext(answers)
