"""Nothing that is sent to the browser's door, or not sent, is without bounds."""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from matcher.domain.ids import TenantId
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import return_service_pb2 as returns
from server import web_server
from server.api.web import exchange
from server.api.web.request_gzip import UNPACKED_BYTES_MAX
from server.runtime.runtime import Runtime
from server.storage.store import LoggedDecision
from tests.contract.api_target import HandClock
from tests.contract.conftest import running
from tests.contract.messages import demand, return_item
from tests.contract.raw_http import (
    JSON,
    WAIT_S,
    Response,
    connected,
    head,
    posted,
    response,
)
from tests.contract.web_target import Noted, WebDoorServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPSERT = "/nearturn.v1.DemandService/UpsertDemand"
BATCH = "/nearturn.v1.ReturnService/BatchSubmitReturns"
STREAM = "/nearturn.v1.ReturnService/StreamReturns"
WATCH = "/nearturn.v1.MatchService/WatchDecisions"

MESSAGE_BYTES_MAX = 4 * 1024 * 1024

_NOTED = Noted()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runtime(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runtime]:
    """Run one runtime for all these tests."""
    async with running(tmp_path_factory.mktemp("bounds"), HandClock()) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(runtime: Runtime) -> AsyncIterator[WebDoorServer]:
    """Run one door with a small limit of messages."""
    async with WebDoorServer(
        runtime, _NOTED, message_bytes_max=MESSAGE_BYTES_MAX
    ) as started:
        yield started


@pytest.fixture
def noted() -> Noted:
    """Return its watch, which has seen nothing."""
    _NOTED.ended.clear()
    return _NOTED


async def test_a_request_without_end_is_not_read_to_it(
    door: WebDoorServer, noted: Noted
):
    """Of a gigabyte that is announced a small part is read, and less is kept."""
    piece = b" " * 65_536
    sent = 0
    async with connected(door.port) as (reader, writer):
        writer.write(head(UPSERT, {**JSON, "content-length": str(1 << 30)}))
        answer = asyncio.ensure_future(_answered(reader))
        with suppress(ConnectionError):
            while sent < 1 << 30:
                writer.write(piece)
                await asyncio.wait_for(writer.drain(), WAIT_S)
                sent += len(piece)
        told = await answer
    assert told is None or told.status == 429
    assert sent < 64 * 1024 * 1024
    assert noted.ended == []


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 429), ({"origin": "https://other.example"}, 403)]
)
async def test_a_refusal_reaches_a_client_that_still_writes(
    door: WebDoorServer, noted: Noted, headers: dict[str, str], status: int
):
    """Twice the limit, refused early: the rest is read, so the answer gets there."""
    answer = await posted(door.port, UPSERT, b" " * (2 * MESSAGE_BYTES_MAX), **headers)
    assert answer.status == status
    assert answer.told["code"] in ("resource_exhausted", "permission_denied")
    assert noted.ended == []


async def test_an_answered_request_that_pauses_is_given_up(
    door: WebDoorServer, monkeypatch: pytest.MonkeyPatch
):
    """The rest of a refused request is not waited for as long as that of another."""
    monkeypatch.setattr(exchange, "DRAIN_S", 0.2)
    headers = {**JSON, "origin": "https://other.example", "content-length": "100"}
    async with connected(door.port) as (reader, writer):
        writer.write(head(UPSERT, headers) + b'{"dem')
        told = await response(reader)
    assert told.status == 403


async def test_the_largest_request_is_read(door: WebDoorServer, noted: Noted):
    """With as many spaces as the limit allows it is a request like any other."""
    text = b'{"demand":{}}'
    whole = text + b" " * (MESSAGE_BYTES_MAX - len(text))
    assert (await posted(door.port, UPSERT, whole)).status == 400
    assert noted.ended == [("UpsertDemand", "INVALID_ARGUMENT")]
    assert (await posted(door.port, UPSERT, whole + b" ")).status == 429
    assert len(noted.ended) == 1


@pytest.mark.parametrize(
    ("body", "encoding", "status", "said"),
    [
        (gzip.compress(b" " * (UNPACKED_BYTES_MAX + 1)), "gzip", 429, "1048576"),
        (gzip.compress(b" " * (64 * 1024 * 1024)), "gzip", 429, "1048576"),
        (gzip.compress(b'{"demand":{}}')[:-9], "gzip", 400, "decompress"),
        (b'{"demand":{}}', "gzip", 400, "decompress"),
        (b'{"demand":{}}', "br", 501, "supported encodings are gzip"),
        (gzip.compress(b'{"demand":{}}'), "gzip, gzip", 501, "unknown compression"),
    ],
    ids=["one too many", "bomb", "cut off", "no gzip", "unknown", "twice"],
)
async def test_compressed_requests_are_unpacked_within_bounds(
    door: WebDoorServer,
    noted: Noted,
    body: bytes,
    encoding: str,
    status: int,
    said: str,
):
    """What unpacks to too much, or to nothing, is refused before it is a message."""
    answer = await posted(door.port, UPSERT, body, content_encoding=encoding)
    assert answer.status == status
    assert said in answer.told["message"]
    assert noted.ended == []


