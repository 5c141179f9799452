"""A tenant in the metadata of calls: of which kinds, and when it is refused."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest

from nearturn import Client, secure
from nearturn.async_client import AsyncClient
from nearturn.tenant_interceptor import (
    TENANT_KEY,
    async_tenant_interceptors,
    tenant_interceptors,
)
from server.access import local_callers

_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class _Details(grpc.aio.ClientCallDetails):
    """Of a call with metadata of its own, or none."""


def _details(metadata: Any) -> _Details:
    return _Details("/method", 3.0, metadata, None, None)


def test_the_server_reads_what_clients_write() -> None:
    """One name on both sides."""
    assert local_callers.TENANT_KEY == TENANT_KEY


@pytest.mark.parametrize("metadata", [None, [("trace", "1")]])
@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_of_call_names_it(kind: str, metadata: Any) -> None:
    """Behind what the caller says itself; all else of the call is as it was."""
    (interceptor,) = tenant_interceptors("brand")
    made: list[Any] = []
    intercept = getattr(interceptor, f"intercept_{kind}")
    intercept(lambda *call: made.append(call), _details(metadata), "request")
    ((details, request),) = made
    assert request == "request"
    assert details.metadata == [*(metadata or ()), ("nearturn-tenant", "brand")]
    assert (details.method, details.timeout) == ("/method", 3.0)


@pytest.mark.parametrize("metadata", [None, grpc.aio.Metadata(("trace", "1"))])
@pytest.mark.parametrize("kind", _KINDS)
async def test_every_kind_of_asynchronous_call_names_it(
    kind: str, metadata: Any
) -> None:
    """The same, with one interceptor for each kind."""
    made: list[Any] = []

    async def continuation(*call: Any) -> None:
        made.append(call)

    found = [
        getattr(each, f"intercept_{kind}")
        for each in async_tenant_interceptors("brand")
        if hasattr(each, f"intercept_{kind}")
    ]
    (intercept,) = found
    await intercept(continuation, _details(metadata), "request")
    ((details, _),) = made
    assert list(details.metadata) == [*(metadata or ()), ("nearturn-tenant", "brand")]
    assert details.timeout == 3.0


def test_nothing_is_between_where_nobody_is_named() -> None:
    """The channel is as it would be without."""
    assert tenant_interceptors(None) == async_tenant_interceptors(None) == []


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_tenant_beside_credentials_is_refused(client: Any) -> None:
    """The server would not look at it."""
    with pytest.raises(ValueError, match="'brand' beside credentials; accepted: one"):
        client("localhost:1", tenant="brand", credentials=secure(token="key"))  # noqa: S106


@pytest.mark.parametrize("tenant", ["", " ", "brand ", "bränd", "a\nb"])
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_tenant_that_no_metadata_carries_is_refused(client: Any, tenant: str) -> None:
    """Here and by name, not by gRPC at the first call or as another by the server."""
    with pytest.raises(ValueError, match=r"tenant: got .*; accepted: print"):
        client("localhost:1", tenant=tenant)
