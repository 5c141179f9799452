"""What is between a server and the process that speaks gRPC for it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.access.caller import current_subject
from server.runtime.deadline import time_left_s
from server.wire import process as wire_process
from server.wire.frames import Refusal, Tls
from server.wire.process import WireProcess
from server.wire.turns import SHARED_AHEAD_MAX as AHEAD_MAX
from tests.contract.api_target import TENANT, open_admission, open_on_loopback

# A method of the contract each, for admission asks for their roles.
ONCE = "/nearturn.v1.DemandService/GetDemand"
DOWN = "/nearturn.v1.MatchService/WatchDecisions"
BOTH = "/nearturn.v1.ReturnService/StreamReturns"
HEALTH = "/grpc.health.v1.Health/Check"

WAIT_S = 20.0


class Hand:
    """Handlers that say how they were called, and wait until they are let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()
        self.sent = 0
        self.read = 0
        self.has_left = asyncio.Semaphore(0)
        self.contexts: list[Any] = []
        self.handlers: dict[str, Any] = {
            ONCE: grpc.unary_unary_rpc_method_handler(self.once),
            DOWN: grpc.unary_stream_rpc_method_handler(self.down),
            BOTH: grpc.stream_stream_rpc_method_handler(self.both),
            HEALTH: grpc.unary_unary_rpc_method_handler(self.healthy),
        }

    async def once(self, request: bytes, context: Any) -> bytes:
        """Give the request back."""
        self.contexts.append(context)
        self.entered.release()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.has_left.release()
            raise
        if request == b"break":
            raise SystemError("broken")
        return request + current_subject().encode()

    async def healthy(self, _: bytes, __: Any) -> bytes:
        """Answer a probe, of whom nobody asks who it is."""
        return b""

    async def down(self, _: bytes, __: Any) -> AsyncIterator[bytes]:
        """Give a thousand messages of 64 KiB."""
        self.entered.release()
        try:
            for _ in range(1_000):
                yield b"x" * 65_536
                self.sent += 1
        finally:
            self.has_left.release()

    async def both(
        self, requests: AsyncIterator[bytes], _: Any
    ) -> AsyncIterator[bytes]:
        """Give back each request, once let go."""
        self.entered.release()
        async for request in requests:
            self.read += 1
            await self.gate.wait()
            yield request


@asynccontextmanager
async def wire(hand: Hand, **how: Any) -> AsyncIterator[tuple[WireProcess, int]]:
    """Run a wire process before handlers, and give its port."""
    opened = open_on_loopback(hand.handlers, **how)
    started = WireProcess(hand.handlers, open_admission([TENANT]), opened)
    port = await started.start()
    try:
        yield started, port
    finally:
        await started.stop(0)


def channel(port: int) -> grpc.aio.Channel:
    """Open a channel that does not wait long before it connects again."""
    options = (
        ("grpc.max_reconnect_backoff_ms", 100),
        ("grpc.max_receive_message_length", -1),
    )
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", options)


async def test_a_call_goes_through_with_what_came_beside_it():
    """Metadata in text and bytes, and the deadline, as the machine's clock has it."""
    hand = Hand()
    seen: list[float | None] = []

    async def timed(request: bytes, context: Any) -> bytes:
        seen.extend([context.time_remaining(), time_left_s()])
        return await hand.once(request, context)

    hand.handlers[ONCE] = grpc.unary_unary_rpc_method_handler(timed)
    async with wire(hand) as (_, port), channel(port) as calls:
        metadata = (("who", "me"), ("raw-bin", b"\x00\xff"))
        answer = await calls.unary_unary(ONCE)(b"a", timeout=30, metadata=metadata)
        assert answer == b"alocal"
        assert set(metadata) <= set(hand.contexts[0].invocation_metadata())
        assert seen[0] is not None
        assert 25 < seen[0] <= 30
        await calls.unary_unary(ONCE)(b"b")
        assert hand.contexts[1].time_remaining() is None


async def test_calls_that_are_under_way_together_get_their_own_answers():
    """A thousand at once, each with its own bytes."""
    roomy = {"waiting_max": 2_000, "pending_calls_max": 4_000}
    async with wire(Hand(), **roomy) as (_, port), channel(port) as calls:
        call = calls.unary_unary(ONCE)
        asked = [str(number).encode() for number in range(1_000)]
        answers = await asyncio.gather(*(call(each) for each in asked))
    assert answers == [each + b"local" for each in asked]


async def test_a_caller_that_leaves_cancels_what_it_asked_for():
    """Whether it gives up or its deadline comes, the handler hears of it."""
    hand = Hand()
    hand.gate.clear()
    async with wire(hand) as (_, port), channel(port) as calls:
        one = calls.unary_unary(ONCE)(b"a")
        other = calls.unary_unary(ONCE)(b"b", timeout=2)
        codes = [asyncio.ensure_future(each.code()) for each in (one, other)]
        for _ in range(2):
            await asyncio.wait_for(hand.entered.acquire(), WAIT_S)
        one.cancel()
        assert await codes[1] is grpc.StatusCode.DEADLINE_EXCEEDED
        for _ in range(2):
            await asyncio.wait_for(hand.has_left.acquire(), WAIT_S)


