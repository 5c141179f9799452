"""One way to call the API, in this process or over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import grpc
import grpc.aio
import msgspec
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from matcher.domain.ids import TenantId
from nearturn.client import channel_options
from server.access.authenticator import Authenticator
from server.access.call_limiter import CallLimiter, CallLimits
from server.access.caller import enter_call
from server.access.local_callers import TENANT_KEY, LocalCallers
from server.api.access_interceptor import AccessInterceptor
from server.api.access_rules import AccessRules
from server.api.admission import Admission
from server.api.call_watch import CallWatch
from server.api.context import ApiContext
from server.api.registration import (
    Registration,
    method_handlers,
    services,
)
from server.runtime.runtime import Runtime
from server.wire.frames import Open, Refusal, Route
from server.wire.grpc_servers import ByPath
from server.wire.process import WireProcess
from tests.scenarios import NOW_US

TENANT = TenantId("default")


class HandClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_us = NOW_US

    def __call__(self) -> int:
        """Return where it stands."""
        return self.now_us


class ApiError(Exception):
    """What a call was refused with."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status
        self.code = next(c for c in grpc.StatusCode if c.value[0] == status.code)

    @property
    def info(self) -> Any:
        """The one ErrorInfo."""
        (info,) = self.details(error_details_pb2.ErrorInfo)
        return info

    @property
    def violations(self) -> dict[str, str]:
        """The description of each faulty field, by its path."""
        (request,) = self.details(error_details_pb2.BadRequest)
        return {each.field: each.description for each in request.field_violations}

    def details(self, kind: type[Any]) -> list[Any]:
        """Return the details of a kind."""
        found = []
        for packed in self.status.details:
            if packed.Is(kind.DESCRIPTOR):
                detail = kind()
                packed.Unpack(detail)
                found.append(detail)
        return found


class Transport(Protocol):
    """Carries bytes to a method and back; every refusal is an `ApiError`."""

    async def unary(self, path: str, request: bytes) -> bytes:
        """Call a method with one answer."""

    def stream(self, path: str, request: bytes) -> AsyncIterator[bytes]:
        """Call a method with many answers."""

    def bidi(self, path: str, requests: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Call a method with many requests and answers."""


@dataclass(frozen=True)
class Api:
    """Calls methods by their requests: each has a type of its own."""

    transport: Transport
    runtime: Runtime

    async def __call__(self, request: Message) -> Any:
        """Call the method that takes this request."""
        return await self.raw(type(request), request.SerializeToString())

    async def raw(self, kind: type[Message], request: bytes) -> Any:
        """Call the method that takes this kind of request with any bytes."""
        method = _method(kind)
        answer = await self.transport.unary(_path(method), request)
        return GetMessageClass(method.output_type).FromString(answer)

    async def stream(self, request: Message) -> AsyncIterator[Any]:
        """Iterate over the answers of the method that takes this request."""
        method = _method(type(request))
        answer_kind = GetMessageClass(method.output_type)
        raw = request.SerializeToString()
        async for answer in self.transport.stream(_path(method), raw):
            yield answer_kind.FromString(answer)

    async def bidi(
        self, kind: type[Message], requests: Sequence[Message | bytes]
    ) -> list[Any]:
        """Send all requests of a stream and return all its answers."""
        method = _method(kind)
        answer_kind = GetMessageClass(method.output_type)
        raw = [
            each if isinstance(each, bytes) else each.SerializeToString()
            for each in requests
        ]
        answers = self.transport.bidi(_path(method), raw)
        return [answer_kind.FromString(answer) async for answer in answers]

    async def stored_counts(self) -> dict[str, int]:
        """Count every kind of row that a caller can make."""
        return await self.runtime.read(
            lambda store: {
                "demands": len(
                    store.list_demands(TENANT, state=None, after_id="", limit=10)
                ),
                "returns": len(
                    store.list_returns(TENANT, state=None, after_id="", limit=10)
                ),
                "decisions": len(store.decisions_after(TENANT, 0, 10)),
                "policies": len(store.list_policies(TENANT, after_version=0, limit=10)),
                "warehouses": len(store.list_warehouses(TENANT, after_id="", limit=10)),
                "service areas": len(
                    store.list_service_areas(TENANT, after_id="", limit=10)
                ),
            }
        )


class LocalTransport:
    """Calls the handlers of the services with no network between."""

    def __init__(self, runtime: Runtime, tenant: TenantId = TENANT) -> None:
        self._handlers = {
            _path(method): handler
            for method, handler in method_handlers(ApiContext(runtime))
        }
        self._caller = LocalCallers([tenant]).caller(())

    async def unary(self, path: str, request: bytes) -> bytes:
        """Call a method with one answer."""
        enter_call(self._caller)
        answer: bytes = await self._found(path).unary_unary(request, LocalContext())
        return answer

    def stream(self, path: str, request: bytes) -> AsyncIterator[bytes]:
        """Call a method with many answers."""
        enter_call(self._caller)
        answers: AsyncIterator[bytes]
        answers = self._found(path).unary_stream(request, LocalContext())
        return answers

    def bidi(self, path: str, requests: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Call a method with many requests and answers."""
        enter_call(self._caller)
        answers: AsyncIterator[bytes]
        handler = self._found(path).stream_stream
        answers = handler(_each(requests), LocalContext())
        return answers

    def _found(self, path: str) -> Any:
        return self._handlers[path]


class LocalContext:
    """The part of a gRPC context that handlers use."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what came beside the request: nothing."""
        return ()

    def time_remaining(self) -> float | None:
        """Return for how long the caller waits: always."""
        return None

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Sequence[tuple[str, bytes]] = (),
    ) -> NoReturn:
        """End the call as the server would."""
        ((_, packed),) = trailing_metadata
        status = status_pb2.Status.FromString(packed)
        assert (status.code, status.message) == (code.value[0], details)
        raise ApiError(status)


