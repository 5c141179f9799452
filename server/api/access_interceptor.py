"""The door of every call: who makes it, whether they may, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import grpc
import grpc.aio

from matcher.domain.ids import TenantId
from server.access.authenticator import Authenticator
from server.access.call_limiter import CallLimiter
from server.access.caller import Caller, enter_call
from server.access.refusal import (
    AccessDeniedError,
    RateExceededError,
    UnauthenticatedError,
)
from server.api.access_log import AccessLine
from server.api.access_rules import AccessRules
from server.api.call_watch import CallWatch, UnwatchedCalls
from server.api.handler import end_with

# The published types know neither what `_replace` gives nor handlers of asyncio.
Handler: TypeAlias = Any
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class AccessInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """
    Lets in whom the contract lets in, and notes who it is.

    Parameters
    ----------
    rules
        Which role each method needs.
    authenticator
        Knows callers.
    tenant
        Whose server this is; a caller of another tenant is refused.
    callers, tenants
        Limits of each caller, and of all of the tenant.
    watch
        Is told of the calls that are refused; of others their handlers tell it.
    """

    def __init__(
        self,
        rules: AccessRules,
        authenticator: Authenticator,
        tenant: TenantId,
        *,
        callers: CallLimiter,
        tenants: CallLimiter,
        watch: CallWatch | None = None,
    ) -> None:
        self._rules = rules
        self._authenticator = authenticator
        self._tenant = tenant
        self._callers = callers
        self._tenants = tenants
        self._watch = watch or UnwatchedCalls()
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
            if handler is None or self._rules.is_open(path):
                return handler
            found = self._guarded[path] = self._guard(path, handler)
        return found

    def _guard(self, path: str, handler: Handler) -> Handler:
        method = path.strip("/").replace("/", ".")

        async def once(request: Any, context: Context) -> Any:
            async with self._admitted(path, method, context):
                return await (handler.unary_unary or handler.stream_unary)(
                    request, context
                )

        async def many(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self._admitted(path, method, context):
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
    async def _admitted(
        self, path: str, method: str, context: Context
    ) -> AsyncIterator[None]:
        with ExitStack() as stack:
            metadata = context.invocation_metadata() or ()
            try:
                caller = await self._authenticator.caller(
                    metadata, context.auth_context
                )
                enter_call(caller)
                self._check(path, caller)
                stack.enter_context(self._counted(caller))
            except (
                UnauthenticatedError,
                AccessDeniedError,
                RateExceededError,
            ) as error:
                ongoing = self._watch.began(method, metadata)
                line = AccessLine(method, self._tenant, ongoing)
                await end_with(error, line, context)
            yield

    def _check(self, path: str, caller: Caller) -> None:
        if caller.tenant != self._tenant:
            # Whose server this is, is none of their business.
            raise AccessDeniedError("tenant", "this server is another tenant's")
        role = self._rules.needed(path)
        if role is None:
            raise AccessDeniedError("rule", "the method is open to nobody")
        if not caller.has(role):
            name = role.name.lower()
            raise AccessDeniedError(
                "role", f"{caller.subject} lacks the role {name}", name
            )

    @contextmanager
    def _counted(self, caller: Caller) -> Iterator[None]:
        with self._callers.call(caller.subject), self._tenants.call(caller.tenant):
            yield
