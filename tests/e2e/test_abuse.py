"""What a server is sent that it should not be: bombs, floods, and callers that die."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from nearturn import Client
from nearturn.v1 import return_service_pb2 as pb
from tests.contract.messages import return_item, timestamp
from tests.scenarios import DAY_US
from tests.scenarios.server_process import ServerProcess, now_us

pytestmark = pytest.mark.e2e

_SUBMIT = "/nearturn.v1.ReturnService/SubmitReturn"
_MIB = 1024 * 1024
_PENDING = 16
_PATIENCE_S = 60.0

with socket.create_server(("127.0.0.1", 0)) as _free:
    HEALTH = f"127.0.0.1:{_free.getsockname()[1]}"

REFUSED = ("CANCELLED", "RESOURCE_EXHAUSTED")

_DYING_CALLER = """
import sys, time
from nearturn import Client
from nearturn.v1 import match_service_pb2 as matches, return_service_pb2 as returns

def requests():
    yield returns.StreamReturnsRequest()
    time.sleep(600)

with Client(sys.argv[1]) as client:
    watched = client.matches.WatchDecisions(matches.WatchDecisionsRequest())
    answers = client.returns.StreamReturns(requests())
    next(iter(answers))
    print("under way", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server that lets few calls wait to be taken off the wire."""
    folder = tmp_path_factory.mktemp("server")
    settings = folder / "settings.toml"
    settings.write_text(f"pending_calls_max = {_PENDING}\n", encoding="utf-8")
    options = (
        *("--config", str(settings), "--metrics-listen", "127.0.0.1:0"),
        *("--health-listen", HEALTH),
    )
    with ServerProcess(folder, *options, "--no-timers") as started:
        yield started


async def _refusal(
    server: ServerProcess, body: bytes, compression: grpc.Compression
) -> grpc.aio.AioRpcError:
    async with grpc.aio.insecure_channel(
        server.address,
        options=[("grpc.max_send_message_length", -1)],
        compression=compression,
    ) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary(_SUBMIT)(body, timeout=_PATIENCE_S)
    return refused.value


async def test_a_bomb_is_not_unpacked(server: ServerProcess) -> None:
    """128 MiB in 128 KiB: refused, and the memory never held a fourth of it."""
    size = 128 * _MIB
    # A field that nobody knows, of type bytes, with its length as a varint.
    body = b"\x7a\x80\x80\x80\x40" + bytes(size)
    before_mib = _peak_mib(server)
    error = await _refusal(server, body, grpc.Compression.Gzip)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert _peak_mib(server) - before_mib < size / _MIB / 4


@pytest.mark.parametrize("depth", [101, 10_000, 1_000_000])
async def test_deep_nesting_is_malformed(server: ServerProcess, depth: int) -> None:
    """Groups in groups, of a field that nobody knows: no message at any depth."""
    body = b"\x7b" * depth + b"\x7c" * depth
    error = await _refusal(server, body, grpc.Compression.NoCompression)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert f"message: got {2 * depth:,} bytes" in str(error.details())


def test_a_caller_that_is_killed_leaves_nothing(server: ServerProcess) -> None:
    """SIGKILL of a process with two streams open: both end, and the rest goes on."""
    assert _in_flight(server) == 0
    command = [sys.executable, "-c", _DYING_CALLER, server.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as caller:
        try:
            assert caller.stdout is not None
            assert caller.stdout.readline() == b"under way\n"
            _wait_until_in_flight(server, 2)
        finally:
            caller.kill()
    _wait_until_in_flight(server, 0)


async def test_a_flood_is_refused_before_it_is_read(server: ServerProcess) -> None:
    """
    Many more at once than may wait: some are refused, and of those nothing is done.

    Each of the others is answered and stored, and health answers meanwhile. What was
    refused is taken when it comes again.
    """
    ids = [f"flood-{number:04d}" for number in range(800)]
    async with grpc.aio.insecure_channel(server.address) as channel:
        submit = channel.unary_unary(
            _SUBMIT, pb.SubmitReturnRequest.SerializeToString, None
        )
        ends = await asyncio.gather(_healthy(), *(_code(submit, each) for each in ids))
        codes = dict(zip(ids, ends[1:], strict=True))
        counts = Counter(codes.values())
        # By gRPC, and by what speaks it, which can say when to come again.
        assert {"OK", "CANCELLED"} <= set(counts) <= {"OK", *REFUSED}, counts
        stored = _stored(server)
        assert stored == {each for each in ids if codes[each] == "OK"}
        again = next(each for each in ids if codes[each] in REFUSED)
        assert await _code(submit, again) == "OK"


async def _code(
    submit: grpc.aio.UnaryUnaryMultiCallable,  # type: ignore[type-arg]
    return_id: str,
) -> str:
    item = return_item(return_id, decide_by_time=timestamp(now_us() + DAY_US))
    try:
        await submit(pb.SubmitReturnRequest(return_item=item), timeout=_PATIENCE_S)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


async def _healthy() -> str:
    async with grpc.aio.insecure_channel(HEALTH) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(
            health_pb2.HealthCheckRequest(), timeout=_PATIENCE_S, wait_for_ready=True
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    return "OK"


def _stored(server: ServerProcess) -> set[str]:
    with Client(server.address) as client:
        found = client.returns.ListReturns(pb.ListReturnsRequest(page_size=1_000))
    return {each.return_id for each in found.return_items}


def _peak_mib(server: ServerProcess) -> float:
    # Of the server, and of what reads from the network for it.
    peaks = 0
    for pid in (server.pid, *server.wire_pids()):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        (line,) = [each for each in status.splitlines() if each.startswith("VmHWM")]
        peaks += int(line.split()[1])
    return peaks / 1024


def _in_flight(server: ServerProcess) -> float:
    lines = [json.loads(x) for x in server.logged().splitlines() if x.startswith("{")]
    (port,) = {line["port"] for line in lines if line["event"] == "metrics"}
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_PATIENCE_S) as answer:
        scraped = answer.read().decode()
    return sum(
        float(line.rpartition(" ")[2])
        for line in scraped.splitlines()
        if line.startswith("nearturn_rpcs_in_flight")
    )


def _wait_until_in_flight(server: ServerProcess, count: int) -> None:
    until = time.monotonic() + _PATIENCE_S
    while (found := _in_flight(server)) != count:
        assert time.monotonic() < until, f"{found} calls under way, not {count}"
        time.sleep(0.05)