class SocketTransport:
    """Calls a gRPC server over a channel, with nothing decoded on the way."""

    def __init__(self, channel: grpc.aio.Channel, tenant: TenantId = TENANT) -> None:
        self._channel = channel
        self._metadata = ((TENANT_KEY, tenant),)

    async def unary(self, path: str, request: bytes) -> bytes:
        """Call a method with one answer."""
        call = self._channel.unary_unary(path)
        try:
            answer: bytes = await call(request, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        return answer

    async def stream(self, path: str, request: bytes) -> AsyncIterator[bytes]:
        """Call a method with many answers."""
        call = self._channel.unary_stream(path)
        try:
            async for answer in call(request, metadata=self._metadata):
                yield answer
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error

    async def bidi(self, path: str, requests: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Call a method with many requests and answers."""
        call = self._channel.stream_stream(path)
        try:
            async for answer in call(_each(requests), metadata=self._metadata):
                yield answer
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error


class SocketServer:
    """A gRPC server with every service, on a port of its own."""

    def __init__(
        self,
        runtime: Runtime,
        watch: CallWatch | None = None,
        tenants: Sequence[TenantId] = (TENANT,),
    ) -> None:
        self._server = grpc.aio.server(
            interceptors=(AccessInterceptor(open_admission(tenants, watch)),),
            # The requests are bounded as in production; the answers are not.
            options=(
                ("grpc.max_receive_message_length", 16 * 1024 * 1024),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ),
        )
        self.registration = Registration(runtime, watch)
        handlers = self.registration.by_path()
        self._server.add_generic_rpc_handlers((ByPath(handlers),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"

    async def __aenter__(self) -> SocketServer:
        await self._server.start()
        await self.registration.serving()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(None)

    def channel(self) -> grpc.aio.Channel:
        """Open a channel with the options of the client."""
        return grpc.aio.insecure_channel(self.address, channel_options())


class WireServer:
    """The same behind a process that speaks gRPC for it."""

    def __init__(
        self,
        runtime: Runtime,
        watch: CallWatch | None = None,
        tenants: Sequence[TenantId] = (TENANT,),
    ) -> None:
        self.registration = Registration(runtime, watch)
        handlers = self.registration.by_path()
        self.wire = WireProcess(
            handlers, open_admission(tenants, watch), open_on_loopback(handlers)
        )
        self.address = ""

    async def __aenter__(self) -> WireServer:
        self.address = f"127.0.0.1:{await self.wire.start()}"
        await self.registration.serving()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.wire.stop(0)

    def channel(self) -> grpc.aio.Channel:
        """Open a channel with the options of the client."""
        return grpc.aio.insecure_channel(self.address, channel_options())


def open_on_loopback(handlers: Mapping[str, Any], **changes: Any) -> Open:
    """Say how a port for tests is opened, without certificates."""
    routes = tuple(
        Route(path, each.request_streaming, each.response_streaming)
        for path, each in handlers.items()
    )
    how = Open(
        listen="127.0.0.1:0",
        health_listen="",
        tls=None,
        routes=routes,
        message_bytes_max=16 * 1024 * 1024,
        pending_calls_max=512,
        waiting_max=512,
        too_many=Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], "busy", ()),
    )
    return msgspec.structs.replace(how, **changes)


def open_admission(
    tenants: Sequence[TenantId], watch: CallWatch | None = None
) -> Admission:
    """Let everybody in, as a server does that asks for no credentials."""
    no_limits = CallLimiter(lambda _: CallLimits("any", 0, 1, 0))
    return Admission(
        AccessRules(services()),
        Authenticator(local=LocalCallers(tenants)),
        tenants,
        callers=no_limits,
        tenants=no_limits,
        watch=watch,
    )


def all_methods() -> list[MethodDescriptor]:
    """Return every method of the contract."""
    return [method for service in services() for method in service.methods]


def _method(kind: type[Message]) -> MethodDescriptor:
    (found,) = [m for m in all_methods() if m.input_type == kind.DESCRIPTOR]
    return found


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _refusal(error: grpc.aio.AioRpcError) -> Exception:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    return error if status is None else ApiError(status)


async def _each(requests: Iterable[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request
