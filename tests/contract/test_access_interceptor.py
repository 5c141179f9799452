"""The door before methods of all four kinds, on a real server of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from google.rpc import error_details_pb2

from matcher.domain.ids import TenantId
from nearturn.client import error_details
from nearturn.v1 import access_pb2
from server.access.authenticator import Authenticator, Peer
from server.access.call_limiter import CallLimiter, CallLimits
from server.access.caller import Caller, current_caller, current_subject
from server.access.local_callers import Metadata
from server.access.role import Role
from server.api.access_interceptor import AccessInterceptor
from server.api.access_rules import AccessRules, role_of
from server.api.admission import Admission
from server.api.registration import services
from tests.contract.api_target import HandClock

KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
TENANT = TenantId("default")


class Named(Authenticator):
    """Takes callers by their word: what is tried here is what is done with it."""

    async def caller(self, metadata: Metadata, peer: Peer) -> Caller:
        """Return who the metadata says."""
        assert peer() is not None
        names = dict(metadata)
        roles = {Role[name] for name in str(names.get("roles", "READ")).split("+")}
        return Caller(str(names.get("name", "reader")), TENANT, frozenset(roles))


def described() -> ServiceDescriptor:
    """Describe a service with a method of each kind and one without a rule."""
    file = descriptor_pb2.FileDescriptorProto(
        name="tests/door.proto", package="tests.door", syntax="proto3"
    )
    file.message_type.add(name="Nothing")
    service = file.service.add(name="Door")
    for name in (*KINDS, "no_rule"):
        method = service.method.add(
            name=name,
            input_type=".tests.door.Nothing",
            output_type=".tests.door.Nothing",
            client_streaming=name.startswith("stream"),
            server_streaming=name.endswith("stream"),
        )
        if name in KINDS:
            method.options.Extensions[access_pb2.role] = access_pb2.ROLE_READ
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName("tests.door.Door")


class Door:
    """A server whose methods tell who calls; a call may be held until let go."""

    def __init__(self, **limits: CallLimits) -> None:
        self.clock = HandClock()
        self.entered = 0
        self.arrivals = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()
        open_ended = CallLimits("any", 0, 1, 0)
        admission = Admission(
            AccessRules([described()]),
            Named(),
            [TENANT],
            callers=self._limiter(limits.get("callers", open_ended)),
            tenants=self._limiter(limits.get("tenants", open_ended)),
        )
        self._server = grpc.aio.server(interceptors=(AccessInterceptor(admission),))
        handlers = {
            "unary_unary": grpc.unary_unary_rpc_method_handler(self._one),
            "unary_stream": grpc.unary_stream_rpc_method_handler(self._many),
            "stream_unary": grpc.stream_unary_rpc_method_handler(self._one),
            "stream_stream": grpc.stream_stream_rpc_method_handler(self._many),
            "no_rule": grpc.unary_unary_rpc_method_handler(self._one),
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("tests.door.Door", handlers),)
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def _limiter(self, limits: CallLimits) -> CallLimiter:
        return CallLimiter(lambda _: limits, clock=self.clock)

    async def _one(self, _request: Any, _context: Any) -> bytes:
        self.entered += 1
        self.arrivals.release()
        await self.gate.wait()
        return current_subject().encode()

    async def _many(self, _request: Any, _context: Any) -> AsyncIterator[bytes]:
        self.entered += 1
        self.arrivals.release()
        await self.gate.wait()
        for _ in range(2):
            yield current_subject().encode()

    async def __aenter__(self) -> Door:
        await self._server.start()
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        await self.channel.close()
        await self._server.stop(None)

    async def call(self, method: str, **said: str) -> list[bytes]:
        """
        Call a method and return its answers.

        A stream of requests is empty: gRPC's client says INTERNAL of a call that was
        ended while it was still sending.
        """
        kind = method if method in KINDS else "unary_unary"
        path = f"/tests.door.Door/{method}"
        make: Callable[..., Any] = getattr(self.channel, kind)(path)
        given = _none() if kind.startswith("stream") else b""
        call = make(given, metadata=tuple(said.items()), timeout=20)
        if kind.endswith("stream"):
            return [answer async for answer in call]
        return [await call]


async def _none() -> AsyncIterator[bytes]:
    for each in ():
        yield each


@pytest.mark.parametrize("kind", KINDS)
async def test_handlers_of_each_kind_know_their_caller(kind: str):
    """Two at once, each its own; and nobody outside of calls."""
    async with Door() as door:
        one, other = await asyncio.gather(
            door.call(kind, name="ann"), door.call(kind, name="bob")
        )
    assert set(one) == {b"ann"}
    assert set(other) == {b"bob"}
    assert current_caller() is None


@pytest.mark.parametrize("kind", KINDS)
async def test_whoever_lacks_the_role_does_not_reach_a_handler(kind: str):
    """PERMISSION_DENIED with what was called and what is needed; no handler ran."""
    async with Door() as door:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await door.call(kind, roles="SUBMIT+OPERATE")
        assert door.entered == 0
        assert await door.call(kind, roles="ADMIN")
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    (info,) = error_details(refused.value)
    assert isinstance(info, error_details_pb2.ErrorInfo)
    method = f"tests.door.Door.{kind}"
    assert dict(info.metadata) == {"cause": "role", "role": "read", "method": method}


async def test_a_method_without_a_rule_is_open_to_nobody():
    """Not even to an admin: somebody forgot to say who may."""
    async with Door() as door:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await door.call("no_rule", roles="ADMIN")
        assert door.entered == 0
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    (info,) = error_details(refused.value)
    assert isinstance(info, error_details_pb2.ErrorInfo)
    method = "tests.door.Door.no_rule"
    assert dict(info.metadata) == {"cause": "rule", "method": method}


def test_every_method_of_the_contract_has_a_rule():
    """A new one without `option (role)` is found here, before a caller finds it."""
    missing = [
        method.full_name
        for service in services()
        for method in service.methods
        if role_of(method) is None
    ]
    assert missing == []


@pytest.mark.parametrize("kind", KINDS)
async def test_calls_past_the_rate_are_told_when_to_come_back(kind: str):
    """One a second, a burst of two: the third waits, and another caller does not."""
    async with Door(callers=CallLimits("caller", 1, 2, 0)) as door:
        await door.call(kind)
        await door.call(kind)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await door.call(kind)
        assert door.entered == 2
        await door.call(kind, name="other")
        door.clock.now_us += 1_000_000
        await door.call(kind)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info, quota, retry = error_details(refused.value)
    assert info.reason == "RATE_EXCEEDED"
    assert quota.violations[0].subject == "caller calls per second"
    assert retry.retry_delay.ToMicroseconds() == 1_000_000


@pytest.mark.parametrize("kind", KINDS)
async def test_calls_of_a_tenant_are_counted_while_they_run(kind: str):
    """Two under way, of two callers; the third is refused until one has ended."""
    async with Door(tenants=CallLimits("tenant", 0, 1, 2)) as door:
        door.gate.clear()
        running = [
            asyncio.ensure_future(door.call(kind, name=name)) for name in ("ann", "bob")
        ]
        for _ in running:
            await door.arrivals.acquire()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await door.call(kind, name="eve")
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        door.gate.set()
        await asyncio.gather(*running)
        assert await door.call(kind, name="eve")


async def test_a_caller_that_leaves_gives_its_place_back():
    """Cancelled in the middle of a stream, it counts no more."""
    async with Door(callers=CallLimits("caller", 0, 1, 1)) as door:
        door.gate.clear()
        stream = door.channel.unary_stream("/tests.door.Door/unary_stream")(b"")
        await door.arrivals.acquire()
        with pytest.raises(grpc.aio.AioRpcError):
            await door.call("unary_unary")
        stream.cancel()
        door.gate.set()
        once = door.channel.unary_unary("/tests.door.Door/unary_unary")
        for _ in range(500):
            if await once(b"").code() is grpc.StatusCode.OK:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("its place is never free again")
