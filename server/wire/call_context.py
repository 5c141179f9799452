"""What handlers ask of gRPC about a call, answered for one of the wire process."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc

from server.wire.frames import Call, Metadata, Refusal


class AbortedError(Exception):
    """Ends a handler whose call is refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.details)
        self.refusal = refusal


class WireContext:
    """
    Stands in for ``grpc.aio.ServicerContext``, as far as handlers use one.

    Parameters
    ----------
    call
        What the wire process knows of it.

    Attributes
    ----------
    write
        Sends an answer of a stream as soon as there is room for it; of calls that
        have one.
    """

    __slots__ = ("_call", "write")

    write: Callable[[bytes], Awaitable[None]]

    def __init__(self, call: Call) -> None:
        self._call = call

    def invocation_metadata(self) -> Metadata:
        """Return what came beside the request."""
        return self._call.metadata

    def auth_context(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the names in the client's certificate; none without one."""
        return self._call.peer

    def time_remaining(self) -> float | None:
        """Return for how many seconds the caller waits yet; ``None`` without an end."""
        until_ns = self._call.until_ns
        if until_ns is None:
            return None
        return max(0.0, (until_ns - time.monotonic_ns()) / 1e9)

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Any = (),
    ) -> NoReturn:
        """
        End the call with a status.

        Raises
        ------
        AbortedError
            Always.
        """
        raise AbortedError(Refusal(code.value[0], details, tuple(trailing_metadata)))
