"""The two doors of one server: the same call with the same credentials at either."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc
import grpc.aio
import trustme
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from nearturn.v1 import match_service_pb2
from server.api.access_rules import method_path
from tests.scenarios.access_folder import AccessFolder
from tests.scenarios.server_process import ServerProcess
from tests.scenarios.web_caller import WebCaller, WebRefusedError

_CALL_S = 20.0

# An empty request is enough to get past a door; one that waits is told not to.
_REQUESTS = {
    "WatchDecisionsRequest": match_service_pb2.WatchDecisionsRequest(stop_at_end=True)
}


@dataclass(frozen=True)
class Refusal:
    """What a call was refused with."""

    code: grpc.StatusCode
    status: status_pb2.Status

    @property
    def info(self) -> ErrorInfo:
        """The one ErrorInfo."""
        found = ErrorInfo()
        (packed,) = [each for each in self.status.details if each.Is(found.DESCRIPTOR)]
        packed.Unpack(found)
        return found


#: Calls a method with an empty request, by its kind.
Call: TypeAlias = Callable[[MethodDescriptor], Awaitable[Refusal | None]]


class Door(Protocol):
    """One way into a server."""

    def calls(
        self, credential: str | None = None, client: trustme.LeafCert | None = None
    ) -> AbstractAsyncContextManager[Call]:
        """Connect as somebody."""


class GrpcDoor:
    """The port of gRPC."""

    def __init__(self, server: ServerProcess, access: AccessFolder) -> None:
        self._server = server
        self._access = access

    @asynccontextmanager
    async def calls(
        self, credential: str | None = None, client: trustme.LeafCert | None = None
    ) -> AsyncIterator[Call]:
        """Connect as somebody."""
        credentials = self._access.credentials(credential, client)
        async with grpc.aio.secure_channel(
            self._server.address, credentials
        ) as channel:

            async def call(method: MethodDescriptor) -> Refusal | None:
                given: Any = _request(method)
                if method.client_streaming:
                    given = _nothing()
                kind = (
                    f"{'stream' if method.client_streaming else 'unary'}_"
                    f"{'stream' if method.server_streaming else 'unary'}"
                )
                made = getattr(channel, kind)(method_path(method))
                begun = made(given, timeout=_CALL_S)
                try:
                    if method.server_streaming:
                        async for _ in begun:
                            pass
                    else:
                        await begun
                except grpc.aio.AioRpcError as error:
                    status = rpc_status.from_call(error)  # type: ignore[arg-type]
                    return Refusal(error.code(), status or status_pb2.Status())
                return None

            yield call


class BrowserDoor:
    """The port for browsers."""

    def __init__(
        self, server: ServerProcess, access: AccessFolder, way: str = "connect"
    ) -> None:
        self._url = f"https://127.0.0.1:{connect_port(server)}"
        self._access = access
        self._way = way

    @asynccontextmanager
    async def calls(
        self, credential: str | None = None, client: trustme.LeafCert | None = None
    ) -> AsyncIterator[Call]:
        """Connect as somebody."""
        said = {} if credential is None else {"authorization": f"Bearer {credential}"}
        options = {"headers": said, "timeout_ms": round(1_000 * _CALL_S)}
        async with WebCaller(
            self._url, self._way, ca=self._access.ca.cert_pem.bytes(), client=client
        ) as caller:

            async def call(method: MethodDescriptor) -> Refusal | None:
                path, request = method_path(method), _request(method)
                try:
                    if method.client_streaming:
                        async for _ in caller.bidi(path, (), **options):
                            pass
                    elif method.server_streaming:
                        async for _ in caller.stream(path, request, **options):
                            pass
                    else:
                        await caller.unary(path, request, **options)
                except WebRefusedError as error:
                    return Refusal(_code(error.status), error.status)
                return None

            yield call


def connect_port(server: ServerProcess) -> int:
    """Return the number of the port for browsers."""
    lines = [
        json.loads(line) for line in server.logged().splitlines() if line[:1] == "{"
    ]
    return int([each["port"] for each in lines if each["event"] == "connect"][-1])


def _request(method: MethodDescriptor) -> bytes:
    request = _REQUESTS.get(method.input_type.name)
    return b"" if request is None else request.SerializeToString()


async def _nothing() -> AsyncIterator[bytes]:
    for each in ():
        yield each


def _code(status: status_pb2.Status) -> grpc.StatusCode:
    return next(code for code in grpc.StatusCode if code.value[0] == status.code)
