"""All services on one gRPC server, with health and reflection."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

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
from server.api.access_rules import method_path
from server.api.access_servicer import AccessServicer
from server.api.call_watch import CallWatch, UnwatchedCalls
from server.api.context import ApiContext
from server.api.demand_servicer import DemandServicer
from server.api.explain_servicer import ExplainServicer
from server.api.foreign import Handler, HandlerBook
from server.api.handler import method_handler
from server.api.match_servicer import MatchServicer
from server.api.network_servicer import NetworkServicer
from server.api.policy_servicer import PolicyServicer
from server.api.privacy_servicer import PrivacyServicer
from server.api.report_servicer import ReportServicer
from server.api.return_servicer import ReturnServicer
from server.runtime.runtime import Runtime

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


class Registration:
    """
    The server's services, and what its health says about them.

    Parameters
    ----------
    runtime
        What the services work with.
    watch
        Is told of calls.
    """

    def __init__(self, runtime: Runtime, watch: CallWatch | None = None) -> None:
        context = ApiContext(runtime, watch or UnwatchedCalls())
        self._handlers = method_handlers(context)
        self._names = [service.full_name for service in _SERVICES]
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        book: Any = HandlerBook()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, book)
        names = [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(names),  # type: ignore[attr-defined]
            book,
        )
        self._foreign = book.handlers

    def by_path(self) -> dict[str, Handler]:
        """Return all that is spoken by gRPC, with health and reflection."""
        own = {method_path(method): handler for method, handler in self._handlers}
        return {**own, **self._foreign}

    def handlers(self) -> list[MethodHandler]:
        """Return all that the browser's door serves, with what probes ask."""
        service = health_pb2.DESCRIPTOR.services_by_name["Health"]
        check = service.methods_by_name["Check"]
        return [*self._handlers, (check, self._foreign[method_path(check)])]

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
