"""The API of a server through the browser's door, over a real socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from server.api.admission import Admission
from server.api.call_watch import CallWatch
from server.api.registration import Registration
from server.api.web.application import WebApplication
from server.api.web.endpoints import endpoints
from server.api.web.gate import Gate
from server.runtime.runtime import Runtime
from server.web_server import WebParams, WebServer
from tests.contract.api_target import TENANT, ApiError, open_admission
from tests.scenarios.web_caller import WebCaller, WebRefusedError

T = TypeVar("T")

ORIGIN = "https://console.example.com"


class Noted:
    """A watch that keeps how each call ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self.metadata: list[dict[str, str | bytes]] = []

    def began(
        self, method: str, metadata: Iterable[tuple[str, str | bytes]]
    ) -> NotedCall:
        """Note a call."""
        self.metadata.append(dict(metadata))
        return NotedCall(method.rpartition(".")[2], self)


class NotedCall:
    """One of its calls."""

    def __init__(self, name: str, noted: Noted) -> None:
        self._name = name
        self._noted = noted

    def ended(self, code: str) -> None:
        """Note its end."""
        self._noted.ended.append((self._name, code))


class WebDoorServer:
    """The door of a server that asks nobody who calls, on a port of its own."""

    def __init__(
        self,
        runtime: Runtime,
        watch: CallWatch | None = None,
        *,
        message_bytes_max: int = 16 * 1024 * 1024,
        grace_s: int = 0,
        admission: Admission | None = None,
    ) -> None:
        self.registration = Registration(runtime, watch)
        self._message_bytes_max = message_bytes_max
        self._server = WebServer(WebParams("127.0.0.1:0", None, grace_s))
        self._admission = admission or open_admission([TENANT], watch)
        self.url = f"http://127.0.0.1:{self._server.port}"

    @property
    def port(self) -> int:
        """Number of the port."""
        return self._server.port

    async def __aenter__(self) -> Self:
        application = WebApplication(
            endpoints(self.registration.handlers()),
            Gate(self._admission),
            origins=[ORIGIN],
            message_bytes_max=self._message_bytes_max,
        )
        await self._server.start(application)
        await self.registration.serving()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def slow_connection(self) -> socket.socket:
        """Return a socket whose connection holds little, on either side of it."""
        self._server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow.setblocking(False)
        return slow

    async def stop(self) -> None:
        """Stop as the server does at its end."""
        await self._server.stop()


class WebTransport:
    """Calls a server through the door; every refusal is an `ApiError`."""

    def __init__(self, caller: WebCaller) -> None:
        self._caller = caller

    async def unary(self, path: str, request: bytes) -> bytes:
        """Call a method with one answer."""
        return await _refused(self._caller.unary(path, request))

    async def stream(self, path: str, request: bytes) -> AsyncIterator[bytes]:
        """Call a method with many answers."""
        try:
            async for answer in self._caller.stream(path, request):
                yield answer
        except WebRefusedError as error:
            raise ApiError(error.status) from error

    async def bidi(self, path: str, requests: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Call a method with many requests and answers."""
        try:
            async for answer in self._caller.bidi(path, requests):
                yield answer
        except WebRefusedError as error:
            raise ApiError(error.status) from error


async def _refused(call: Awaitable[T]) -> T:
    try:
        return await call
    except WebRefusedError as error:
        raise ApiError(error.status) from error
