"""Calls that the wire process took, carried out in the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Protocol, TypeAlias

import structlog
from grpc import StatusCode

from server.api.admission import REFUSALS, Admission
from server.api.handler import abort_with
from server.wire.call_context import AbortedError, WireContext
from server.wire.flow import Streams
from server.wire.frames import (
    Answer,
    Begun,
    Call,
    Cancel,
    End,
    Frame,
    Message,
    Refusal,
    Refused,
    Taken,
)
from server.wire.grpc_servers import Handler

log = structlog.get_logger(__name__)

OfCall: TypeAlias = Call | Cancel | Message | End | Taken

_BROKE = Refusal(StatusCode.INTERNAL.value[0], "internal error", ())
_GONE = Refusal(StatusCode.CANCELLED.value[0], "cancelled", ())


class Sender(Protocol):
    """Sends frames to the wire process."""

    def send(self, frame: Frame) -> None:
        """Send one."""


class _Running:
    """A call that is being carried out: its task, and its streams if it has any."""

    __slots__ = ("has_begun", "is_given_up", "streams", "task")

    def __init__(self, streams: Streams | None) -> None:
        self.streams = streams
        self.task: asyncio.Task[None] | None = None
        self.has_begun = False
        self.is_given_up = False

    def give_up(self) -> None:
        """Cancel it, or leave it out if its turn has not come."""
        # Once: a handler that is cleaning up is not interrupted again.
        if self.has_begun and not self.is_given_up and self.task is not None:
            self.task.cancel()
        self.is_given_up = True


class Calls:
    """
    Carries out calls by the handlers of gRPC, past the same checks as at any door.

    Parameters
    ----------
    handlers
        By path; they take and give bytes.
    admission
        Knows who is let in.
    sender
        Where answers go.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], admission: Admission, sender: Sender
    ) -> None:
        self._handlers = handlers
        self._admission = admission
        self._sender = sender
        self._running: dict[int, _Running] = {}
        self._loop = asyncio.get_running_loop()
        self._begun_count = 0

    def take(self, frame: OfCall) -> None:
        """Begin a call, or go on with one; what comes after its end is left."""
        if isinstance(frame, Call):
            self._begin(frame)
            return
        running = self._running.get(frame.number)
        if running is None:
            return
        if isinstance(frame, Cancel):
            running.give_up()
            return
        streams = running.streams
        assert streams is not None, "only calls with streams have messages"
        match frame:
            case Message():
                streams.inbox.put(frame.body)
            case End():
                streams.inbox.end()
            case Taken():
                streams.window.give_back(frame.cost)

    def cancel_all(self) -> None:
        """Cancel what is being carried out: nobody is there to be answered."""
        for running in self._running.values():
            running.give_up()

    def _begin(self, call: Call) -> None:
        number, streams = call.number, None
        if self._handlers[call.path].unary_unary is None:
            streams = Streams(lambda cost: self._sender.send(Taken(number, cost)))
        running = self._running[number] = _Running(streams)
        running.task = self._loop.create_task(self._carry_out(call, running))

    async def _carry_out(self, call: Call, running: _Running) -> None:
        self._count_begun()
        running.has_begun = True
        try:
            end = _left(call) if running.is_given_up else await self._run(call, running)
        except asyncio.CancelledError:
            # By its caller, or by a handler whose own work was cancelled.
            end = _left(call)
        finally:
            del self._running[call.number]
        self._sender.send(end)

    async def _run(self, call: Call, running: _Running) -> Answer | Refused:
        context = WireContext(call)
        try:
            with await self._admitted(call.path, context):
                if running.streams is not None:
                    await self._stream(call, running.streams, context)
                    return Answer(call.number, None)
                handler = self._handlers[call.path]
                answer = await handler.unary_unary(call.request, context)
                return Answer(call.number, answer)
        except AbortedError as error:
            return Refused(call.number, error.refusal)
        except Exception:
            # Handlers give every error its status: this is a fault of what is around.
            log.exception("call_broke", method=call.path)
            return Refused(call.number, _BROKE)

    async def _stream(self, call: Call, streams: Streams, context: WireContext) -> None:
        async def write(answer: bytes) -> None:
            await streams.window.pay(answer)
            self._sender.send(Message(call.number, answer))

        handler = self._handlers[call.path]
        behavior = handler.stream_stream or handler.unary_stream
        requests = streams.inbox if handler.request_streaming else call.request
        context.write = write
        answers = behavior(requests, context)
        if not isinstance(answers, AsyncIterator):
            # One that writes its answers by itself.
            await answers
            return
        # Closed with the call, not when somebody collects it.
        async with aclosing(answers):  # type: ignore[type-var]
            async for each in answers:
                await write(each)

    async def _admitted(
        self, path: str, context: WireContext
    ) -> AbstractContextManager[object]:
        if self._admission.is_open(path):
            return nullcontext()
        try:
            return await self._admission.admit(
                path, context.invocation_metadata(), context.auth_context
            )
        except REFUSALS as error:
            await abort_with(error, context)

    def _count_begun(self) -> None:
        # Said once a turn: the wire waits for no single one.
        if not self._begun_count:
            self._loop.call_soon(self._tell_begun)
        self._begun_count += 1

    def _tell_begun(self) -> None:
        self._sender.send(Begun(self._begun_count))
        self._begun_count = 0


def _left(call: Call) -> Refused:
    return Refused(call.number, _GONE)
