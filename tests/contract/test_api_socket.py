"""What only a real connection shows: health, reflection, limits, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from matcher.domain.ids import TenantId
from nearturn.async_client import AsyncClient
from nearturn.client import Client, error_details, request_id
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import return_service_pb2 as returns
from server.api.registration import services
from server.api.return_servicer import IN_FLIGHT_MAX
from server.runtime.runtime import Runtime
from server.storage.store import LoggedDecision
from tests.contract.api_target import SocketServer
from tests.contract.messages import demand, return_item


async def test_health_tells_of_every_service(socket_server: SocketServer):
    """SERVING for the server and each service by name, NOT_SERVING while it stops."""
    names = ["", *(service.full_name for service in services())]
    async with socket_server.channel() as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def statuses() -> set[int]:
            answers = [
                await stub.Check(health_pb2.HealthCheckRequest(service=name))
                for name in names
            ]
            return {answer.status for answer in answers}

        assert await statuses() == {health_pb2.HealthCheckResponse.SERVING}
        await socket_server.registration.stopping()
        assert await statuses() == {health_pb2.HealthCheckResponse.NOT_SERVING}


async def test_reflection_lists_what_is_served(socket_server: SocketServer):
    """Every service of the contract, health and reflection, and nothing besides."""
    async with socket_server.channel() as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        async for answer in stub.ServerReflectionInfo(iter([request])):
            found = {each.name for each in answer.list_services_response.service}
    assert found == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        *(service.full_name for service in services()),
    }


async def test_an_unknown_method_is_unimplemented(socket_server: SocketServer):
    """A method that the contract does not have is no error of ours."""
    async with socket_server.channel() as channel:
        call = channel.unary_unary("/nearturn.v1.DemandService/Forget")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_client_with_default_limits_gets_every_violation_list(
    socket_server: SocketServer,
):
    """A hundred faults, worst-case texts: a plain channel still sees its details."""
    wrong = [
        demand("\U0001f600" * 129, sku="\x00" * 500, quantity=-1, min_condition=99)
        for _ in range(100)
    ]
    request = demands.BatchUpsertDemandsRequest(demands=wrong).SerializeToString()
    async with grpc.aio.insecure_channel(socket_server.address) as channel:
        call = channel.unary_unary("/nearturn.v1.DemandService/BatchUpsertDemands")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    kinds = [type(each) for each in error_details(refused.value)]
    assert kinds == [error_details_pb2.ErrorInfo, error_details_pb2.BadRequest]


async def test_an_oversized_message_is_refused(socket_server: SocketServer):
    """One byte over 16 MiB is RESOURCE_EXHAUSTED before anything is decoded."""
    async with socket_server.channel() as channel:
        call = channel.unary_unary("/nearturn.v1.DemandService/UpsertDemand")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"\0" * (16 * 1024 * 1024 + 1))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_cancelled_stream_leaves_no_task(socket_server: SocketServer):
    """A client that leaves in the middle of its stream leaves nothing running."""
    async with socket_server.channel() as channel:
        before = len(asyncio.all_tasks())

        async def sent() -> AsyncIterator[bytes]:
            for number in range(4 * IN_FLIGHT_MAX):
                item = return_item(f"r{number}")
                yield returns.StreamReturnsRequest(return_item=item).SerializeToString()
            await asyncio.Event().wait()

        call = channel.stream_stream("/nearturn.v1.ReturnService/StreamReturns")(sent())
        await call.read()
        call.cancel()
        for _ in range(500):
            if len(asyncio.all_tasks()) <= before:
                break
            await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) <= before


async def test_a_watcher_is_told_when_the_server_stops(
    socket_server: SocketServer, runtime: Runtime
):
    """A live stream ends with UNAVAILABLE and when to come back, not in silence."""
    async with socket_server.channel() as channel:
        call = channel.unary_stream("/nearturn.v1.MatchService/WatchDecisions")
        stream = call(matches.WatchDecisionsRequest().SerializeToString())
        waiting = asyncio.ensure_future(stream.read())
        runtime.refuse_streams()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await asyncio.wait_for(waiting, timeout=10)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    kinds = [type(each) for each in error_details(ended.value)]
    assert kinds == [error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo]


async def test_a_watcher_that_does_not_read_is_not_read_for(
    socket_server: SocketServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    """
    4,000 decisions, and a client that takes one: the rest stays in the store.

    What the server reads ahead fills one batch and what the connection buffers, which
    is 64 KiB here; each decision has more than 1 KiB. Then it reads on, to the last.
    """
    async with AsyncClient(socket_server.address) as client:
        for first in range(0, 4_000, 2_000):
            items = [return_item(f"r{at}") for at in range(first, first + 2_000)]
            await client.returns.BatchSubmitReturns(
                returns.BatchSubmitReturnsRequest(return_items=items)
            )
    asked: list[int] = []
    decisions_after = runtime.store.decisions_after

    def noted(tenant: TenantId, sequence: int, limit: int) -> list[LoggedDecision]:
        asked.append(sequence)
        return decisions_after(tenant, sequence, limit)

    monkeypatch.setattr(runtime.store, "decisions_after", noted)
    # Without probing for bandwidth, the window stays as small as it begins.
    options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536))
    async with grpc.aio.insecure_channel(socket_server.address, options) as channel:
        watch = channel.unary_stream("/nearturn.v1.MatchService/WatchDecisions")
        request = matches.WatchDecisionsRequest(stop_at_end=True)
        stream = watch(request.SerializeToString())
        count = 1 if await stream.read() is not grpc.aio.EOF else 0
        reads = -1
        while reads < len(asked):
            reads = len(asked)
            await asyncio.sleep(0.3)
        assert max(asked) < 2_000, f"{max(asked)} read for it"
        while await stream.read() is not grpc.aio.EOF:
            count += 1
    assert count == 4_000


async def test_the_asynchronous_client_calls_and_reads_errors(
    socket_server: SocketServer,
):
    """A write, a read and a refusal with its details, over the typed stubs."""
    async with AsyncClient(socket_server.address) as client:
        request = demands.UpsertDemandRequest(
            demand=demand("d1"), request_id=request_id()
        )
        stored = await client.demands.UpsertDemand(request)
        found = await client.demands.GetDemand(demands.GetDemandRequest(demand_id="d1"))
        assert found.demand == stored.demand
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.returns.GetReturn(returns.GetReturnRequest(return_id="r9"))
    info, resource = error_details(refused.value)
    assert info.reason == "NOT_FOUND"
    assert resource.resource_name == "r9"


async def test_the_client_calls_and_reads_errors(socket_server: SocketServer):
    """The same from a thread with the plain client."""

    def calls() -> tuple[str, list[str]]:
        with Client(socket_server.address) as client:
            stored = client.demands.UpsertDemand(
                demands.UpsertDemandRequest(demand=demand("d1"))
            )
            with pytest.raises(grpc.RpcError) as refused:
                client.returns.GetReturn(returns.GetReturnRequest(return_id="r9"))
            details = error_details(refused.value)
            return stored.demand.demand_id, [type(each).__name__ for each in details]

    assert await asyncio.to_thread(calls) == ("d1", ["ErrorInfo", "ResourceInfo"])