async def test_what_breaks_in_a_handler_is_internal_and_tells_nothing():
    """The next call goes on as if nothing had been."""
    async with wire(Hand()) as (_, port), channel(port) as calls:
        with pytest.raises(grpc.aio.AioRpcError) as broken:
            await calls.unary_unary(ONCE)(b"break")
        assert broken.value.code() is grpc.StatusCode.INTERNAL
        assert "broken" not in str(broken.value.details())
        assert await calls.unary_unary(ONCE)(b"a") == b"alocal"


async def test_answers_that_nobody_reads_are_not_made():
    """Of 64 MB some MiB wait in windows and buffers; all of it comes in the end."""
    hand = Hand()
    async with wire(hand) as (_, port), channel(port) as calls:
        stream = calls.unary_stream(DOWN)(b"")
        answers = aiter(stream)
        first = await anext(answers)
        made = -1
        while made < hand.sent:
            made = hand.sent
            await asyncio.sleep(0.3)
        assert made < 200, f"{made} of 1,000 made for nobody"
        rest = [each async for each in answers]
    assert [first, *rest] == [b"x" * 65_536] * 1_000
    assert not hand.has_left.locked()


async def test_a_stream_that_is_cancelled_ends_its_handler():
    """A client that leaves in the middle of its answers leaves nothing running."""
    hand = Hand()
    async with wire(hand) as (_, port), channel(port) as calls:
        stream = calls.unary_stream(DOWN)(b"")
        await stream.read()
        stream.cancel()
        await asyncio.wait_for(hand.has_left.acquire(), WAIT_S)


async def test_requests_that_nobody_reads_are_not_taken():
    """A handler that stands still holds its client up; then all goes through."""
    hand = Hand()
    hand.gate.clear()
    # Connections on loopback take some 30 MB before anybody is held up.
    count, sent = 2_000, 0

    async def requests() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(count):
            yield b"y" * 65_536
            sent += 1

    async with wire(hand) as (_, port), channel(port) as calls:
        stream = calls.stream_stream(BOTH)(requests())
        reading = asyncio.ensure_future(_all(stream))
        seen = -1
        while seen < sent:
            seen = sent
            await asyncio.sleep(0.3)
        assert sent < 1_000, f"{sent} of {count} taken for nobody"
        hand.gate.set()
        assert len(await asyncio.wait_for(reading, WAIT_S)) == count


async def test_more_calls_than_may_wait_are_told_so_at_once():
    """Calls that the server has not begun are bounded; probes are not counted."""
    hand = Hand()
    told = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], "busy", (("why", "x"),))
    # Fewer go ahead than of one connection: there are two.
    few = {"waiting_max": 5, "too_many": told}
    async with wire(hand, **few) as (_, port), channel(port) as calls:
        call = calls.unary_unary(ONCE)
        assert await call(b"a") == b"alocal"
        # That it had begun is told, too.
        await asyncio.sleep(0.2)
        asking = asyncio.ensure_future(asyncio.to_thread(_codes, port, AHEAD_MAX + 20))
        await asyncio.sleep(0)
        # This is the loop that calls would begin on.
        time.sleep(2)  # noqa: ASYNC251 - it is to stand still
        codes, health = await asyncio.wait_for(asking, WAIT_S)
        assert sorted(codes) == ["OK"] * (AHEAD_MAX + 5) + ["RESOURCE_EXHAUSTED"] * 15
        assert health == "OK"
        # Whoever has begun is counted no more, however long it takes.
        hand.entered = asyncio.Semaphore(0)
        hand.gate.clear()
        count = 2 * AHEAD_MAX
        under_way: set[asyncio.Future[grpc.StatusCode]] = set()
        for _ in range(count):
            under_way.add(asyncio.ensure_future(call(b"a").code()))
            await asyncio.wait_for(hand.entered.acquire(), WAIT_S)
        hand.gate.set()
        assert set(await asyncio.gather(*under_way)) == {grpc.StatusCode.OK}


async def test_a_lost_process_is_followed_by_another_on_the_port():
    """SIGKILL: calls fail as unavailable, work is cancelled, and callers come back."""
    hand = Hand()
    hand.gate.clear()
    async with wire(hand) as (started, port), channel(port) as calls:
        asked = calls.unary_unary(ONCE)(b"a")
        code = asyncio.ensure_future(asked.code())
        await asyncio.wait_for(hand.entered.acquire(), WAIT_S)
        first = started.pid
        os.kill(first, signal.SIGKILL)
        assert await code is grpc.StatusCode.UNAVAILABLE
        hand.gate.set()
        assert await asyncio.wait_for(_came_back(calls), WAIT_S) == b"blocal"
        assert started.pid != first
        await asyncio.wait_for(hand.has_left.acquire(), WAIT_S)


