"""What every servicer works with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from google.protobuf.message import Message

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId
from matcher.engine.answers import Answer
from matcher.engine.commands import Command
from server.access.caller import current_subject, current_tenant
from server.api.call_watch import CallWatch, UnwatchedCalls
from server.api.handler import encoded
from server.api.idempotency import payload_hash
from server.runtime.call import Call
from server.runtime.runtime import Runtime

T = TypeVar("T")
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class ApiContext:
    """
    The runtime, who is told of calls, and whom the call that runs is for.

    Servicers ask here for the tenant, and nowhere else.
    """

    runtime: Runtime
    watch: CallWatch = field(default_factory=UnwatchedCalls)

    @property
    def tenant(self) -> TenantId:
        """Whom the call that runs is for, as its caller's credentials say."""
        return current_tenant()

    async def execute(
        self,
        request: Message,
        command: Command,
        respond: Callable[[Answer], Message | bytes],
    ) -> bytes:
        """Carry out a command and return the encoded response once it is stored."""
        request_id = str(getattr(request, "request_id", ""))
        return await self.runtime.execute(
            Call(
                self.tenant,
                command,
                lambda answer: encoded(respond(answer)),
                request_id,
                payload_hash(request.DESCRIPTOR.name, request) if request_id else "",
                subject=current_subject(),
            )
        )


def within(field: str, convert: Callable[[M], T], message: M) -> T:
    """Convert a part of a request; its errors name the whole path."""
    try:
        return convert(message)
    except InvalidValueError as error:
        raise error.under(field) from error


def all_within(
    field: str, convert: Callable[[M], T], messages: Iterable[M]
) -> tuple[T, ...]:
    """Convert a list of a request; its errors name the item."""
    return tuple(
        within(f"{field}[{index}]", convert, message)
        for index, message in enumerate(messages)
    )


@contextmanager
def single(item: str, field: str) -> Iterator[None]:
    """Name the one item of a request by its own field, not by its place in a list."""
    try:
        yield
    except InvalidValueError as error:
        raise type(error).of(
            [
                replace(each, field=each.field.replace(item, field, 1))
                for each in error.violations
            ]
        ) from error
