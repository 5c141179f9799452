"""What happens by time alone: what is due, rounds, forgetting, checkpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from matcher.domain.errors import UnavailableError

log = structlog.get_logger(__name__)

Step = Callable[[], Awaitable[None]]


async def tick(
    settle: Step, run_due: Step, wait_s: Callable[[], Awaitable[float]]
) -> None:
    """
    Settle what is due and start the rounds that are, for ever.

    Parameters
    ----------
    settle
        Settles what time has settled.
    run_due
        Runs the rounds that are due. Runs beside the rest: one that takes long, or
        hangs, holds up no deadline; until it is done no other is started.
    wait_s
        Says how many seconds to wait.
    """
    rounds: asyncio.Task[None] | None = None
    try:
        while True:
            await asyncio.sleep(await wait_s())
            await _guarded("tick", settle())
            if rounds is None or rounds.done():
                rounds = asyncio.create_task(_guarded("round", run_due()))
    finally:
        if rounds is not None:
            rounds.cancel()


async def repeat(
    name: str,
    steps: Callable[[], Iterable[Step]],
    every_s: float,
    *,
    first_s: float = 0.0,
) -> None:
    """
    Take some steps every so often, for ever; what is missed is made up for later.

    ``first_s`` is how long to wait before the first time, seconds.
    """
    await asyncio.sleep(first_s)
    while True:
        for step in steps():
            await _guarded(name, step())
        await asyncio.sleep(every_s)


async def _guarded(name: str, step: Awaitable[None]) -> None:
    # The timers go on, whatever one step of them comes to.
    try:
        await step
    except UnavailableError as error:
        log.warning("timer_unavailable", timer=name, error=str(error))
    except Exception:
        log.exception("timer_broke", timer=name)
