"""What handlers ask about a call, whichever door it came through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, Protocol

import grpc


class CallContext(Protocol):
    """
    The part of ``grpc.aio.ServicerContext`` that handlers use, and no more.

    gRPC's own is one; for the browser's door see
    :class:`server.api.web.web_context.WebContext`.
    """

    def invocation_metadata(self) -> Iterable[Any] | None:
        """Return what came beside the request: pairs, their names in lower case."""

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Return what the connection knows of its other end, after the handshake."""

    def time_remaining(self) -> float | None:
        """Return for how many seconds the caller waits yet; ``None`` without an end."""

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()
    ) -> NoReturn:
        """End the call with a status, whose details are in the trailers."""
