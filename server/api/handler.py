"""From bytes to a method and back: decoding, rules, errors and logs of every call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NoReturn, TypeAlias, TypeVar

import grpc
import grpc.aio
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from grpc_status import rpc_status

from matcher.domain.errors import InvalidValueError
from server.api.errors import to_status
from server.api.validation import check

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=Message)

Answer = Message | bytes
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

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
    message = kind()
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise InvalidValueError(
            "message", f"{len(raw)} bytes", f"an encoded {kind.DESCRIPTOR.full_name}"
        ) from error
    check(message)
    return message


async def prepared(kind: type[M], raw: bytes) -> M:
    """Decode and check a message; a large one on another thread."""
    if len(raw) < _ASIDE_BYTES:
        return decoded(kind, raw)
    return await asyncio.to_thread(decoded, kind, raw)


def method_handler(
    method: MethodDescriptor, implementation: Callable[..., object]
) -> grpc.RpcMethodHandler[bytes, bytes]:
    """
    Return the handler of a method, which takes and gives bytes.

    Bytes, because the server's own decoding answers malformed input with a status
    and a text of its own.
    """
    if method.client_streaming:
        return grpc.stream_stream_rpc_method_handler(_bidi(method, implementation))
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(_stream(method, implementation))
    return grpc.unary_unary_rpc_method_handler(_unary(method, implementation))


def _unary(
    method: MethodDescriptor, implementation: Callable[..., object]
) -> Callable[[bytes, Context], Awaitable[bytes]]:
    kind = GetMessageClass(method.input_type)

    async def handle(raw: bytes, context: Context) -> bytes:
        started = time.perf_counter()
        try:
            answer = await implementation(await prepared(kind, raw))  # type: ignore[misc]
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - every error gets a status
            await _refuse(method, started, error, context)
        _log(method, started, "OK")
        return _encoded(answer)

    return handle


def _stream(
    method: MethodDescriptor, implementation: Callable[..., object]
) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
    kind = GetMessageClass(method.input_type)

    async def handle(raw: bytes, context: Context) -> AsyncIterator[bytes]:
        started = time.perf_counter()
        try:
            request = await prepared(kind, raw)
            async for answer in implementation(request):  # type: ignore[attr-defined]
                yield _encoded(answer)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - every error gets a status
            await _refuse(method, started, error, context)
        _log(method, started, "OK")

    return handle


def _bidi(
    method: MethodDescriptor, implementation: Callable[..., object]
) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
    async def handle(
        requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        started = time.perf_counter()
        try:
            async for answer in implementation(requests):  # type: ignore[attr-defined]
                yield _encoded(answer)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - every error gets a status
            await _refuse(method, started, error, context)
        _log(method, started, "OK")

    return handle


async def _refuse(
    method: MethodDescriptor,
    started: float,
    error: Exception,
    context: Context,
) -> NoReturn:
    status = to_status(error)
    _log(method, started, grpc_code(status).name)
    rich = rpc_status.to_status(status)
    await context.abort(rich.code, rich.details, rich.trailing_metadata)
    raise AssertionError("aborting raises")


def grpc_code(status: status_pb2.Status) -> grpc.StatusCode:
    """Return the gRPC code of a status."""
    return next(code for code in grpc.StatusCode if code.value[0] == status.code)


def _encoded(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


def _log(method: MethodDescriptor, started: float, code: str) -> None:
    # Nothing of the payload: it holds places and people.
    log.info(
        "call",
        method=method.full_name,
        code=code,
        ms=round(1000 * (time.perf_counter() - started), 3),
    )
