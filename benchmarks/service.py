"""What a server does under load, beside one that does nothing."""

from __future__ import annotations

import asyncio
import resource
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc.aio

from benchmarks.echo_server import METHOD, echo_server
from benchmarks.health_prober import HealthProber
from benchmarks.instant_returns import encoded, instant_return, submits
from benchmarks.open_loop import Calls, MakeCall, closed_loop, open_loop
from benchmarks.result import Result
from matcher.domain.policy_change import Dimension
from nearturn import Client, RetryRules
from nearturn.async_client import AsyncClient
from server.cli.demo_policy import demo_policy
from server.cli.load_run import put_in_force
from server.cli.server_process import RunningServer, running_process

FAMILY = "service"

_IN_FLIGHT = 64
_OVERLOAD = 3.0
_DEADLINE_S = 1.0
_BEHIND_S_MAX = 0.1
_RECOVERY_MAX_S = 30.0


@dataclass(frozen=True, slots=True)
class ServiceParams:
    """
    How much load for how long.

    ``call_count`` calls of each run at 64 in flight, ``steady_s`` of half of that rate,
    ``overload_s`` of three times it.
    """

    call_count: int
    steady_s: float
    overload_s: float


def service(params: ServiceParams, seed: int, repetitions: int) -> Iterator[Result]:
    """
    Submit returns that are decided at once, each in a call of its own.

    The peer is a bare grpc.aio server that gives bytes of the size of our answers for
    bytes of the size of our requests: its process, our process and the client share
    the machine, as ours do. Then three times the rate that ours sustains.
    """
    with ExitStack() as undo:
        folder = undo.enter_context(
            tempfile.TemporaryDirectory(prefix="nearturn-bench-")
        )
        health = _free_address()
        ours = undo.enter_context(
            running_process(Path(folder), f"--health-listen={health}")
        )
        with Client(ours.address) as client:
            put_in_force(
                client, demo_policy(), [d for d in Dimension if d], "benchmark"
            )
            size = client.returns.SubmitReturn(instant_return("first")).ByteSize()
        echo = undo.enter_context(echo_server(size))
        measured = asyncio.run(
            _measure(ours, health, echo, params, seed=seed, repetitions=repetitions)
        )
    yield from measured


async def _measure(
    ours: RunningServer,
    health: str,
    echo: str,
    params: ServiceParams,
    *,
    seed: int,
    repetitions: int,
) -> list[Result]:
    # What is refused counts as refused: nothing is tried again behind our back.
    once = RetryRules(attempts_max=1)
    async with (
        AsyncClient(ours.address, retry=once) as client,
        AsyncClient(echo, retry=once) as peer,
    ):
        found = []
        rates, echo_rates = [], []
        for run in range(repetitions):
            submit = submits(client.channel, params.call_count, f"closed-{run}")
            calls = await closed_loop(submit, params.call_count, _IN_FLIGHT)
            rates.append(len(calls.seconds) / calls.taken_s)
            bare = _echoes(peer.channel, params.call_count)
            calls = await closed_loop(bare, params.call_count, _IN_FLIGHT)
            echo_rates.append(len(calls.seconds) / calls.taken_s)
        rate, echo_rate = statistics.median(rates), statistics.median(echo_rates)
        found += _throughput(rate, echo_rate)
        found += await _half_load(client, peer, rate / 2, params, seed, repetitions)
        found.append(await _overload(client, ours, health, rate, params, seed))
        return found


def _throughput(rate: float, echo_rate: float) -> list[Result]:
    case = f"returns decided at once, {_IN_FLIGHT} in flight"
    return [
        Result(FAMILY, case, "nearturn", 1 / rate, numbers={"calls_per_s": rate}),
        Result(
            FAMILY,
            case,
            "grpc.aio that answers at once",
            1 / echo_rate,
            rate / echo_rate,
            numbers={"calls_per_s": echo_rate},
        ),
    ]


