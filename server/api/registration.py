"""All services on one gRPC server, with health and reflection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from matcher.domain.errors import InvalidValueError
from nearturn.v1 import (
    access_service_pb2,
    demand_service_pb2,
    explain_service_pb2,
    match_service_pb2,
    network_service_pb2,
    policy_service_pb2,
    privacy_service_pb2,
    report_service_pb2,
    return_service_pb2,
)
from server.api.access_servicer import AccessServicer
from server.api.call_context import CallContext
from server.api.call_watch import CallWatch, UnwatchedCalls
from server.api.context import ApiContext
from server.api.demand_servicer import DemandServicer
from server.api.explain_servicer import ExplainServicer
from server.api.handler import abort_with, method_handler, parsed
from server.api.match_servicer import MatchServicer
from server.api.network_servicer import NetworkServicer
from server.api.policy_servicer import PolicyServicer
from server.api.privacy_servicer import PrivacyServicer
from server.api.report_servicer import ReportServicer
from server.api.return_servicer import ReturnServicer
from server.runtime.runtime import Runtime

Handlers: TypeAlias = "grpc.GenericRpcHandler[bytes, bytes]"
MethodHandler: TypeAlias = (
    "tuple[MethodDescriptor, grpc.RpcMethodHandler[bytes, bytes]]"
)

_SERVICES = {
    access_service_pb2.DESCRIPTOR.services_by_name["AccessService"]: AccessServicer,
    demand_service_pb2.DESCRIPTOR.services_by_name["DemandService"]: DemandServicer,
    return_service_pb2.DESCRIPTOR.services_by_name["ReturnService"]: ReturnServicer,
    match_service_pb2.DESCRIPTOR.services_by_name["MatchService"]: MatchServicer,
    policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"]: PolicyServicer,
    explain_service_pb2.DESCRIPTOR.services_by_name["ExplainService"]: ExplainServicer,
    network_service_pb2.DESCRIPTOR.services_by_name["NetworkService"]: NetworkServicer,
    privacy_service_pb2.DESCRIPTOR.services_by_name["PrivacyService"]: PrivacyServicer,
    report_service_pb2.DESCRIPTOR.services_by_name["ReportService"]: ReportServicer,
}


def services() -> list[ServiceDescriptor]:
    """Return the services of the contract that the server implements."""
    return list(_SERVICES)


def method_handlers(context: ApiContext) -> list[MethodHandler]:
    """Return the handler of every method of the contract."""
    found: list[MethodHandler] = []
    for service, servicer in _SERVICES.items():
        implementation = servicer(context)
        for method in service.methods:
            behavior = getattr(implementation, method.name)
            handler = method_handler(method, behavior, context.watch)
            found.append((method, handler))
    return found


def service_handlers(handlers: Iterable[MethodHandler]) -> tuple[Handlers, ...]:
    """Return handlers by their services, as a gRPC server takes them."""
    by_service: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = {}
    for method, handler in handlers:
        name = method.containing_service.full_name
        by_service.setdefault(name, {})[method.name] = handler
    return tuple(
        grpc.method_handlers_generic_handler(name, found)
        for name, found in by_service.items()
    )


class Registration:
    """
    The server's services, and what its health says about them.

    Parameters
    ----------
    server
        A gRPC server that has not started.
    runtime
        What the services work with.
    watch
        Is told of calls.
    """

    def __init__(
        self,
        server: grpc.aio.Server,
        runtime: Runtime,
        watch: CallWatch | None = None,
    ) -> None:
        context = ApiContext(runtime, watch or UnwatchedCalls())
        self._handlers = method_handlers(context)
        server.add_generic_rpc_handlers(service_handlers(self._handlers))
        self._names = [service.full_name for service in _SERVICES]
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(
            [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], server
        )

    def handlers(self) -> list[MethodHandler]:
        """Return all that other doors serve: the contract, and what probes ask."""
        service = health_pb2.DESCRIPTOR.services_by_name["Health"]
        check = grpc.unary_unary_rpc_method_handler(self._check)
        return [*self._handlers, (service.methods_by_name["Check"], check)]

    async def _check(self, raw: bytes, context: CallContext) -> bytes:
        try:
            request = parsed(health_pb2.HealthCheckRequest, raw)
        except InvalidValueError as error:
            await abort_with(error, context)
        answer = await self._health.Check(request, context)
        encoded: bytes = answer.SerializeToString()
        return encoded

    async def loading(self) -> None:
        """Say NOT_SERVING: the kernels or the shards are not ready."""
        await self._say(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def serving(self) -> None:
        """Say SERVING."""
        await self._say(health_pb2.HealthCheckResponse.SERVING)

    async def stopping(self) -> None:
        """Say NOT_SERVING for good, so that callers look elsewhere."""
        await self._health.enter_graceful_shutdown()

    async def _say(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in ("", *self._names):
            await self._health.set(name, status)
