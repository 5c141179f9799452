"""One tenant's load, from a process of its own: its own work delays nobody else's."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.instant_returns import submits
from benchmarks.open_loop import Calls, MakeCall, open_loop
from nearturn import RetryRules
from nearturn.async_client import AsyncClient
from server.access.local_callers import TENANT_KEY

IN_FLIGHT = 64

# More requests than one second of any server takes, made before the load begins.
_PER_SECOND = 5_000


@contextmanager
def tenant_load(
    address: str, tenant: str, rate: float, name: str
) -> Iterator[subprocess.Popen[bytes]]:
    """
    Load a server in the name of a tenant until the block ends.

    Parameters
    ----------
    rate
        Calls a second at instants of a Poisson process; 0 for as many as are answered
        with 64 in flight.
    name
        What its returns are called.
    """
    command = [
        *(sys.executable, "-m", "benchmarks.tenant_load"),
        *(address, tenant, str(rate), name),
    ]
    with subprocess.Popen(  # noqa: S603 - ourselves, with our own arguments
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            process.stdout.readline()
            yield process
        finally:
            process.stdin.close()


def told_rate(process: subprocess.Popen[bytes]) -> float:
    """End a load; return how many calls a second were answered."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    found = json.loads(process.stdout.readline())
    return float(found["answered_per_s"])


async def _load(address: str, tenant: str, rate: float, name: str) -> None:
    print("loading", flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    ended.add_done_callback(lambda _: stop.set())
    answered, begun = 0, time.perf_counter()
    async with AsyncClient(address, retry=RetryRules(attempts_max=1)) as client:
        for turn in itertools.count():
            if stop.is_set():
                break
            submit = submits(
                client.channel,
                _PER_SECOND,
                f"{name}-{turn}",
                metadata=((TENANT_KEY, tenant),),
            )
            if rate:
                calls = await open_loop(submit, rate, 1.0, turn)
            else:
                calls = await _closed(submit, stop)
            answered += len(calls.seconds)
    told = {"answered_per_s": answered / (time.perf_counter() - begun)}
    print(json.dumps(told), flush=True)


async def _closed(call: MakeCall, stop: asyncio.Event) -> Calls:
    # One second of it, or until it is to stop.
    found, numbers = Calls(), itertools.count()
    until = time.perf_counter() + 1.0

    async def caller() -> None:
        while time.perf_counter() < until and not stop.is_set():
            begun = time.perf_counter()
            await call(next(numbers))
            found.seconds.append(time.perf_counter() - begun)

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    return found


if __name__ == "__main__":
    asyncio.run(_load(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]))
