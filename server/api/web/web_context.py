"""What handlers ask of gRPC about a call, answered for a call from the web."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from connectrpc.request import RequestContext
from google.rpc import status_pb2
from protobuf.wkt import Any as WireAny

#: What a connection knows of its other end, by the names that gRPC has for it.
Peer = Mapping[str, Iterable[bytes]]

# The trailer that carries a whole google.rpc.Status, as `rpc_status` writes it.
_STATUS_KEY = "grpc-status-details-bin"

_PEER: ContextVar[Peer | None] = ContextVar("peer", default=None)


def enter_connection(peer: Peer) -> None:
    """Note who is at the other end of the connection that this task serves."""
    _PEER.set(peer)


class WebContext:
    """
    Stands in for ``grpc.aio.ServicerContext``, as far as handlers use one.

    Parameters
    ----------
    request
        What the library knows of the call.
    """

    def __init__(self, request: RequestContext[Any, Any]) -> None:
        self._request = request

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """Return the headers, their names in small letters."""
        return tuple(self._request.request_headers.allitems())

    def auth_context(self) -> Peer:
        """Return the names in the client's certificate; none without one."""
        return _PEER.get() or {}

    def time_remaining(self) -> float | None:
        """Return for how many seconds the caller waits yet; ``None`` without an end."""
        left_ms = self._request.timeout_ms
        return None if left_ms is None else max(0.0, left_ms / 1_000)

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> NoReturn:
        """
        End the call with a status.

        Raises
        ------
        ConnectError
            Always, with the details of the status that the trailers hold.
        """
        found: list[ErrorDetail] = []
        for key, value in trailing_metadata:
            if key == _STATUS_KEY and isinstance(value, bytes):
                found += _details(status_pb2.Status.FromString(value))
        raise ConnectError(connect_code(code), details, found)


def connect_code(code: grpc.StatusCode) -> Code:
    """Return what Connect calls a status."""
    if code is grpc.StatusCode.CANCELLED:
        return Code.CANCELED
    return Code[code.name]


def _details(status: status_pb2.Status) -> list[ErrorDetail]:
    return [
        ErrorDetail(WireAny(type_url=each.type_url, value=each.value))
        for each in status.details
    ]
