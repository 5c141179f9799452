"""Where the server's time comes from; everything below gets it as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Gives the current instant, microseconds since the epoch, UTC.
Clock = Callable[[], int]


def system_clock() -> int:
    """Return the machine's time in microseconds since the epoch."""
    return time.time_ns() // 1_000


def monotonic_clock() -> int:
    """Return microseconds since some instant; no adjustment moves it back or on."""
    return time.monotonic_ns() // 1_000
