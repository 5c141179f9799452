"""A gRPC server that carries nothing out itself, in the wire process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeAlias

import grpc
import grpc.aio

from matcher.domain.errors import InvalidValueError
from server.access.certificates import Certificates, TlsFiles
from server.api.call_context import CallContext
from server.wire.flow import Streams
from server.wire.frames import (
    Answer,
    Begun,
    Call,
    Cancel,
    Close,
    Closed,
    End,
    Frame,
    Message,
    NotOpened,
    Open,
    Opened,
    Refusal,
    Refused,
    Route,
    Taken,
    Tls,
    ToWire,
)
from server.wire.grpc_servers import GrpcServers, is_health
from server.wire.turns import Turns

Send: TypeAlias = Callable[[Frame], None]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Context(CallContext, Protocol):
    """What gRPC tells of a call, as far as it matters here."""

    def peer(self) -> str:
        """Name the connection that it came by."""


class _Under:
    """A call under way: how it ends, and its streams if it has any."""

    __slots__ = ("end", "number", "streams")

    def __init__(self, number: int, streams: Streams | None) -> None:
        self.number = number
        self.end: asyncio.Future[Answer | Refused] = (
            asyncio.get_running_loop().create_future()
        )
        self.streams = streams


class Front:
    """
    Takes calls off the network, and gives the server's answers back.

    Parameters
    ----------
    send
        Sends a frame to the server.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._servers: GrpcServers | None = None
        self._under: dict[int, _Under] = {}
        self._last_number = 0
        self._turns = Turns(0)
        self._too_many = Refusal(0, "", ())
        self._tells_peers = False
        # The loop keeps no task alive by itself.
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, frame: ToWire) -> None:
        """Do what the server says; what is about a call that has ended is left."""
        match frame:
            case Answer() | Refused():
                under = self._under.get(frame.number)
                if under is not None and not under.end.done():
                    under.end.set_result(frame)
                    if under.streams is not None:
                        under.streams.inbox.end()
            case Begun():
                self._turns.begun(frame.count)
            case Message():
                if streams := self._streams(frame.number):
                    streams.inbox.put(frame.body)
            case Taken():
                if streams := self._streams(frame.number):
                    streams.window.give_back(frame.cost)
            case Open():
                self._later(self._open(frame))
            case Close():
                self._later(self._close(frame.grace_s))

    def _streams(self, number: int) -> Streams | None:
        under = self._under.get(number)
        return None if under is None else under.streams

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, how: Open) -> None:
        self._turns, self._too_many = Turns(how.waiting_max), how.too_many
        self._tells_peers = how.tls is not None and bool(how.tls.client_ca)
        handlers = {route.path: _handler(self, route) for route in how.routes}
        servers = GrpcServers(handlers, how)
        try:
            port = await servers.start(_certificates(how.tls))
        except InvalidValueError as error:
            first = error.violations[0]
            self._send(NotOpened(first.field, first.value, first.accepted))
            return
        self._servers = servers
        self._send(Opened(port))

    async def _close(self, grace_s: float) -> None:
        if self._servers is not None:
            await self._servers.stop(grace_s)
        self._send(Closed())

    async def once(self, path: str, request: bytes, context: Context) -> bytes:
        """Carry a call over whose both sides are one message."""
        under = await self._begin(path, request, context, has_stream=False)
        try:
            end = await under.end
        except asyncio.CancelledError:
            self._send(Cancel(under.number))
            raise
        finally:
            del self._under[under.number]
        if isinstance(end, Refused):
            await _abort(end.refusal, context)
        assert end.body is not None, "one answer"
        return end.body

    async def many(
        self, path: str, requests: AsyncIterator[bytes] | bytes, context: Context
    ) -> AsyncIterator[bytes]:
        """Carry a call over that has a stream on one side or both."""
        one = requests if isinstance(requests, bytes) else None
        under = await self._begin(path, one, context, has_stream=True)
        streams = under.streams
        assert streams is not None, "it was asked for"
        reader = None
        if not isinstance(requests, bytes):
            reader = asyncio.create_task(self._pass_on(requests, under.number, streams))
        try:
            async for answer in streams.inbox:
                yield answer
        finally:
            if reader is not None:
                reader.cancel()
            if not under.end.done():
                self._send(Cancel(under.number))
            del self._under[under.number]
        end = await under.end
        if isinstance(end, Refused):
            await _abort(end.refusal, context)

    async def _pass_on(
        self, requests: AsyncIterator[bytes], number: int, streams: Streams
    ) -> None:
        async for request in requests:
            await streams.window.pay(request)
            self._send(Message(number, request))
        self._send(End(number))

    async def _begin(
        self,
        path: str,
        request: bytes | None,
        context: Context,
        *,
        has_stream: bool,
    ) -> _Under:
        if is_health(path):
            self._turns.go_before()
        elif self._turns.is_full():
            await _abort(self._too_many, context)
        else:
            await self._turns.take(context.peer())
        self._last_number += 1
        number, send, streams = self._last_number, self._send, None
        try:
            send(
                Call(
                    number,
                    path,
                    tuple(context.invocation_metadata() or ()),
                    _peer(context) if self._tells_peers else {},
                    _until_ns(context),
                    request,
                )
            )
        except BaseException:
            # The server will never begin it.
            self._turns.begun(1)
            raise
        if has_stream:
            streams = Streams(lambda cost: send(Taken(number, cost)))
        under = self._under[number] = _Under(number, streams)
        return under


def _handler(front: Front, route: Route) -> Any:
    path = route.path

    # Coroutines of their own: gRPC looks at what kind of function it is given.
    async def once(request: bytes, context: Context) -> bytes:
        return await front.once(path, request, context)

    async def many(requests: Any, context: Context) -> AsyncIterator[bytes]:
        # Closed with the call, not when somebody collects it.
        async with aclosing(front.many(path, requests, context)) as answers:  # type: ignore[type-var]
            async for answer in answers:
                yield answer

    if route.has_request_stream:
        return grpc.stream_stream_rpc_method_handler(many)
    if route.has_answer_stream:
        return grpc.unary_stream_rpc_method_handler(many)
    return grpc.unary_unary_rpc_method_handler(once)


def _certificates(tls: Tls | None) -> Certificates | None:
    if tls is None:
        return None
    client_ca = Path(tls.client_ca) if tls.client_ca else None
    return Certificates(TlsFiles(Path(tls.certificate), Path(tls.key), client_ca))


def _peer(context: Context) -> dict[str, tuple[bytes, ...]]:
    return {key: tuple(values) for key, values in context.auth_context().items()}


def _until_ns(context: Context) -> int | None:
    left_s = context.time_remaining()
    return None if left_s is None else time.monotonic_ns() + round(left_s * 1e9)


async def _abort(refusal: Refusal, context: Context) -> NoReturn:
    await context.abort(_CODES[refusal.code], refusal.details, refusal.trailers)
