"""Until when the caller of the present task waits for its answer."""

from __future__ import annotations

import time
from contextvars import ContextVar

# Of what is left, so that the answer is stored and sent before the end.
_WORK_SHARE = 0.8

# An instant of the monotonic clock; None for a caller that waits without an end.
_until_s: ContextVar[float | None] = ContextVar("until_s", default=None)


def set_time_left(seconds: float | None) -> None:
    """Say how long the caller of this task, and of what it starts, goes on waiting."""
    _until_s.set(None if seconds is None else time.monotonic() + seconds)


def within_time_left_us(budget_us: int) -> int:
    """Return a budget, or what of it an answer in time allows if that is less."""
    left_s = time_left_s()
    if left_s is None:
        return budget_us
    return min(budget_us, round(_WORK_SHARE * left_s * 1_000_000))


def time_left_s() -> float | None:
    """Return for how many seconds the caller waits yet; ``None`` without an end."""
    until_s = _until_s.get()
    return None if until_s is None else max(0.0, until_s - time.monotonic())
