"""Returns that the first gate decides: a call, a decision and a commit each."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.latlng_pb2 import LatLng

from nearturn.v1 import item_pb2, return_item_pb2, return_service_pb2

_SUBMIT = "/nearturn.v1.ReturnService/SubmitReturn"


def submits(
    channel: grpc.aio.Channel,
    count: int,
    name: str,
    timeout_s: float | None = None,
    metadata: tuple[tuple[str, str], ...] = (),
) -> Callable[[int], Awaitable[bytes]]:
    """
    Return what submits the return of a number, each of them once.

    They are encoded before: the client's own work is the same for every server.
    """
    call = channel.unary_unary(_SUBMIT, None, None)
    payloads = encoded(count, name)
    return lambda number: call(
        payloads[number], timeout=timeout_s, metadata=metadata or None
    )


def encoded(count: int, name: str) -> list[bytes]:
    """Return requests with ids of their own, as bytes."""
    return [
        instant_return(f"{name}-{number}").SerializeToString()
        for number in range(count)
    ]


def instant_return(return_id: str) -> return_service_pb2.SubmitReturnRequest:
    """Make a return without consent, which is decided by the first gate."""
    item = return_item_pb2.ReturnItem(
        return_id=return_id,
        order_id=f"order-of-{return_id}",
        customer_id=f"customer-of-{return_id}",
        location=LatLng(latitude=52.52, longitude=13.405),
        sku="sku-1",
        category="apparel",
        reason=item_pb2.RETURN_REASON_FIT,
        condition=item_pb2.CONDITION_LIKE_NEW,
        customer_consents=False,
        decide_by_time=Timestamp(seconds=int(time.time()) + 86_400),
        transit_state=return_item_pb2.TRANSIT_STATE_WITH_CUSTOMER,
        weight_grams=400,
    )
    return return_service_pb2.SubmitReturnRequest(return_item=item)
