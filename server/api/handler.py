"""From bytes to a method and back: decoding, rules, errors and logs of every call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NoReturn, TypeAlias, TypeVar

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

from matcher.domain.errors import FieldViolation, InvalidValueError
from server.api.access_log import AccessLine
from server.api.call_context import CallContext
from server.api.call_watch import CallWatch, UnwatchedCalls
from server.api.errors import code_name, to_status
from server.api.json_text import JsonText, from_json
from server.api.validation import check
from server.runtime.deadline import set_time_left

M = TypeVar("M", bound=Message)

Answer = Message | bytes
Implementation: TypeAlias = Callable[..., object]
Answering: TypeAlias = (
    "Callable[[CallContext], AbstractAsyncContextManager[AccessLine]]"
)

# Larger requests are decoded and checked beside the event loop.
_ASIDE_BYTES = 32 * 1024


def decoded(kind: type[M], raw: bytes) -> M:
    """
    Decode a message and check it against the rules of its schema.

    Raises
    ------
    InvalidValueError
        If the bytes are no such message, or with every rule that is broken.
    """
    message = parsed(kind, raw)
    check(message)
    return message


def parsed(kind: type[M], raw: bytes) -> M:
    """
    Decode a message without a look at its rules; it may have come as JSON.

    Raises
    ------
    InvalidValueError
        If the bytes are no such message.
    """
    if isinstance(raw, JsonText):
        return from_json(kind, raw)
    message = kind()
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        accepted = f"an encoded {kind.DESCRIPTOR.full_name}"
        violation = FieldViolation("message", f"{len(raw):,} bytes", accepted)
        raise InvalidValueError.of([violation]) from error
    return message


async def prepared(kind: type[M], raw: bytes) -> M:
    """Decode and check a message; a large one on another thread."""
    if len(raw) < _ASIDE_BYTES:
        return decoded(kind, raw)
    return await asyncio.to_thread(decoded, kind, raw)


def method_handler(
    method: MethodDescriptor,
    implementation: Implementation,
    watch: CallWatch | None = None,
) -> grpc.RpcMethodHandler[bytes, bytes]:
    """
    Return the handler of a method, which takes and gives bytes.

    Bytes, because the server's own decoding answers malformed input with a status
    and a text of its own.

    Parameters
    ----------
    method
        The method as the contract describes it.
    implementation
        Takes the decoded request, or the raw requests of a client's stream; gives
        the answer, or the answers of a stream.
    watch
        Is told of each call.
    """
    answering = partial(_Answering, method, watch or UnwatchedCalls())
    if method.client_streaming:
        return grpc.stream_stream_rpc_method_handler(_bidi(implementation, answering))
    kind = GetMessageClass(method.input_type)
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(
            _stream(kind, implementation, answering)
        )
    return grpc.unary_unary_rpc_method_handler(_unary(kind, implementation, answering))


def _unary(
    kind: type[Message], implementation: Implementation, answering: Answering
) -> Callable[[bytes, CallContext], Awaitable[bytes]]:
    async def handle(raw: bytes, context: CallContext) -> bytes:
        async with answering(context) as line:
            request = await prepared(kind, raw)
            line.carries(request)
            return encoded(await implementation(request))  # type: ignore[misc]
        raise AssertionError("an error ends the call")

    return handle


def _stream(
    kind: type[Message], implementation: Implementation, answering: Answering
) -> Callable[[bytes, CallContext], AsyncIterator[bytes]]:
    async def handle(raw: bytes, context: CallContext) -> AsyncIterator[bytes]:
        async with answering(context) as line:
            request = await prepared(kind, raw)
            async for answer in implementation(request):  # type: ignore[attr-defined]
                line.answered()
                yield encoded(answer)

    return handle


def _bidi(
    implementation: Implementation, answering: Answering
) -> Callable[[AsyncIterator[bytes], CallContext], AsyncIterator[bytes]]:
    async def handle(
        requests: AsyncIterator[bytes], context: CallContext
    ) -> AsyncIterator[bytes]:
        async with answering(context) as line:
            async for answer in implementation(requests):  # type: ignore[attr-defined]
                line.answered()
                yield encoded(answer)

    return handle


class _Answering:
    """
    Turns whatever a call ends with into its status and its line in the log.

    A cancelled call is left cancelled: a handler that swallows that leaks.
    """

    __slots__ = ("_context", "_line", "_method", "_watch")

    def __init__(
        self, method: MethodDescriptor, watch: CallWatch, context: CallContext
    ) -> None:
        self._method = method.full_name
        self._watch = watch
        self._context = context

    async def __aenter__(self) -> AccessLine:
        set_time_left(self._context.time_remaining())
        metadata = self._context.invocation_metadata() or ()
        ongoing = self._watch.began(self._method, metadata)
        self._line = AccessLine(self._method, ongoing)
        return self._line

    async def __aexit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        if error is None:
            self._line.ended("OK")
        elif isinstance(error, Exception):
            self._line.ended(code_name(error))
            await abort_with(error, self._context)
        else:
            # CancelledError and GeneratorExit.
            self._line.ended("CANCELLED")


async def abort_with(error: BaseException, context: CallContext) -> NoReturn:
    """End a call with the status of an error."""
    rich = rpc_status.to_status(to_status(error))
    await context.abort(rich.code, rich.details, rich.trailing_metadata)
    raise AssertionError("an abort ends the call")


def encoded(answer: Answer) -> bytes:
    """Return an answer as bytes, as which it may have come."""
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
