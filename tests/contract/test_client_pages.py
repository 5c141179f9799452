"""Every list of the contract, page after page, through the clients."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass

from nearturn import Client, each_item, each_item_async
from nearturn.async_client import AsyncClient
from nearturn.pages import _items
from nearturn.v1 import demand_pb2
from nearturn.v1 import demand_service_pb2 as pb
from tests.contract.api_target import SocketServer, all_methods
from tests.contract.messages import demand

LISTING = [
    method
    for method in all_methods()
    if "page_token" in method.input_type.fields_by_name
]

OF_NOBODY = "not one of ours"


@pytest.fixture
async def seven(socket_server: SocketServer) -> SocketServer:
    """Store seven demands."""
    demands = [demand(f"d{number}") for number in range(7)]
    async with AsyncClient(socket_server.address) as client:
        await client.demands.BatchUpsertDemands(
            pb.BatchUpsertDemandsRequest(demands=demands)
        )
    return socket_server


@pytest.mark.parametrize("method", LISTING, ids=lambda each: each.name)
def test_every_page_has_one_list(method: Any):
    """A method that lists has a page that can be gone through."""
    assert list(_items(GetMessageClass(method.output_type)())) == []


@pytest.mark.parametrize("size", [1, 3, 7, 8])
async def test_pages_are_gone_through(seven: SocketServer, size: int):
    """All seven in their order, however many a page has, from both clients."""
    request = pb.ListDemandsRequest(page_size=size)

    def listed() -> list[str]:
        with Client(seven.address) as client:
            found = each_item(client.demands.ListDemands, request, timeout_s=60)
            return [each.demand_id for each in found]

    wanted = [f"d{number}" for number in range(7)]
    assert await asyncio.to_thread(listed) == wanted
    async with AsyncClient(seven.address) as client:
        found = each_item_async(client.demands.ListDemands, request)
        assert [each.demand_id async for each in found] == wanted
    assert request == pb.ListDemandsRequest(page_size=size)


async def test_a_list_may_begin_anywhere_and_be_filtered(seven: SocketServer):
    """The token of the request counts, and so does its filter; none is no error."""
    state = demand_pb2.DEMAND_STATE_OPEN
    async with AsyncClient(seven.address) as client:
        call = client.demands.ListDemands
        first = await call(pb.ListDemandsRequest(page_size=5, state=state))
        rest = each_item_async(
            call,
            pb.ListDemandsRequest(state=state, page_token=first.next_page_token),
        )
        assert [each.demand_id async for each in rest] == ["d5", "d6"]
        held = pb.ListDemandsRequest(state=demand_pb2.DEMAND_STATE_HELD)
        assert [each async for each in each_item_async(call, held)] == []


async def test_a_page_that_is_refused_ends_it(seven: SocketServer):
    """With the error of the call."""
    async with AsyncClient(seven.address) as client:
        request = pb.ListDemandsRequest(page_token=OF_NOBODY)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(each_item_async(client.demands.ListDemands, request))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
