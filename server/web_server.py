"""A web server in the loop of the gRPC server, on a port of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from matcher.domain.errors import InvalidValueError
from server.access.web_certificates import WebCertificates, certificate_names
from server.api.web.application import WebApplication

# For how long a connection may be open before its first request is there.
_SILENCE_S = 30.0

# For how long one is kept for the next request.
_IDLE_S = 75


class _Protocol(H11Protocol):
    """
    HTTP/1.1 that knows who is at the other end, and does not wait for it for ever.

    In plain Python: the quicker parser of C does not bound the size of headers.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = certificate_names(transport.get_extra_info("ssl_object"))
        self.app_state = {**self.app_state, "peer": peer}
        self.loop.call_later(_SILENCE_S, self._close_if_silent)

    def _close_if_silent(self) -> None:
        # Which the published types do not allow for.
        first: object = self.cycle
        if first is None:
            self.transport.close()


class _Uvicorn(uvicorn.Server):
    """Leaves the process's signals to the composition root."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class WebParams:
    """
    How the door is opened.

    ``listen`` is host and port, ``certificates`` are ``None`` for none, and running
    calls get ``grace_s`` at the end.
    """

    listen: str
    certificates: WebCertificates | None
    grace_s: int


class WebServer:
    """
    A web server that others start and stop.

    Parameters
    ----------
    params
        How it is opened.

    Raises
    ------
    InvalidValueError
        If the address is taken.
    """

    def __init__(self, params: WebParams) -> None:
        self._params = params
        self._socket = _bound(params.listen)
        self.port = int(self._socket.getsockname()[1])
        self._server: _Uvicorn | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self, application: WebApplication) -> None:
        """Begin to serve an application."""
        config = uvicorn.Config(
            application,
            http=_Protocol,
            ws="none",
            lifespan="off",
            # Logs are configured once, before there is a gRPC server.
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=self._params.grace_s,
            # Nothing of one call may be seen by the next one of its connection.
            reset_contextvars=True,
            **_tls(self._params.certificates),
        )
        self._server = _Uvicorn(config)
        self._running = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started:
            if self._running.done():
                await self._running
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Accept nothing more, and wait for running calls as long as they may take."""
        if self._server is None or self._running is None:
            self._socket.close()
            return
        self._server.should_exit = True
        await self._running
        # Those that took too long are cancelled, and have their end yet.
        await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)


def _tls(certificates: WebCertificates | None) -> dict[str, Any]:
    if certificates is None:
        return {}

    def context(*_: object) -> ssl.SSLContext:
        return certificates.context()

    return {"ssl_context_factory": context}


def _bound(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        # One that is taken is refused: nothing shares a port.
        bound = socket.create_server((host.strip("[]"), int(port)), family=family)
    except (OSError, OverflowError) as error:
        raise InvalidValueError(
            "connect_listen", listen, "an address of this machine that is free"
        ) from error
    # Connections inherit it; asyncio sets it only for sockets of its own making.
    # An answer in two parts would wait 40 ms for the client to acknowledge the first.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound
