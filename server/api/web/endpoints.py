"""Every method of the contract as an endpoint of the web, over the same handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, TypeAlias

from connectrpc.codec import Codec
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import Endpoint
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from server.api.access_rules import method_path
from server.api.json_text import JsonText, to_json
from server.api.web.request_stream import RequestStream
from server.api.web.web_context import WebContext

# A handler of asyncio, whose published type knows threads only.
Handler: TypeAlias = Any
Call: TypeAlias = "RequestContext[bytes, bytes]"

# Larger answers become JSON beside the event loop.
_ASIDE_BYTES = 32 * 1024


class RawCodec(Codec[bytes, bytes]):
    """
    Lets messages through as they are.

    Handlers decode, so that malformed input gets the same answer at both doors, and
    only after it is known who sent it.

    Parameters
    ----------
    name
        What content types call the encoding.
    request
        What handlers get: ``bytes`` of protobuf, or :class:`JsonText`.
    """

    def __init__(self, name: str, request: type[bytes]) -> None:
        self._name = name
        self._request = request

    def name(self) -> str:
        """Return what content types call the encoding."""
        return self._name

    def encode(self, message: bytes) -> bytes:
        """Return an answer that is encoded."""
        return message

    def decode(self, data: bytes | bytearray, message_class: type[bytes]) -> bytes:  # noqa: ARG002
        """Return a request as it came."""
        return self._request(data)


CODECS = (RawCodec("proto", bytes), RawCodec("json", JsonText))


def endpoint(method: MethodDescriptor, handler: Handler) -> Endpoint[bytes, bytes]:
    """
    Return the endpoint of a method.

    Parameters
    ----------
    method
        The method as the contract describes it.
    handler
        Its handler in gRPC, which takes and gives bytes.
    """
    answer = GetMessageClass(method.output_type)
    if method.client_streaming:
        return Endpoint.bidi_stream(
            _info(method, StreamType.BIDI_STREAM), _both(handler.stream_stream, answer)
        )
    if method.server_streaming:
        return Endpoint.server_stream(
            _info(method, StreamType.SERVER_STREAM), _many(handler.unary_stream, answer)
        )
    return Endpoint.unary(
        _info(method, StreamType.UNARY), _once(handler.unary_unary, answer)
    )


def endpoints(
    handlers: Iterable[tuple[MethodDescriptor, Handler]],
) -> dict[str, Endpoint[bytes, bytes]]:
    """Return the endpoints of methods by their paths."""
    return {
        method_path(method): endpoint(method, handler) for method, handler in handlers
    }


def _info(method: MethodDescriptor, kind: StreamType) -> MethodInfo[bytes, bytes]:
    return MethodInfo(
        name=method.name,
        service_name=method.containing_service.full_name,
        input=bytes,
        output=bytes,
        # A GET would put requests, and so places, into the logs of proxies.
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=kind,
    )


def _once(
    behavior: Callable[[bytes, WebContext], Awaitable[bytes]], answer: type[Message]
) -> Callable[[bytes, Call], Awaitable[bytes]]:
    async def call(request: bytes, context: Call) -> bytes:
        raw = await behavior(request, WebContext(context))
        return await _told(raw, answer) if _is_json(context) else raw

    return call


def _many(
    behavior: Callable[[Any, WebContext], AsyncIterator[bytes]], answer: type[Message]
) -> Callable[[Any, Call], AsyncGenerator[bytes]]:
    async def call(request: Any, context: Call) -> AsyncGenerator[bytes]:
        is_json = _is_json(context)
        # Closed with the call, not when somebody collects it.
        async with aclosing(behavior(request, WebContext(context))) as answers:  # type: ignore[type-var]
            async for raw in answers:
                yield await _told(raw, answer) if is_json else raw

    return call


def _both(
    behavior: Callable[[Any, WebContext], AsyncIterator[bytes]], answer: type[Message]
) -> Callable[[AsyncIterator[bytes], Call], AsyncGenerator[bytes]]:
    many = _many(behavior, answer)

    async def call(
        requests: AsyncIterator[bytes], context: Call
    ) -> AsyncGenerator[bytes]:
        stream = RequestStream(requests)
        with stream.telling():
            async with aclosing(many(stream, context)) as answers:
                async for raw in answers:
                    yield raw

    return call


def _is_json(context: Call) -> bool:
    # A stream may bring no request that would show it.
    kind = context.request_headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower().endswith("json")


async def _told(raw: bytes, answer: type[Message]) -> bytes:
    if len(raw) < _ASIDE_BYTES:
        return to_json(answer.FromString(raw))
    return await asyncio.to_thread(lambda: to_json(answer.FromString(raw)))
