"""Tenants of one server: each is served as if there were no other (I9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass

from matcher.domain.ids import TenantId
from nearturn.v1 import match_service_pb2
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store
from tests.contract import tenant_world as world
from tests.contract.api_target import (
    Api,
    ApiError,
    HandClock,
    LocalTransport,
    SocketServer,
    SocketTransport,
    all_methods,
)
from tests.contract.messages import demand, upsert

ONE, OTHER = TenantId("one"), TenantId("other")


@asynccontextmanager
async def _server(url: str) -> AsyncIterator[Callable[[TenantId], Api]]:
    runtime = Runtime(
        open_store(url),
        clock=HandClock(),
        options=RuntimeOptions(tenants=(ONE, OTHER), threads=1, runs_timers=False),
    )
    await runtime.start()
    try:
        yield lambda tenant: Api(LocalTransport(runtime, tenant), runtime)
    finally:
        await runtime.stop()


async def _all(api: Api, calls: Any) -> list[world.Answer]:
    return [await asyncio.wait_for(world.answer(api, call), 60) for call in calls]


def test_every_method_is_called():
    """Each of the contract, as one that changes something or as one that does not."""
    called = [kind.DESCRIPTOR for kind, _ in (*world.reads(), *world.writes())]
    assert [m.name for m in all_methods() if m.input_type not in called] == []


async def test_a_tenant_is_served_as_if_it_were_alone(
    new_store_url: Callable[[], str],
) -> None:
    """
    Every method, naming all that the other tenant has: byte by byte the same answers.

    Once beside a tenant with two of everything, once beside one that has nothing.
    What is read of the first one afterwards is what it was, and what it knew.
    """
    async with _server(new_store_url()) as api_of:
        await world.settle(api_of(ONE))
        before = await _all(api_of(ONE), world.reads())
        # Else nothing would be tried.
        assert [name for name, code, _ in before if code != "OK"] == []
        assert [name for name, _, answers in before if not any(answers)] == []
        beside = await _all(api_of(OTHER), (*world.reads(), *world.writes()))
        later = await _all(api_of(OTHER), world.reads())
        assert await _all(api_of(ONE), world.reads()) == before
    async with _server(new_store_url()) as api_of:
        alone = await _all(api_of(OTHER), (*world.reads(), *world.writes()))
        assert beside == alone
        assert later == await _all(api_of(OTHER), world.reads())


async def test_a_page_token_is_of_its_tenant(
    new_store_url: Callable[[], str],
) -> None:
    """Of every list, and of the log of decisions: another tenant's is INVALID."""
    async with _server(new_store_url()) as api_of:
        for tenant in (ONE, OTHER):
            await world.settle(api_of(tenant))
        paged = 0
        for method in all_methods():
            kind = GetMessageClass(method.input_type)
            if "page_token" not in kind.DESCRIPTOR.fields_by_name:
                continue
            paged += 1
            token = (await api_of(ONE)(kind(page_size=1))).next_page_token
            assert token, method.name
            asked = kind(page_size=1, page_token=token)
            await api_of(ONE)(asked)
            with pytest.raises(ApiError) as refused:
                await api_of(OTHER)(asked)
            assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
            assert list(refused.value.violations) == ["page_token"]
        assert paged >= 10
        watch = match_service_pb2.WatchDecisionsRequest(stop_at_end=True)
        cursors = [each.cursor async for each in api_of(ONE).stream(watch)]
        watch.cursor = cursors[0]
        assert [each.cursor async for each in api_of(ONE).stream(watch)] == cursors[1:]
        with pytest.raises(ApiError) as refused:
            await anext(api_of(OTHER).stream(watch))
        assert list(refused.value.violations) == ["cursor"]


async def test_without_credentials_a_call_names_its_tenant(
    new_store_url: Callable[[], str],
) -> None:
    """One of those that are served, exactly one; over a socket, as it is sent."""
    runtime = Runtime(
        open_store(new_store_url()),
        clock=HandClock(),
        options=RuntimeOptions(tenants=(ONE, OTHER), threads=1, runs_timers=False),
    )
    await runtime.start()
    tenants = (ONE, OTHER)
    async with (
        SocketServer(runtime, tenants=tenants) as server,
        server.channel() as channel,
    ):
        apis = [Api(SocketTransport(channel, each), runtime) for each in tenants]
        await upsert(apis[0], demand("d1"))
        read = world.demands.GetDemandRequest(demand_id="d1")
        assert (await apis[0](read)).demand.demand_id == "d1"
        with pytest.raises(ApiError) as unknown:
            await apis[1](read)
        assert unknown.value.code is grpc.StatusCode.NOT_FOUND
        stranger = Api(SocketTransport(channel, TenantId("third")), runtime)
        with pytest.raises(ApiError) as denied:
            await stranger(read)
        assert denied.value.code is grpc.StatusCode.PERMISSION_DENIED
        assert dict(denied.value.info.metadata) == {
            "cause": "tenant",
            "method": "nearturn.v1.DemandService.GetDemand",
        }
        get = channel.unary_unary("/nearturn.v1.DemandService/GetDemand")
        for named in ((), (("nearturn-tenant", ONE),) * 2):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await get(read.SerializeToString(), metadata=named)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert "nearturn-tenant" in str(refused.value.details())
    await runtime.stop()
