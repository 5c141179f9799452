"""Admission before every method of a gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import grpc
import grpc.aio

from server.api.admission import REFUSALS, Admission
from server.api.handler import abort_with

# The published types know neither what `_replace` gives nor handlers of asyncio.
Handler: TypeAlias = Any
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class AccessInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """
    Asks whether a call is let in, and ends it if it is not.

    Parameters
    ----------
    admission
        Knows who is.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        # One per method that there is.
        self._guarded: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Put the door before a method."""
        path = handler_call_details.method
        found = self._guarded.get(path)
        if found is None:
            handler = await continuation(handler_call_details)
            if handler is None or self._admission.is_open(path):
                return handler
            found = self._guarded[path] = self._guard(path, handler)
        return found

    def _guard(self, path: str, handler: Handler) -> Handler:
        async def once(request: Any, context: Context) -> Any:
            async with self._admitted(path, context):
                return await (handler.unary_unary or handler.stream_unary)(
                    request, context
                )

        async def many(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self._admitted(path, context):
                behavior = handler.unary_stream or handler.stream_stream
                # Closed with the call, not when somebody collects it.
                async with aclosing(behavior(request, context)) as answers:
                    async for answer in answers:
                        yield answer

        kind = (
            ("stream" if handler.request_streaming else "unary")
            + "_"
            + ("stream" if handler.response_streaming else "unary")
        )
        behavior = many if handler.response_streaming else once
        return handler._replace(**{kind: behavior})

    @asynccontextmanager
    async def _admitted(self, path: str, context: Context) -> AsyncIterator[None]:
        metadata = context.invocation_metadata() or ()
        try:
            counted = await self._admission.admit(path, metadata, context.auth_context)
        except REFUSALS as error:
            await abort_with(error, context)
        with counted:
            yield