async def test_a_compressed_request_is_a_request(door: WebDoorServer, noted: Noted):
    """It is read, and the answer is not compressed, whatever the client takes."""
    body = gzip.compress(b'{"demand":{}}')
    answer = await posted(
        door.port, UPSERT, body, content_encoding="gzip", accept_encoding="gzip"
    )
    assert "demand.demand_id: got ''" in answer.told["message"]
    assert "gzip" not in answer.headers.get("content-encoding", "")
    assert noted.ended == [("UpsertDemand", "INVALID_ARGUMENT")]


def _enveloped(flags: int, length: int, data: bytes) -> bytes:
    return struct.pack(">BI", flags, length) + data


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (_enveloped(0, 1 << 31, b""), "resource_exhausted"),
        (_enveloped(0, 10, b"abc"), "invalid_argument"),
        (_enveloped(64, 3, b"abc"), "invalid_argument"),
        (b"\0\0", "invalid_argument"),
        (_enveloped(1, 3, b"abc"), "internal"),
    ],
    ids=["two gigabytes", "cut off", "unknown flags", "half a head", "not compressed"],
)
async def test_streams_of_broken_messages_end_with_their_fault(
    door: WebDoorServer, noted: Noted, sent: bytes, code: str
):
    """After a whole message a broken one: the first is answered, the call is ended."""
    item = return_item("r1").SerializeToString()
    raw = returns.StreamReturnsRequest(
        return_item=return_item("r1")
    ).SerializeToString()
    assert item in raw
    first = _enveloped(0, len(raw), raw)
    answer = await posted(
        door.port, STREAM, first + sent, content_type="application/connect+proto"
    )
    assert answer.status == 200
    assert f'"code": "{code}"'.encode() in answer.body
    assert noted.ended == [("StreamReturns", "CANCELLED")]


async def test_a_request_that_pauses_is_given_up(
    door: WebDoorServer, noted: Noted, monkeypatch: pytest.MonkeyPatch
):
    """Half a body and nothing more: the connection is ended, and nothing is called."""
    monkeypatch.setattr(exchange, "PAUSE_S", 0.2)
    async with connected(door.port) as (reader, writer):
        writer.write(head(UPSERT, {**JSON, "content-length": "100"}) + b'{"dem')
        told = await response(reader)
    assert told.status == 499
    assert noted.ended == []


async def test_a_connection_without_a_request_is_given_up(
    door: WebDoorServer, monkeypatch: pytest.MonkeyPatch
):
    """Whether it sends nothing or half a header, it is closed after a while."""
    monkeypatch.setattr(web_server, "_SILENCE_S", 0.2)
    for sent in (b"", head(UPSERT, JSON)[:-2]):
        async with connected(door.port) as (reader, writer):
            writer.write(sent)
            assert await asyncio.wait_for(reader.read(), WAIT_S) == b""


async def test_headers_are_bounded(door: WebDoorServer, noted: Noted):
    """A header of a megabyte is refused before it is there."""
    async with connected(door.port) as (reader, writer):
        writer.write(head(UPSERT, {"x-long": "a" * 1_000_000}))
        told = await _answered(reader)
    assert told is None or told.status == 400
    assert noted.ended == []


async def _answered(reader: asyncio.StreamReader) -> Response | None:
    # It may be shut before all is sent, and then the answer is lost on its way.
    try:
        return await response(reader)
    except ConnectionError:
        return None


async def test_a_watcher_that_does_not_read_is_not_read_for(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    """
    1,000 decisions of 1 KiB and more, and a client that takes none of them.

    What the server reads ahead fills one batch, and what the connection buffers, which
    is 64 KiB on either side. Then the client reads, to the last.
    """
    items = [return_item(f"w{at}") for at in range(1_000)]
    batch = returns.BatchSubmitReturnsRequest(return_items=items).SerializeToString()
    asked: list[int] = []
    decisions_after = runtime.store.decisions_after

    def noted(tenant: TenantId, sequence: int, limit: int) -> list[LoggedDecision]:
        asked.append(sequence)
        return decisions_after(tenant, sequence, limit)

    monkeypatch.setattr(runtime.store, "decisions_after", noted)
    request = matches.WatchDecisionsRequest(stop_at_end=True).SerializeToString()
    body = _enveloped(0, len(request), request)
    headers = {
        "content-type": "application/connect+proto",
        "content-length": str(len(body)),
    }
    loop = asyncio.get_running_loop()
    async with WebDoorServer(runtime) as door:
        sent = await posted(door.port, BATCH, batch, content_type="application/proto")
        assert sent.status == 200
        with door.slow_connection() as slow:
            await loop.sock_connect(slow, ("127.0.0.1", door.port))
            await loop.sock_sendall(slow, head(WATCH, headers) + body)
            reads = -1
            while reads < len(asked):
                reads = len(asked)
                await asyncio.sleep(0.3)
            assert asked
            assert max(asked) < 800, f"{max(asked)} read for it"
            received = b""
            while piece := await asyncio.wait_for(loop.sock_recv(slow, 65_536), WAIT_S):
                received += piece
    assert b"w999" in received
    assert received.endswith(b"0\r\n\r\n")


async def test_one_demand_by_hand(door: WebDoorServer, noted: Noted):
    """What the tests above send by hand is what the door takes, if it is sound."""
    raw = demands.UpsertDemandRequest(demand=demand("d1")).SerializeToString()
    answer = await posted(door.port, UPSERT, raw, content_type="application/proto")
    assert answer.status == 200
    stored = demands.UpsertDemandResponse.FromString(answer.body)
    assert stored.demand.demand_id == "d1"
    assert noted.ended == [("UpsertDemand", "OK")]