async def test_an_interrupt_is_for_the_server_alone():
    """A terminal sends it to both; this one goes on until the server ends it."""
    async with wire(Hand()) as (started, port), channel(port) as calls:
        pid = started.pid
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)
        assert await calls.unary_unary(ONCE)(b"a") == b"alocal"
        assert started.pid == pid


async def test_stopping_waits_for_calls_and_takes_no_more():
    """What runs gets its answer within the grace, and the port is free then."""
    hand = Hand()
    hand.gate.clear()
    opened = open_on_loopback(hand.handlers)
    started = WireProcess(hand.handlers, open_admission([TENANT]), opened)
    port = await started.start()
    pid = started.pid
    async with channel(port) as calls:
        asked = calls.unary_unary(ONCE)(b"a")
        running = asyncio.ensure_future(asked.code())
        await asyncio.wait_for(hand.entered.acquire(), WAIT_S)
        stopping = asyncio.ensure_future(started.stop(WAIT_S))
        await asyncio.sleep(0.3)
        assert not stopping.done()
        async with channel(port) as late:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await late.unary_unary(ONCE)(b"b")
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        hand.gate.set()
        assert await running is grpc.StatusCode.OK
        await asyncio.wait_for(stopping, WAIT_S)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_a_call_that_takes_longer_than_the_grace_is_cancelled():
    """Stopping ends, whatever runs."""
    hand = Hand()
    hand.gate.clear()
    opened = open_on_loopback(hand.handlers)
    started = WireProcess(hand.handlers, open_admission([TENANT]), opened)
    async with channel(await started.start()) as calls:
        asked = calls.unary_unary(ONCE)(b"a")
        code = asyncio.ensure_future(asked.code())
        await asyncio.wait_for(hand.entered.acquire(), WAIT_S)
        await asyncio.wait_for(started.stop(0.2), WAIT_S)
        await asyncio.wait_for(hand.has_left.acquire(), WAIT_S)
        assert await code in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.CANCELLED,
        )


async def test_health_has_a_port_of_its_own_where_it_is_asked_for():
    """Nothing else is served there, and it closes with the other one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    async with (
        wire(Hand(), health_listen=f"127.0.0.1:{own}") as (_, port),
        channel(own) as probes,
        channel(port) as calls,
    ):
        for each in (probes, calls):
            assert await each.unary_unary(HEALTH)(b"") == b""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await probes.unary_unary(ONCE)(b"a")
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    with socket.create_server(("127.0.0.1", own)):
        pass


async def test_an_address_that_is_taken_is_an_error_of_the_setting():
    """The process tells why it did not open its port, and is gone."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        hand = Hand()
        started = WireProcess(
            hand.handlers,
            open_admission([TENANT]),
            open_on_loopback(hand.handlers, listen=listen),
        )
        with pytest.raises(InvalidValueError) as refused:
            await started.start()
        await started.stop(0)
    (violation,) = refused.value.violations
    assert (violation.field, violation.value) == ("listen", repr(listen))


async def test_a_certificate_that_cannot_be_used_is_an_error_of_its_setting(
    tmp_path: Path,
):
    """As the server itself says it."""
    hand = Hand()
    tls = Tls(str(tmp_path / "none.crt"), str(tmp_path / "none.key"), "")
    started = WireProcess(
        hand.handlers,
        open_admission([TENANT]),
        open_on_loopback(hand.handlers, tls=tls),
    )
    with pytest.raises(InvalidValueError) as refused:
        await started.start()
    assert refused.value.violations[0].field == "tls_certificate"


async def test_a_process_that_does_not_come_up_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
):
    """One that ends before its port is open is not waited for."""
    monkeypatch.setattr(wire_process.sys, "executable", "/bin/false")
    hand = Hand()
    started = WireProcess(
        hand.handlers, open_admission([TENANT]), open_on_loopback(hand.handlers)
    )
    with pytest.raises(UnavailableError, match="ended with 1 before"):
        await asyncio.wait_for(started.start(), WAIT_S)


async def _came_back(calls: grpc.aio.Channel) -> bytes:
    while True:
        try:
            answer: bytes = await calls.unary_unary(ONCE)(b"b", wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            # Written to the connection that is gone, before that was heard of.
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        else:
            return answer


def _codes(port: int, count: int) -> tuple[list[str], str]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as calls:
        asked = [calls.unary_unary(ONCE).future(b"a") for _ in range(count)]
        # Last: it goes before those that wait, and counts among those that went.
        time.sleep(0.5)
        probe = calls.unary_unary(HEALTH).future(b"")
        return [each.code().name for each in asked], probe.code().name


async def _all(stream: Any) -> list[bytes]:
    with suppress(asyncio.CancelledError):
        return [each async for each in stream]
    return []