async def _half_load(
    client: AsyncClient,
    peer: AsyncClient,
    rate: float,
    params: ServiceParams,
    seed: int,
    repetitions: int,
) -> list[Result]:
    count = round(2 * rate * params.steady_s)
    ours, bare = [], []
    for run in range(repetitions):
        submit = submits(client.channel, count, f"half-{run}")
        ours.append(await open_loop(submit, rate, params.steady_s, seed + run))
        echo = _echoes(peer.channel, count)
        bare.append(await open_loop(echo, rate, params.steady_s, seed + run))
    case = f"the same at half load, {rate:,.0f} a second, p99"
    our_ms, bare_ms = _p99_ms(ours), _p99_ms(bare)
    return [
        Result(FAMILY, case, "nearturn", our_ms / 1_000, numbers=_spread(ours)),
        Result(
            FAMILY,
            case,
            "grpc.aio that answers at once",
            bare_ms / 1_000,
            bare_ms / our_ms,
            numbers=_spread(bare),
        ),
    ]


async def _overload(
    client: AsyncClient,
    ours: RunningServer,
    health: str,
    rate: float,
    params: ServiceParams,
    seed: int,
) -> Result:
    # A caller that has waited for its deadline is gone: answers after it are no good.
    wanted = _OVERLOAD * rate
    count = round(2 * wanted * params.overload_s)
    submit = submits(client.channel, count, "overload", _DEADLINE_S)
    once = RetryRules(attempts_max=1)
    before_mib = _memory_mib(ours)
    async with AsyncClient(ours.address, retry=once) as other:
        with HealthProber(health) as prober:
            calls = await open_loop(
                submit, wanted, params.overload_s, seed, _BEHIND_S_MAX
            )
            probes = await asyncio.to_thread(prober.end)
        recovery_s = await _recovery(other)
    return Result(
        FAMILY,
        f"{_OVERLOAD:.0f} times that rate for {params.overload_s:,.0f} s, deadlines "
        f"of {_DEADLINE_S:.0f} s",
        "nearturn",
        calls.taken_s,
        numbers={
            "wanted_per_s": wanted,
            "offered_per_s": calls.made / params.overload_s,
            "offered_of_sustained": calls.made / params.overload_s / rate,
            "good_per_s": len(calls.seconds) / calls.taken_s,
            "good_of_sustained": len(calls.seconds) / calls.taken_s / rate,
            "p99_ms": calls.percentile_ms(99),
            "grown_mib": _memory_mib(ours) - before_mib,
            "health_longest_ms": probes.longest_ms,
            "health_p99_ms": probes.p99_ms,
            "health_failed": probes.failed_count,
            "recovery_s": recovery_s,
            "generator_late_s": calls.late_s,
            **{f"{code}_count": n for code, n in sorted(calls.refused.items())},
        },
    )


async def _recovery(client: AsyncClient) -> float:
    # Until ten calls one after the other are each answered in a tenth of a second.
    begun = time.perf_counter()
    submit = submits(client.channel, 10_000, "recovery", _DEADLINE_S)
    number = quick = 0
    while quick < 10 and time.perf_counter() - begun < _RECOVERY_MAX_S:
        calls = await closed_loop(partial(_same, submit, number), 1, 1)
        number += 1
        quick = quick + 1 if calls.seconds and calls.seconds[0] < 0.1 else 0
    return time.perf_counter() - begun


def _p99_ms(runs: Sequence[Calls]) -> float:
    return statistics.median(run.percentile_ms(99) for run in runs)


def _spread(runs: Sequence[Calls]) -> dict[str, float]:
    return {
        "median_ms": statistics.median(run.percentile_ms(50) for run in runs),
        "p99_ms": _p99_ms(runs),
        "refused": sum(sum(run.refused.values()) for run in runs),
        "generator_late_ms": 1_000 * max(run.late_s for run in runs),
    }


def _echoes(channel: grpc.aio.Channel, count: int) -> Callable[[int], Awaitable[bytes]]:
    call = channel.unary_unary(METHOD, None, None)
    payloads = encoded(count, "echo")
    return lambda number: call(payloads[number])


def _same(call: MakeCall, number: int, _: int) -> Awaitable[object]:
    return call(number)


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def _memory_mib(server: RunningServer) -> float:
    # The server's, and that of the process that speaks gRPC for it.
    children = Path(f"/proc/{server.pid}").glob("task/*/children")
    pids = [
        str(server.pid),
        *(pid for each in children for pid in each.read_text().split()),
    ]
    fields = [Path(f"/proc/{pid}/statm").read_text(encoding="ascii") for pid in pids]
    pages = sum(int(each.split()[1]) for each in fields)
    return pages * resource.getpagesize() / 2**20
