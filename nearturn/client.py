"""A thin client: one channel, one typed stub per service, and the errors' details."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from nearturn import row_import
from nearturn.columnar_plan import (
    ColumnarPlan,
    PlanTerms,
    Progress,
    collected,
    plan_requests,
)
from nearturn.retry import RetryRules
from nearturn.retry_interceptor import interceptors
from nearturn.row_import import ImportResult
from nearturn.tenant_interceptor import check_tenant, tenant_interceptors
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

#: Size of a request; the server's default is the same.
MESSAGE_BYTES_MAX = 16 * 1024 * 1024

#: Size of a response. Ten thousand decisions, each with all its checks, are about
#: 12 MiB, and more where ids are long.
RESPONSE_BYTES_MAX = 128 * 1024 * 1024

_DETAILS = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.ResourceInfo,
    error_details_pb2.PreconditionFailure,
    error_details_pb2.QuotaFailure,
    error_details_pb2.RetryInfo,
)

# UNAVAILABLE alone: most often the call was never carried out. Where only its answer
# was lost, ids and request ids make the repetition known. RESOURCE_EXHAUSTED says
# itself whether and when to come back, which no policy here can express.
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


class Client:
    """
    A connection to a nearturn server.

    Parameters
    ----------
    target
        Host and port, such as ``127.0.0.1:50551``.
    credentials
        As :func:`nearturn.secure` gives them; ``None`` connects in the clear, which
        servers take on their own machine only.
    retry
        How to wait for a server that is full; ``None`` for five tries, of up to half
        a minute each.
    tenant
        Whose data every call is about, on a server without credentials that keeps the
        data of several; ``None`` says nothing.

    Raises
    ------
    ValueError
        If a tenant is given beside credentials, which say it themselves, or is not
        printable ASCII.

    Attributes
    ----------
    demands, returns, matches, policies, explain, network, reports, privacy, access
        Stubs of the services. Their calls take and give the messages of
        ``nearturn.v1`` and raise ``grpc.RpcError``.

    Notes
    -----
    Calls that end with UNAVAILABLE are tried up to five times; writes should carry
    a :func:`request_id`, so that a repetition is known as one. RESOURCE_EXHAUSTED with
    ``RetryInfo`` is waited for as long as that says, within the call's timeout, if the
    call reads or has a request id; not where the call is a stream or made as a future.
    So are calls that a server refused unread, CANCELLED, for about a second.
    Safe to share between threads. :class:`nearturn.async_client.AsyncClient` is the
    same for asyncio.
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
        channel = (
            grpc.insecure_channel(target, options)
            if credentials is None
            else grpc.secure_channel(target, credentials, options)
        )
        self.channel = grpc.intercept_channel(
            channel, *tenant_interceptors(tenant), *interceptors(self._retry)
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

    def plan_columnar(
        self,
        terms: PlanTerms,
        return_items: Any,
        demands: Any,
        *,
        timeout_s: float | None = None,
        progress: Progress | None = None,
    ) -> ColumnarPlan:
        """
        Plan once over two tables, each of up to millions of rows.

        Parameters
        ----------
        terms
            What the plan is made under.
        return_items, demands
            pyarrow tables, or data frames; a column is a field of the message by its
            path, such as ``location.latitude``.
        timeout_s
            How long it may take; ``None`` waits.
        progress
            Is told how many rows have been sent.

        Raises
        ------
        grpc.RpcError
            If the server refuses a row, or cannot be reached.
        """
        requests = plan_requests(terms, return_items, demands, progress)
        return collected(self.matches.PlanColumnar(requests, timeout=timeout_s))

    def import_demands(
        self,
        data: Any,
        *,
        import_id: str = "",
        timeout_s: float | None = None,
        progress: row_import.Progress | None = None,
    ) -> ImportResult:
        """
        Store the demands of a table, of any length.

        Parameters
        ----------
        data
            A pyarrow table or reader, or a data frame; a column is a field of
            ``Demand`` by its path, such as ``location.latitude``.
        import_id
            A UUID of an import that broke off: the same table goes on where it was.
            Empty begins a new one.
        timeout_s
            How long each stream may take; ``None`` waits.
        progress
            Is told after each chunk.

        Raises
        ------
        grpc.RpcError
            If the server refuses a chunk as a whole, or stays unreachable; what was
            answered before is stored. Faulty rows are in the result.
        """
        last = 0
        if import_id:
            asked = demand_service_pb2.GetDemandImportRequest(import_id=import_id)
            last = self.demands.GetDemandImport(asked).last_chunk_number
        course = row_import.ImportCourse(
            row_import.DEMANDS, data, import_id or request_id(), last, progress
        )
        return self._imported(course, self.demands.ImportDemands, timeout_s)

    def import_returns(
        self,
        data: Any,
        *,
        import_id: str = "",
        timeout_s: float | None = None,
        progress: row_import.Progress | None = None,
    ) -> ImportResult:
        """Submit the return items of a table, as :meth:`import_demands` stores."""
        last = 0
        if import_id:
            asked = return_service_pb2.GetReturnImportRequest(import_id=import_id)
            last = self.returns.GetReturnImport(asked).last_chunk_number
        course = row_import.ImportCourse(
            row_import.RETURNS, data, import_id or request_id(), last, progress
        )
        return self._imported(course, self.returns.ImportReturns, timeout_s)

    def _imported(
        self,
        course: row_import.ImportCourse[Any],
        call: Callable[..., Any],
        timeout_s: float | None,
    ) -> ImportResult:
        # A chunk that comes again is known by its number, so that it may.
        attempt = 0
        while True:
            try:
                for response in call(course.requests(), timeout=timeout_s):
                    course.answered(response)
                    attempt = 0
            except grpc.RpcError as error:
                attempt += 1
                pause_s = row_import.pause_s(error, attempt, self._retry)
                if pause_s is None:
                    raise
                time.sleep(pause_s)
            else:
                return course.result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the channel; calls that run are cancelled."""
        self.channel.close()


def channel_options() -> list[tuple[str, int | str]]:
    """Return the channel options that fit the server, for callers with own channels."""
    return [
        ("grpc.max_receive_message_length", RESPONSE_BYTES_MAX),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        ("grpc.keepalive_time_ms", 120_000),
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ]


def request_id() -> str:
    """Return a fresh request id, a random UUID."""
    return str(uuid.uuid4())


def error_details(error: grpc.RpcError) -> Sequence[Message]:
    """
    Return the details that came with an error.

    Parameters
    ----------
    error
        What a call of either client raised.

    Returns
    -------
    sequence of Message
        ErrorInfo first, then BadRequest and the like; empty if the error did not
        come from the server.
    """
    try:
        # What a stub raises is the call itself, or can be asked like one.
        status = rpc_status.from_call(cast(grpc.Call, error))
    except ValueError:
        # Something between here and the server put another code in its place.
        return []
    found: list[Message] = []
    for packed in status.details if status is not None else ():
        for kind in _DETAILS:
            if packed.Is(kind.DESCRIPTOR):
                detail = kind()
                packed.Unpack(detail)
                found.append(detail)
    return found
