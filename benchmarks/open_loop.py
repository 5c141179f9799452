"""Calls that arrive when they arrive, whether or not the ones before are answered."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc
import grpc.aio
import numpy as np

#: Makes one call, numbered from 0.
MakeCall = Callable[[int], Awaitable[object]]

# An event loop cannot sleep more exactly.
_TICK_S = 0.001


@dataclass(slots=True)
class Calls:
    """
    How calls ended.

    ``seconds`` from the instant that each should have begun, so that a generator or a
    server that falls behind is seen in it; of answered ones only. ``refused`` counts
    the codes of the others, ``late_s`` is how far the generator itself was behind at
    most, ``taken_s`` the time from the first arrival to the last answer, and
    ``left_out`` the calls that it could not make in time.
    """

    seconds: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    late_s: float = 0.0
    taken_s: float = 0.0
    left_out: int = 0

    @property
    def made(self) -> int:
        """Calls that were made, however they ended."""
        return len(self.seconds) + sum(self.refused.values())

    def percentile_ms(self, percent: float) -> float:
        """Return the milliseconds that so many per cent of the answers kept to."""
        if not self.seconds:
            return float("inf")
        return float(np.percentile(self.seconds, percent)) * 1_000


async def open_loop(
    call: MakeCall,
    rate: float,
    seconds: float,
    seed: int,
    behind_s_max: float = float("inf"),
) -> Calls:
    """
    Make calls at a rate, at instants of a Poisson process.

    Nobody waits for an answer before the next call: what is slow makes a queue, and
    the queue is in the figures. See Schroeder, Wierman and Harchol-Balter, "Open
    versus closed: a cautionary tale", NSDI 2006.

    Parameters
    ----------
    call
        Makes a call; a :class:`grpc.RpcError` counts by its code.
    rate
        Calls a second, on average.
    seconds
        For how long calls arrive; their answers are waited for.
    seed
        Of the instants.
    behind_s_max
        A call that would be made later than this is left out: a generator that cannot
        keep up offers what it can, and does not make a load of its own delay.
    """
    count = max(1, round(rate * seconds))
    gaps = np.random.default_rng(seed).exponential(1 / rate, count)
    found = Calls()
    running: set[asyncio.Task[None]] = set()
    begun = time.perf_counter()
    for number, offset in enumerate(np.cumsum(gaps).tolist()):
        due = begun + offset
        behind = time.perf_counter() - due
        if behind < -_TICK_S:
            await asyncio.sleep(-behind)
        elif number % 32 == 0:
            # Answers are read although arrivals are behind.
            await asyncio.sleep(0)
        if behind > behind_s_max:
            found.left_out += 1
            continue
        found.late_s = max(found.late_s, behind)
        task = asyncio.create_task(_timed(call, number, due, found))
        running.add(task)
        task.add_done_callback(running.discard)
    while running:
        await asyncio.wait(running)
    found.taken_s = time.perf_counter() - begun
    return found


async def closed_loop(call: MakeCall, count: int, in_flight: int) -> Calls:
    """Make ``count`` calls, ``in_flight`` of them at any time."""
    found = Calls()
    numbers = itertools.count()

    async def caller() -> None:
        while (number := next(numbers)) < count:
            await _timed(call, number, time.perf_counter(), found)

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    found.taken_s = time.perf_counter() - begun
    return found


async def _timed(call: MakeCall, number: int, due: float, found: Calls) -> None:
    try:
        await call(number)
    except grpc.aio.AioRpcError as error:
        found.refused[error.code().name] += 1
    else:
        found.seconds.append(time.perf_counter() - due)
