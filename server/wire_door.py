"""The door for gRPC, out of the server's settings: in which process it is spoken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from grpc_status import rpc_status

from matcher.domain.errors import InvalidValueError, LimitExceededError
from server.api.errors import to_status
from server.config import Settings
from server.door import Door, is_loopback, tls_files
from server.wire.frames import Open, Refusal, Route, Tls
from server.wire.grpc_servers import Handler
from server.wire.process import WireProcess
from server.wire.within import WireWithin


class Wire(Protocol):
    """Speaks gRPC."""

    async def start(self) -> int:
        """Open the ports, and return the number of the one for calls."""

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait as long for those that run."""


def wire(settings: Settings, door: Door, handlers: Mapping[str, Handler]) -> Wire:
    """
    Return what speaks gRPC for handlers.

    Parameters
    ----------
    settings
        Of the server.
    door
        Who is let in.
    handlers
        By path; they take and give bytes.

    Raises
    ------
    InvalidValueError
        If anybody could ask for health in the clear.
    """
    health = settings.health_listen
    if settings.insecure and health and not is_loopback(health):
        raise InvalidValueError(
            "health_listen",
            health,
            "with insecure, a loopback address: 127.0.0.1, [::1] or localhost",
        )
    how = _how(settings, handlers)
    if settings.wire_process:
        return WireProcess(handlers, door.admission, how)
    return WireWithin(handlers, door.admission, how, door.certificates)


def _how(settings: Settings, handlers: Mapping[str, Handler]) -> Open:
    return Open(
        listen=settings.listen,
        health_listen=settings.health_listen,
        tls=None if settings.insecure else _tls(settings),
        routes=tuple(
            Route(path, handler.request_streaming, handler.response_streaming)
            for path, handler in handlers.items()
        ),
        message_bytes_max=settings.message_bytes_max,
        pending_calls_max=settings.pending_calls_max,
        waiting_max=settings.pending_calls_max,
        too_many=_too_many(settings.pending_calls_max),
    )


def _tls(settings: Settings) -> Tls:
    files = tls_files(settings)
    return Tls(str(files.certificate), str(files.key), str(files.client_ca or ""))


def _too_many(maximum: int) -> Refusal:
    error = LimitExceededError(
        "calls that have not begun", maximum, maximum, retry_after_s=1
    )
    rich = rpc_status.to_status(to_status(error))
    return Refusal(rich.code.value[0], rich.details, tuple(rich.trailing_metadata))
