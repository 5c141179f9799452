"""The browser's door: what it speaks, what it refuses, and how calls end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2

from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import return_service_pb2 as returns
from server.access.authenticator import Authenticator
from server.access.call_limiter import CallLimiter, CallLimits
from server.access.local_callers import LocalCallers
from server.api import handler
from server.api.access_rules import AccessRules
from server.api.admission import Admission
from server.api.registration import services
from server.api.return_servicer import IN_FLIGHT_MAX
from server.runtime.runtime import Runtime
from tests.contract.api_target import (
    TENANT,
    Api,
    ApiError,
    SocketServer,
    SocketTransport,
)
from tests.contract.messages import demand, return_item
from tests.contract.raw_http import JSON, connected, head, posted, response
from tests.contract.web_target import Noted, WebDoorServer, WebTransport
from tests.scenarios.web_caller import WAYS, WebCaller, WebRefusedError

HEALTH = "/grpc.health.v1.Health/Check"
UPSERT = "/nearturn.v1.DemandService/UpsertDemand"
SUBMIT = "/nearturn.v1.ReturnService/SubmitReturn"
STREAM = "/nearturn.v1.ReturnService/StreamReturns"
WATCH = "/nearturn.v1.MatchService/WatchDecisions"


@pytest.fixture
def noted() -> Noted:
    """Return a watch."""
    return Noted()


@pytest_asyncio.fixture
async def door(runtime: Runtime, noted: Noted) -> AsyncIterator[WebDoorServer]:
    """Run the door of a fresh server."""
    async with WebDoorServer(runtime, noted) as started:
        yield started


@pytest_asyncio.fixture(params=WAYS)
async def caller(
    request: pytest.FixtureRequest, door: WebDoorServer
) -> AsyncIterator[WebCaller]:
    """Call it in each of the ways that it speaks."""
    async with WebCaller(door.url, request.param) as found:
        yield found


async def until(found: Callable[[], bool]) -> None:
    """Wait until something holds, and fail if it never does."""
    async with asyncio.timeout(30):
        while not found():  # noqa: ASYNC110 - some of it is told to nobody
            await asyncio.sleep(0.01)


async def test_each_way_carries_calls_of_each_kind(
    caller: WebCaller, runtime: Runtime, noted: Noted
):
    """One answer, many answers, many of both: stored, and told to whoever counts."""
    api = Api(WebTransport(caller), runtime)
    stored = await api(demands.UpsertDemandRequest(demand=demand("d1")))
    assert (stored.demand.demand_id, stored.demand.sku) == ("d1", "shirt")
    wrong = return_item("r3", customer_id="")
    answers = await api.bidi(
        returns.StreamReturnsRequest,
        [
            returns.StreamReturnsRequest(return_item=each)
            for each in (return_item("r1"), return_item("r2"), wrong)
        ],
    )
    assert [each.WhichOneof("result") for each in answers] == [
        "decision",
        "decision",
        "error",
    ]
    assert "customer_id: got ''" in answers[2].error.message
    request = matches.WatchDecisionsRequest(stop_at_end=True)
    seen = [each.decision.return_id async for each in api.stream(request)]
    assert seen == ["r1", "r2"]
    assert noted.ended == [
        ("UpsertDemand", "OK"),
        ("StreamReturns", "OK"),
        ("WatchDecisions", "OK"),
    ]


async def test_each_way_tells_of_errors_with_their_details(
    caller: WebCaller, runtime: Runtime
):
    """Before a stream's first answer as in place of the one: code, reason, fields."""
    api = Api(WebTransport(caller), runtime)
    with pytest.raises(ApiError) as missing:
        await api(returns.GetReturnRequest(return_id="r9"))
    assert missing.value.code is grpc.StatusCode.NOT_FOUND
    assert missing.value.info.reason == "NOT_FOUND"
    (resource,) = missing.value.details(error_details_pb2.ResourceInfo)
    assert resource.resource_name == "r9"
    with pytest.raises(ApiError) as faulty:
        async for _ in api.stream(matches.WatchDecisionsRequest(cursor="nonsense")):
            pass
    assert faulty.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "cursor" in faulty.value.violations


