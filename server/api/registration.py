"""All services on one gRPC server, with health and reflection."""

from __future__ import annotations

from typing import TypeAlias

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

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
from server.api.call_watch import CallWatch, UnwatchedCalls
from server.api.context import ApiContext
from server.api.demand_servicer import DemandServicer
from server.api.explain_servicer import ExplainServicer
from server.api.handler import method_handler
from server.api.match_servicer import MatchServicer
from server.api.network_servicer import NetworkServicer
from server.api.policy_servicer import PolicyServicer
from server.api.privacy_servicer import PrivacyServicer
from server.api.report_servicer import ReportServicer
from server.api.return_servicer import ReturnServicer
from server.runtime.runtime import Runtime

Handlers: TypeAlias = "grpc.GenericRpcHandler[bytes, bytes]"

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


def service_handlers(context: ApiContext) -> tuple[Handlers, ...]:
    """Return the handlers of all services, every method of the contract among them."""
    found = []
    for service, servicer in _SERVICES.items():
        implementation = servicer(context)
        handlers = {
            method.name: method_handler(
                method,
                getattr(implementation, method.name),
                context.watch,
            )
            for method in service.methods
        }
        found.append(grpc.method_handlers_generic_handler(service.full_name, handlers))
    return tuple(found)


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
        server.add_generic_rpc_handlers(service_handlers(context))
        self._names = [service.full_name for service in _SERVICES]
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(
            [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], server
        )

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
