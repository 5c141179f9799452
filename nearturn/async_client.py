"""The thin client for asyncio: the same stubs on an asynchronous channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from nearturn import row_import
from nearturn.client import channel_options, request_id
from nearturn.columnar_plan import (
    ColumnarPlan,
    PlanParts,
    PlanTerms,
    Progress,
    plan_requests,
)
from nearturn.retry import RetryRules
from nearturn.retry_interceptor import async_interceptors
from nearturn.row_import import ImportResult
from nearturn.tenant_interceptor import async_tenant_interceptors, check_tenant
from nearturn.v1 import (
    access_service_pb2_grpc,
    demand_service_pb2,
    demand_service_pb2_grpc,
    explain_service_pb2_grpc,
    match_service_pb2_grpc,
    network_service_pb2_grpc,
    policy_service_pb2_grpc,
    privacy_service_pb2_grpc,
    report_service_pb2_grpc,
    return_service_pb2,
    return_service_pb2_grpc,
)


class AsyncClient:
    """
    A connection to a nearturn server, for use in one event loop.

    Parameters
    ----------
    target
        Host and port, such as ``127.0.0.1:50551``.
    credentials
        As :func:`nearturn.secure` gives them; ``None`` connects in the clear, which
        servers take on their own machine only.
    retry
        How to wait for a server that is full, as with :class:`nearturn.Client`.
    tenant
        Whose data every call is about, as with :class:`nearturn.Client`.

    Raises
    ------
    ValueError
        As :class:`nearturn.Client` does.

    Attributes
    ----------
    demands, returns, matches, policies, explain, network, reports, privacy, access
        Stubs of the services. Their calls take and give the messages of
        ``nearturn.v1``, are awaited or iterated over, and raise ``grpc.RpcError``.

    Notes
    -----
    Calls that end with UNAVAILABLE are tried up to five times, and a server that is
    full is waited for, as with :class:`nearturn.Client`. Make it inside the event loop
    that uses it.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        retry: RetryRules | None = None,
        tenant: str | None = None,
    ) -> None:
        check_tenant(tenant, credentials)
        options = channel_options()
        self._retry = RetryRules() if retry is None else retry
        between = [*async_tenant_interceptors(tenant), *async_interceptors(self._retry)]
        self.channel = (
            grpc.aio.insecure_channel(target, options, interceptors=between)
            if credentials is None
            else grpc.aio.secure_channel(
                target, credentials, options, interceptors=between
            )
        )
        self.demands = demand_service_pb2_grpc.DemandServiceStub(self.channel)
        self.returns = return_service_pb2_grpc.ReturnServiceStub(self.channel)
        self.matches = match_service_pb2_grpc.MatchServiceStub(self.channel)
        self.policies = policy_service_pb2_grpc.PolicyServiceStub(self.channel)
        self.explain = explain_service_pb2_grpc.ExplainServiceStub(self.channel)
        self.network = network_service_pb2_grpc.NetworkServiceStub(self.channel)
        self.reports = report_service_pb2_grpc.ReportServiceStub(self.channel)
        self.privacy = privacy_service_pb2_grpc.PrivacyServiceStub(self.channel)
        self.access = access_service_pb2_grpc.AccessServiceStub(self.channel)

    async def plan_columnar(
        self,
        terms: PlanTerms,
        return_items: Any,
        demands: Any,
        *,
        timeout_s: float | None = None,
        progress: Progress | None = None,
    ) -> ColumnarPlan:
        """Plan once over two tables, as :meth:`nearturn.Client.plan_columnar` does."""
        requests = plan_requests(terms, return_items, demands, progress)
        parts = PlanParts()
        async for part in self.matches.PlanColumnar(requests, timeout=timeout_s):
            parts.add(part)
        return parts.plan()

    async def import_demands(
        self,
        data: Any,
        *,
        import_id: str = "",
        timeout_s: float | None = None,
        progress: row_import.Progress | None = None,
    ) -> ImportResult:
        """Store the demands of a table: :meth:`nearturn.Client.import_demands`."""
        last = 0
        if import_id:
            asked = demand_service_pb2.GetDemandImportRequest(import_id=import_id)
            last = (await self.demands.GetDemandImport(asked)).last_chunk_number
        course = row_import.ImportCourse(
            row_import.DEMANDS, data, import_id or request_id(), last, progress
        )
        call = self.demands.ImportDemands
        return await _imported(course, call, timeout_s, self._retry)

    async def import_returns(
        self,
        data: Any,
        *,
        import_id: str = "",
        timeout_s: float | None = None,
        progress: row_import.Progress | None = None,
    ) -> ImportResult:
        """Submit return items of a table: :meth:`nearturn.Client.import_returns`."""
        last = 0
        if import_id:
            asked = return_service_pb2.GetReturnImportRequest(import_id=import_id)
            last = (await self.returns.GetReturnImport(asked)).last_chunk_number
        course = row_import.ImportCourse(
            row_import.RETURNS, data, import_id or request_id(), last, progress
        )
        call = self.returns.ImportReturns
        return await _imported(course, call, timeout_s, self._retry)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel; calls that run are cancelled."""
        await self.channel.close(None)


async def _imported(
    course: row_import.ImportCourse[Any],
    call: Callable[..., Any],
    timeout_s: float | None,
    retry: RetryRules,
) -> ImportResult:
    # A chunk that comes again is known by its number, so that it may.
    attempt = 0
    while True:
        try:
            async for response in call(course.requests(), timeout=timeout_s):
                course.answered(response)
                attempt = 0
        except grpc.aio.AioRpcError as error:
            attempt += 1
            pause_s = row_import.pause_s(error, attempt, retry)
            if pause_s is None:
                raise
            await asyncio.sleep(pause_s)
        else:
            return course.result