async def test_a_repeated_request_gets_its_answer_through_the_other_door(
    door: WebDoorServer, runtime: Runtime
):
    """One request id, by gRPC and then as JSON: done once; another body is refused."""
    request = demands.UpsertDemandRequest(
        demand=demand("d1"), request_id="6f1c2a44-8f0e-4a53-9a3e-0c5d2f1b7e90"
    )
    async with (
        SocketServer(runtime) as socket,
        socket.channel() as channel,
        WebCaller(door.url, "connect_json") as caller,
    ):
        first = await Api(SocketTransport(channel), runtime)(request)
        web = Api(WebTransport(caller), runtime)
        assert await web(request) == first
        request.demand.quantity = 5
        with pytest.raises(ApiError) as reused:
            await web(request)
    assert reused.value.info.reason == "REQUEST_REUSED"


async def test_headers_reach_whoever_traces_calls(door: WebDoorServer, noted: Noted):
    """The trace of the page goes on, as that of a caller by gRPC does."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await posted(door.port, SUBMIT, traceparent=trace)
    (metadata,) = noted.metadata
    assert metadata["traceparent"] == trace


async def test_calls_are_counted_before_their_bodies_are_there(
    runtime: Runtime, noted: Noted
):
    """One at once: beside it the next is refused as it begins, and after it let in."""
    one_call = CallLimiter(lambda _: CallLimits("caller", 0, 1, 1))
    admission = Admission(
        AccessRules(services()),
        Authenticator(local=LocalCallers([TENANT])),
        [TENANT],
        callers=one_call,
        tenants=one_call,
        watch=noted,
    )
    async with (
        WebDoorServer(runtime, noted, admission=admission) as door,
        WebCaller(door.url) as caller,
    ):
        request = matches.WatchDecisionsRequest().SerializeToString()
        watching = asyncio.ensure_future(anext(caller.stream(WATCH, request)))
        await until(lambda: len(noted.metadata) == 1)
        async with connected(door.port) as (reader, writer):
            writer.write(head(UPSERT, {**JSON, "content-length": "100"}))
            refused = await response(reader)
        assert (refused.status, refused.told["code"]) == (429, "resource_exhausted")
        assert "caller calls at once" in refused.told["message"]
        assert "google.rpc.RetryInfo" in {x["type"] for x in refused.told["details"]}
        assert noted.ended == [("UpsertDemand", "RESOURCE_EXHAUSTED")]
        watching.cancel()
        await until(lambda: len(noted.ended) == 2)
        for _ in range(2):
            assert (await posted(door.port, UPSERT)).status == 400
        assert (await posted(door.port, HEALTH)).status == 200


@pytest.mark.parametrize(
    ("content_type", "header", "value"),
    [
        ("application/json", "connect_timeout_ms", "20000"),
        ("application/grpc-web+json", "grpc_timeout", "20S"),
    ],
)
async def test_handlers_know_how_long_the_caller_waits(
    door: WebDoorServer,
    monkeypatch: pytest.MonkeyPatch,
    content_type: str,
    header: str,
    value: str,
):
    """So that the queue and a round do; without a deadline they wait for themselves."""
    told: list[float | None] = []
    monkeypatch.setattr(handler, "set_time_left", told.append)
    body = b"{}" if content_type == "application/json" else b"\0\0\0\0\2{}"
    await posted(door.port, SUBMIT, body, content_type=content_type, **{header: value})
    await posted(door.port, SUBMIT, body, content_type=content_type)
    assert told[0] is not None
    assert 10 < told[0] <= 20
    assert told[1] is None


async def test_a_call_ends_at_its_deadline(door: WebDoorServer, noted: Noted):
    """A stream that goes on for ever is ended, with the code that says why."""
    request = matches.WatchDecisionsRequest().SerializeToString()
    async with WebCaller(door.url, "grpc_web") as caller:
        first = anext(caller.stream(WATCH, request, timeout_ms=300))
        with pytest.raises(WebRefusedError) as ended:
            await asyncio.wait_for(first, timeout=30)
    assert ended.value.status.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    await until(lambda: noted.ended == [("WatchDecisions", "CANCELLED")])


async def test_a_caller_that_leaves_leaves_nothing_running(
    door: WebDoorServer, noted: Noted
):
    """Its stream ends in the log as cancelled, and no task of it is left."""
    await posted(door.port, HEALTH)
    before = len(asyncio.all_tasks())
    request = matches.WatchDecisionsRequest().SerializeToString()
    async with WebCaller(door.url) as caller:
        watching = asyncio.ensure_future(anext(caller.stream(WATCH, request)))
        await until(lambda: len(noted.metadata) == 1)
        watching.cancel()
        await asyncio.wait({watching}, timeout=10)
    await until(lambda: noted.ended == [("WatchDecisions", "CANCELLED")])
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_stream_of_requests_that_breaks_off_leaves_nothing_running(
    door: WebDoorServer, noted: Noted
):
    """Many requests in flight, and then the client is gone."""
    await posted(door.port, HEALTH)
    before = len(asyncio.all_tasks())

    async def sent() -> AsyncIterator[bytes]:
        for number in range(2 * IN_FLIGHT_MAX):
            item = return_item(f"r{number}")
            yield returns.StreamReturnsRequest(return_item=item).SerializeToString()
        await asyncio.Event().wait()

    async with WebCaller(door.url) as caller:
        answers = caller.bidi_of(STREAM, sent())
        async with asyncio.timeout(30):
            await anext(answers)
        await answers.aclose()
    await until(lambda: noted.ended == [("StreamReturns", "CANCELLED")])
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_stream_may_go_both_ways_at_once(door: WebDoorServer, noted: Noted):
    """The next request is sent when the last one is answered, and none is lost."""
    said = {
        "content-type": "application/connect+proto",
        "transfer-encoding": "chunked",
    }
    async with connected(door.port) as (reader, writer):
        writer.write(head(STREAM, said))
        for name in ("one", "two", "three"):
            request = returns.StreamReturnsRequest(return_item=return_item(name))
            raw = request.SerializeToString()
            chunk = b"\0" + len(raw).to_bytes(4, "big") + raw
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await asyncio.wait_for(reader.readuntil(name.encode()), timeout=30)
        writer.write(b"0\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), timeout=30)
    assert noted.ended == [("StreamReturns", "OK")]


async def test_a_stream_that_begins_to_be_answered_is_read_on(
    door: WebDoorServer, runtime: Runtime
):
    """A thousand requests, more than the server takes at once: each has its answer."""
    requests = [
        returns.StreamReturnsRequest(return_item=return_item(f"r{number}"))
        for number in range(1_000)
    ]
    async with WebCaller(door.url) as caller:
        api = Api(WebTransport(caller), runtime)
        answers = await asyncio.wait_for(
            api.bidi(returns.StreamReturnsRequest, requests), timeout=60
        )
    assert [each.return_id for each in answers] == [f"r{n}" for n in range(1_000)]


async def test_a_watcher_is_told_when_the_server_stops(runtime: Runtime, noted: Noted):
    """Its stream ends with UNAVAILABLE and when to come back; then the port is shut."""
    async with WebDoorServer(runtime, noted, grace_s=30) as door:
        request = matches.WatchDecisionsRequest().SerializeToString()
        async with WebCaller(door.url) as caller:
            watching = asyncio.ensure_future(anext(caller.stream(WATCH, request)))
            await until(lambda: len(noted.metadata) == 1)
            stopping = asyncio.ensure_future(door.stop())
            runtime.refuse_streams()
            with pytest.raises(WebRefusedError) as ended:
                await asyncio.wait_for(watching, timeout=10)
            assert ended.value.status.code == grpc.StatusCode.UNAVAILABLE.value[0]
            told = [each.type_url for each in ended.value.status.details]
            assert [each.rpartition(".")[2] for each in told] == [
                "ErrorInfo",
                "RetryInfo",
            ]
            await asyncio.wait_for(stopping, timeout=30)
        with pytest.raises(ConnectionRefusedError):
            await posted(door.port, HEALTH)


async def test_calls_that_outlast_the_grace_are_cancelled(
    runtime: Runtime, noted: Noted
):
    """A watcher that nobody tells holds up the end of the server for no longer."""
    async with WebDoorServer(runtime, noted, grace_s=0) as door:
        request = matches.WatchDecisionsRequest().SerializeToString()
        async with WebCaller(door.url) as caller:
            watching = asyncio.ensure_future(anext(caller.stream(WATCH, request)))
            await until(lambda: len(noted.metadata) == 1)
            await asyncio.wait_for(door.stop(), timeout=30)
            assert noted.ended == [("WatchDecisions", "CANCELLED")]
            with pytest.raises(WebRefusedError):
                await asyncio.wait_for(watching, timeout=10)
