"""A probe that asks a server for its health over and over, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

_PAUSE_S = 0.02
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Probes:
    """How long answers took, and how many checks had none."""

    longest_ms: float
    p99_ms: float
    count: int
    failed_count: int


class HealthProber:
    """
    Probes a server while the context lasts.

    Not on the loop that makes the load: what that is behind is no wait of a probe.

    Parameters
    ----------
    address
        Of its health.
    """

    def __init__(self, address: str) -> None:
        self._command = [sys.executable, "-m", "benchmarks.health_prober", address]

    def __enter__(self) -> HealthProber:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> Probes:
        """Stop probing, and return what was found."""
        told, _ = self._process.communicate()
        return Probes(**json.loads(told))


async def _probe(address: str) -> Probes:
    # Until nobody is there to be told.
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.buffer.read))
    seconds: list[float] = []
    failed = 0
    async with grpc.aio.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while not over.done():
            begun = time.perf_counter()
            try:
                request = health_pb2.HealthCheckRequest()
                await health.Check(request, timeout=_TIMEOUT_S)
            except grpc.aio.AioRpcError:
                failed += 1
            seconds.append(time.perf_counter() - begun)
            await asyncio.sleep(_PAUSE_S)
    ordered = sorted(seconds)
    return Probes(
        longest_ms=1_000 * ordered[-1],
        p99_ms=1_000 * ordered[int(0.99 * (len(ordered) - 1))],
        count=len(ordered),
        failed_count=failed,
    )


if __name__ == "__main__":
    found = asyncio.run(_probe(sys.argv[1]))
    names = Probes.__dataclass_fields__
    print(json.dumps({name: getattr(found, name) for name in names}))
