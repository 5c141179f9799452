"""
What a call costs at each door of one server, by each way that it is spoken.

``python -m benchmarks.doors`` starts a server of its own and prints a table: one call
at a time, then 32. Client and server share the machine, so the server's own seconds say
more of it than the clock does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc.aio
import pyqwest
from google.protobuf import json_format

from benchmarks.instant_returns import instant_return
from matcher.domain.policy_change import Dimension
from nearturn import Client
from server.cli.demo_policy import demo_policy
from server.cli.load_run import put_in_force
from server.cli.server_process import RunningServer, running_process

_PATH = "/nearturn.v1.ReturnService/SubmitReturn"
_GRPC_WEB = "application/grpc-web+proto"
_ALONE_COUNT = 500
_BUSY_COUNT = 2_000
_IN_FLIGHT = 32
_REPETITIONS = 3

Call = Callable[[bytes], Awaitable[object]]


def main() -> None:
    """Measure, and print the middle of the repetitions."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        os.environ["NEARTURN_CONNECT_LISTEN"] = f"127.0.0.1:{port}"
        with running_process(Path(folder)) as server:
            with Client(server.address) as client:
                changes = [each for each in Dimension if each]
                put_in_force(client, demo_policy(), changes, "benchmark")
            asyncio.run(_measure(server, f"http://127.0.0.1:{port}{_PATH}"))


async def _measure(server: RunningServer, url: str) -> None:
    transport = pyqwest.HTTPTransport(enable_otel=False, pool_max_idle_per_host=64)
    web = pyqwest.Client(transport)
    numbers = itertools.count()

    def posted(kind: str, end: bytes = b"") -> Call:
        async def call(body: bytes) -> None:
            answer = await web.post(url, {"content-type": kind}, body)
            assert answer.status == 200, answer.text()
            assert end in answer.content, "gRPC-Web has its status behind the answer"

        return call

    async with grpc.aio.insecure_channel(server.address) as channel, transport:
        ways: dict[str, tuple[Call, Callable[[int], bytes]]] = {
            "gRPC": (channel.unary_unary(_PATH, None, None), _proto),
            "Connect, protobuf": (posted("application/proto"), _proto),
            "gRPC-Web": (
                posted("application/grpc-web+proto", b"grpc-status: 0"),
                _enveloped,
            ),
            "Connect, JSON": (posted("application/json"), _json),
        }
        rows: dict[str, list[tuple[float, ...]]] = {way: [] for way in ways}
        for _ in range(_REPETITIONS):
            for way, (call, request) in ways.items():
                rows[way].append(await _run(call, request, numbers, server.pid))
    print("| way | p50 ms | p99 ms | calls/s at 32 | server's ms a call |")
    print("|---|---|---|---|---|")
    for way, runs in rows.items():
        p50, p99, rate, own = (statistics.median(x) for x in zip(*runs, strict=True))
        print(f"| {way} | {p50:.2f} | {p99:.2f} | {rate:,.0f} | {own:.2f} |")


async def _run(
    call: Call,
    request: Callable[[int], bytes],
    numbers: itertools.count[int],
    server: int,
) -> tuple[float, ...]:
    # Encoded before: the client's own work is as alike as it can be.
    alone = [request(next(numbers)) for _ in range(_ALONE_COUNT)]
    taken = []
    for each in alone:
        began = time.perf_counter()
        await call(each)
        taken.append(1_000 * (time.perf_counter() - began))
    taken.sort()
    waiting = iter([request(next(numbers)) for _ in range(_BUSY_COUNT)])

    async def worker() -> None:
        for each in waiting:
            await call(each)

    began, own_s = time.perf_counter(), _worked_s(server)
    await asyncio.gather(*(worker() for _ in range(_IN_FLIGHT)))
    rate = _BUSY_COUNT / (time.perf_counter() - began)
    own_ms = 1_000 * (_worked_s(server) - own_s) / _BUSY_COUNT
    return taken[len(taken) // 2], taken[len(taken) * 99 // 100], rate, own_ms


def _worked_s(pid: int) -> float:
    # Behind the name of the program, which stands in brackets: user's and system's.
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    user, system = map(int, stat.split()[11:13])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def _proto(number: int) -> bytes:
    return instant_return(f"r{number}").SerializeToString()


def _enveloped(number: int) -> bytes:
    raw = _proto(number)
    return b"\0" + len(raw).to_bytes(4, "big") + raw


def _json(number: int) -> bytes:
    return json_format.MessageToJson(instant_return(f"r{number}"), indent=None).encode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main()
