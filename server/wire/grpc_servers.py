"""The gRPC servers of a port or two, in whichever process they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import grpc
import grpc.aio

from matcher.domain.errors import InvalidValueError
from server.access.certificates import Certificates
from server.wire.frames import Open

# The published types know handlers of threads only.
Handler: TypeAlias = Any
Interceptor: TypeAlias = Any

_HEALTH = "/grpc.health.v1.Health/"


class ByPath(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """Handlers as a gRPC server takes them."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a method; ``None`` if there is no such method."""
        return self._handlers.get(details.method)


class GrpcServers:
    """
    One server for all there is, and one for health alone if it has a port of its own.

    What waits to be taken up waits by server: a flood of calls keeps no probe waiting.

    Parameters
    ----------
    handlers
        By path; they take and give bytes.
    how
        How the ports are opened.
    interceptors
        What calls pass first; those about health pass nothing.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        how: Open,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        self._how = how
        self._server = _server(handlers, how, interceptors)
        self._servers = [self._server]
        if how.health_listen:
            own = {path: each for path, each in handlers.items() if is_health(path)}
            self._servers.append(_server(own, how))

    async def start(self, certificates: Certificates | None) -> int:
        """
        Open the ports, and return the number of the one for calls.

        Raises
        ------
        InvalidValueError
            If an address is taken.
        """
        names = (
            ("listen", self._how.listen),
            ("health_listen", self._how.health_listen),
        )
        ports = [
            _opened(server, name, listen, certificates)
            for server, (name, listen) in zip(self._servers, names, strict=False)
        ]
        for server in self._servers:
            await server.start()
        return ports[0]

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait as long for those that run."""
        await asyncio.gather(*(each.stop(grace_s) for each in self._servers))


def is_health(path: str) -> bool:
    """Say whether a method is asked by probes."""
    return path.startswith(_HEALTH)


def _server(
    handlers: Mapping[str, Handler],
    how: Open,
    interceptors: Sequence[Interceptor] = (),
) -> grpc.aio.Server:
    size, pending = how.message_bytes_max, how.pending_calls_max
    server = grpc.aio.server(
        interceptors=tuple(interceptors),
        options=(
            ("grpc.max_receive_message_length", size),
            ("grpc.max_send_message_length", size),
            # A second server on the port must fail, not share it.
            ("grpc.so_reuseport", 0),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 60_000),
            # The event loop takes calls one by one, and those that wait for it wait in
            # no queue of ours: gRPC itself refuses what is too much, at no cost to the
            # interpreter, and by chance from the first of these numbers on.
            ("grpc.server.max_pending_requests", max(1, pending // 2)),
            ("grpc.server.max_pending_requests_hard_limit", pending),
        ),
    )
    server.add_generic_rpc_handlers((ByPath(handlers),))
    return server


def _opened(
    server: grpc.aio.Server, name: str, listen: str, certificates: Certificates | None
) -> int:
    try:
        if certificates is None:
            return server.add_insecure_port(listen)
        return server.add_secure_port(listen, certificates.credentials())
    except RuntimeError as error:
        raise InvalidValueError(
            name, listen, "an address of this machine that is free"
        ) from error
