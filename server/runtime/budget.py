"""Time that work on another thread may take."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from matcher.solve import Stop


@contextmanager
def budget(budget_us: int, stop: Stop | None = None) -> Iterator[Stop]:
    """Request a stop when the time is spent: of a solve, the best by then counts."""
    stop = stop or Stop()
    timer = asyncio.get_running_loop().call_later(budget_us / 1e6, stop.request)
    try:
        yield stop
    finally:
        timer.cancel()
