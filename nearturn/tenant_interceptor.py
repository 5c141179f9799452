"""Names the tenant of each call, for servers that ask for no credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

#: Name of the metadata by which a caller without credentials says whose data it wants.
TENANT_KEY = "nearturn-tenant"


class TenantInterceptor(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamStreamClientInterceptor,  # type: ignore[type-arg]
):
    """
    Adds the tenant to the metadata of every call.

    Parameters
    ----------
    tenant
        Its name.
    """

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    def _call(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        metadata = [*(client_call_details.metadata or ()), (TENANT_KEY, self._tenant)]
        return continuation(client_call_details._replace(metadata=metadata), request)

    intercept_unary_unary: Any = _call
    intercept_unary_stream: Any = _call
    intercept_stream_unary: Any = _call
    intercept_stream_stream: Any = _call


class _AsyncTenantInterceptor:
    """The same in an event loop, for one kind of calls: gRPC takes no more from one."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    async def intercept(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """Make the call."""
        metadata = grpc.aio.Metadata(
            *(client_call_details.metadata or ()), (TENANT_KEY, self._tenant)
        )
        named = client_call_details._replace(metadata=metadata)
        return await continuation(named, request)


class _UnaryUnary(_AsyncTenantInterceptor, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    intercept_unary_unary: Any = _AsyncTenantInterceptor.intercept


class _UnaryStream(_AsyncTenantInterceptor, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    intercept_unary_stream: Any = _AsyncTenantInterceptor.intercept


class _StreamUnary(_AsyncTenantInterceptor, grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg]
    intercept_stream_unary: Any = _AsyncTenantInterceptor.intercept


class _StreamStream(_AsyncTenantInterceptor, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    intercept_stream_stream: Any = _AsyncTenantInterceptor.intercept


def tenant_interceptors(tenant: str | None) -> list[TenantInterceptor]:
    """Return what a channel needs to name a tenant: nothing, if there is none."""
    return [] if tenant is None else [TenantInterceptor(tenant)]


def async_tenant_interceptors(tenant: str | None) -> list[Any]:
    """Return the same for a channel of an event loop."""
    kinds = (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)
    return [] if tenant is None else [kind(tenant) for kind in kinds]


def check_tenant(tenant: str | None, credentials: object) -> None:
    """
    Refuse a tenant that would say nothing, or that metadata cannot carry.

    Raises
    ------
    ValueError
        If it is given beside credentials, is empty, or is more than printable ASCII
        without spaces at its ends.
    """
    if tenant is None:
        return
    if credentials is not None:
        raise ValueError(
            f"tenant: got {tenant!r} beside credentials; accepted: one of the two, for "
            "a server that asks for credentials takes the tenant from them"
        )
    is_printable = tenant.isascii() and tenant.isprintable()
    if not tenant or not is_printable or tenant != tenant.strip():
        raise ValueError(
            f"tenant: got {tenant!r}; accepted: printable ASCII, not empty, no spaces "
            "at its ends; other names can only come from credentials"
        )
