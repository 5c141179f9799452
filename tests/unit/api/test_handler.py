"""From bytes to a method and back, for every way that a call can end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from matcher.domain.errors import InvalidValueError, NotFoundError
from matcher.domain.ids import TenantId
from nearturn.v1 import demand_service_pb2, match_service_pb2
from nearturn.v1 import demand_service_pb2 as pb
from server.access.caller import Caller, enter_call
from server.api.handler import decoded, method_handler, parsed, prepared
from server.runtime.deadline import time_left_s
from tests.contract.api_target import ApiError, LocalContext
from tests.contract.messages import demand

DEMANDS = demand_service_pb2.DESCRIPTOR.services_by_name["DemandService"]
MATCHES = match_service_pb2.DESCRIPTOR.services_by_name["MatchService"]
GET = DEMANDS.methods_by_name["GetDemand"]
BATCH = DEMANDS.methods_by_name["BatchUpsertDemands"]
WATCH = MATCHES.methods_by_name["WatchDecisions"]
ASKED = pb.GetDemandRequest(demand_id="secret-1").SerializeToString()


def _unary(implementation: Any, method: Any = GET) -> Any:
    return method_handler(method, implementation).unary_unary


async def test_an_answer_may_be_a_message_or_its_bytes():
    """Stored answers go out as they are, all others are encoded here."""
    answer = pb.GetDemandResponse(demand=demand())

    async def as_message(_request: Any) -> pb.GetDemandResponse:
        return answer

    async def as_bytes(_request: Any) -> bytes:
        return answer.SerializeToString()

    for implementation in (as_message, as_bytes):
        raw = await _unary(implementation)(ASKED, LocalContext())
        assert raw == answer.SerializeToString()


async def test_a_refused_call_ends_with_its_status():
    """The domain's error becomes the call's status, and the log names the code."""

    async def implementation(request: Any) -> bytes:
        raise NotFoundError("demand", request.demand_id)

    with capture_logs() as lines, pytest.raises(ApiError) as refused:
        await _unary(implementation)(ASKED, LocalContext())
    assert refused.value.code is grpc.StatusCode.NOT_FOUND
    assert [line["code"] for line in lines] == ["NOT_FOUND"]


async def test_the_log_has_the_call_and_nothing_of_its_payload():
    """Method, tenant, code, time and number of items; no id, no place (I10)."""

    async def implementation(_request: Any) -> bytes:
        return b""

    batch = pb.BatchUpsertDemandsRequest(
        demands=[demand(f"secret-{number}", 1_234.5) for number in range(3)]
    )
    enter_call(Caller("key:7", TenantId("brand"), frozenset()))
    with capture_logs() as lines:
        await _unary(implementation, BATCH)(batch.SerializeToString(), LocalContext())
    (line,) = lines
    assert line.pop("ms") >= 0
    assert line == {
        "event": "call",
        "log_level": "info",
        "method": "nearturn.v1.DemandService.BatchUpsertDemands",
        "tenant": "brand",
        "caller": "key:7",
        "code": "OK",
        "items": 3,
    }


async def test_an_invalid_request_never_reaches_the_method():
    """Rules are checked before the implementation runs."""

    async def implementation(_request: Any) -> bytes:
        raise AssertionError("reached")

    for raw in (b"\xff", b"", pb.GetDemandRequest(demand_id="\0").SerializeToString()):
        with pytest.raises(ApiError) as refused:
            await _unary(implementation)(raw, LocalContext())
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_method_knows_how_long_its_caller_waits():
    """The deadline of the call is that of all that is done for it."""

    class HastyContext(LocalContext):
        def time_remaining(self) -> float:
            return 5.0

    async def implementation(_request: Any) -> bytes:
        return str(time_left_s()).encode()

    assert 4.0 < float(await _unary(implementation)(ASKED, HastyContext())) <= 5.0
    assert await _unary(implementation)(ASKED, LocalContext()) == b"None"


async def test_a_cancelled_call_stays_cancelled():
    """Cancellation goes on up, as swallowing it leaks in grpc.aio; it is logged."""

    async def implementation(_request: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    with capture_logs() as lines:
        call = asyncio.ensure_future(_unary(implementation)(ASKED, LocalContext()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert [line["code"] for line in lines] == ["CANCELLED"]


async def test_a_stream_may_end_with_an_error_after_answers():
    """What was answered stands; the error is the status of the whole."""

    async def implementation(_request: Any) -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"
        raise InvalidValueError("cursor", 1, "2")

    handler = method_handler(WATCH, implementation).unary_stream
    answers = []
    with capture_logs() as lines, pytest.raises(ApiError):  # noqa: PT012 - a stream
        async for answer in handler(b"", LocalContext()):
            answers.append(answer)  # noqa: PERF401 - kept although it raises
    assert answers == [b"1", b"2"]
    assert [(line["code"], line["items"]) for line in lines] == [
        ("INVALID_ARGUMENT", 2)
    ]


async def test_a_stream_that_is_left_is_logged_as_cancelled():
    """A watcher that goes away is no error and no success."""

    async def implementation(_request: Any) -> AsyncIterator[bytes]:
        while True:
            yield b"1"

    with capture_logs() as lines:
        stream = method_handler(WATCH, implementation).unary_stream(b"", LocalContext())
        await anext(stream)
        await stream.aclose()
    assert [line["code"] for line in lines] == ["CANCELLED"]


async def test_large_requests_are_prepared_beside_the_event_loop():
    """While ten thousand items are checked, the loop goes on turning."""
    batch = pb.BatchUpsertDemandsRequest(
        demands=[demand(f"d{number}") for number in range(2_000)]
    )
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(turning())
    found = await prepared(type(batch), batch.SerializeToString())
    other.cancel()
    assert found == batch
    assert turns > 10


def test_decoding_checks_and_parsing_does_not():
    """A message that breaks a rule can be parsed, for its id, and not decoded."""
    raw = pb.GetDemandRequest().SerializeToString()
    assert parsed(pb.GetDemandRequest, raw) == pb.GetDemandRequest()
    with pytest.raises(InvalidValueError):
        decoded(pb.GetDemandRequest, raw)
