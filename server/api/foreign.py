"""Services that others wrote, health and reflection, as handlers over bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from matcher.domain.errors import InvalidValueError
from server.api.call_context import CallContext
from server.api.handler import abort_with, parsed

# Handlers of asyncio, whose published types know threads only.
Handler: TypeAlias = Any


class HandlerBook:
    """
    Stands in for a gRPC server, as far as generated code adds services to one.

    Attributes
    ----------
    handlers
        By path; they take and give bytes, like those of the contract.
    """

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, _: object) -> None:
        """Do nothing: the same handlers are registered one by one."""

    def add_registered_method_handlers(
        self, service: str, handlers: dict[str, Handler]
    ) -> None:
        """Take the handlers of a service."""
        methods = Default().FindServiceByName(service).methods_by_name
        for name, handler in handlers.items():
            kind = GetMessageClass(methods[name].input_type)
            self.handlers[f"/{service}/{name}"] = _over_bytes(kind, handler)


class _EncodingContext:
    """Encodes what a handler writes by itself."""

    def __init__(self, context: Any, encode: Callable[[Any], bytes]) -> None:
        self._context = context
        self._encode = encode

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def write(self, answer: Any) -> None:
        """Send one answer of a stream."""
        await self._context.write(self._encode(answer))


def _over_bytes(kind: type[Message], handler: Handler) -> Handler:
    encode = handler.response_serializer

    async def decoded(raw: bytes, context: CallContext) -> Message:
        try:
            return parsed(kind, raw)
        except InvalidValueError as error:
            await abort_with(error, context)

    async def each(
        requests: AsyncIterator[bytes], context: CallContext
    ) -> AsyncIterator[Message]:
        async for request in requests:
            yield await decoded(request, context)

    async def once(request: bytes, context: CallContext) -> bytes:
        message = await decoded(request, context)
        answer: bytes = encode(await handler.unary_unary(message, context))
        return answer

    async def writes(request: bytes, context: CallContext) -> None:
        message = await decoded(request, context)
        await handler.unary_stream(message, _EncodingContext(context, encode))

    async def both(
        requests: AsyncIterator[bytes], context: CallContext
    ) -> AsyncIterator[bytes]:
        async for answer in handler.stream_stream(each(requests, context), context):
            yield encode(answer)

    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(both)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(writes)
    return grpc.unary_unary_rpc_method_handler(once)
