"""What one tenant at full load does to the answers of another."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.instant_returns import submits
from benchmarks.open_loop import Calls, open_loop
from benchmarks.result import Result
from benchmarks.tenant_load import tenant_load, told_rate
from nearturn import RetryRules
from nearturn.async_client import AsyncClient
from server.access.local_callers import TENANT_KEY
from server.cli.server_process import running_process

FAMILY = "tenants"

_QUIET, _BUSY = "quiet", "busy"

# Of what the busy one gets at 64 in flight, where it calls at a rate instead.
_STEADY = 0.5

_WARM_S = 1.0


@dataclass(frozen=True, slots=True)
class TenantParams:
    """How often the quiet tenant calls, and for how long each time."""

    rate: float
    seconds: float


def tenants(params: TenantParams, seed: int, repetitions: int) -> Iterator[Result]:
    """
    Submit returns of two tenants, each decided at once and stored.

    One calls seldom, at instants of a Poisson process: alone, then beside another that
    has 64 calls in flight all the time, then beside it at half of what it got so; and,
    to compare with, beside 64 calls in flight of its own tenant, where nothing is fair.
    Each client is a process of its own; server and clients share the machine.
    """
    alone, full, steady, shared = [], [], [], []
    rates, own_rates = [], []
    with (
        tempfile.TemporaryDirectory(prefix="nearturn-bench-") as folder,
        running_process(Path(folder), f"--tenants={_BUSY},{_QUIET}") as server,
    ):
        address = server.address
        _quiet(address, params, seed, "warm-up")
        for run in range(repetitions):
            with tenant_load(address, _BUSY, 0, f"own-{run}") as load:
                time.sleep(params.seconds / 2)
                own_rates.append(told_rate(load))
            alone.append(_quiet(address, params, seed + run, f"alone-{run}"))
            with tenant_load(address, _BUSY, 0, f"full-{run}") as load:
                time.sleep(_WARM_S)
                full.append(_quiet(address, params, seed + run, f"full-{run}"))
                rates.append(told_rate(load))
            half = _STEADY * own_rates[-1]
            with tenant_load(address, _BUSY, half, f"half-{run}") as load:
                time.sleep(_WARM_S)
                steady.append(_quiet(address, params, seed + run, f"half-{run}"))
                told_rate(load)
            with tenant_load(address, _QUIET, 0, f"shared-{run}") as load:
                time.sleep(_WARM_S)
                shared.append(_quiet(address, params, seed + run, f"shared-{run}"))
                told_rate(load)
    base = _p99_s(alone)
    case = f"{params.rate:,.0f} returns a second of one tenant, p99"
    yield Result(FAMILY, case, "alone", base, numbers=_numbers(alone))
    for way, runs, more in (
        (
            "beside another's 64 in flight",
            full,
            {
                "busy_per_s": statistics.median(rates),
                "busy_alone_per_s": statistics.median(own_rates),
            },
        ),
        ("beside half of that rate", steady, {}),
        ("beside 64 in flight of its own tenant", shared, {}),
    ):
        found = _p99_s(runs)
        numbers = {**_numbers(runs), "of_alone": found / base, **more}
        yield Result(FAMILY, case, way, found, numbers=numbers)


def _quiet(address: str, params: TenantParams, seed: int, name: str) -> Calls:
    async def run() -> Calls:
        async with AsyncClient(address, retry=RetryRules(attempts_max=1)) as client:
            count = round(2 * params.rate * params.seconds) + 1
            submit = submits(
                client.channel, count, name, metadata=((TENANT_KEY, _QUIET),)
            )
            await submit(count - 1)
            return await open_loop(submit, params.rate, params.seconds, seed)

    return asyncio.run(run())


def _p99_s(runs: list[Calls]) -> float:
    return statistics.median(run.percentile_ms(99) for run in runs) / 1_000


def _numbers(runs: list[Calls]) -> dict[str, float]:
    return {
        "median_ms": statistics.median(run.percentile_ms(50) for run in runs),
        "p99_ms": 1_000 * _p99_s(runs),
        "refused": sum(sum(run.refused.values()) for run in runs),
        "generator_late_ms": 1_000 * max(run.late_s for run in runs),
    }
