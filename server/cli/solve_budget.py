"""Seconds that a solve may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from matcher.solve import Stop


@contextmanager
def stop_after(seconds: float | None) -> Iterator[Stop]:
    """Give a stop that is requested when the seconds are over; None: never."""
    stop = Stop()
    if seconds is None:
        yield stop
        return
    timer = Timer(seconds, stop.request)
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
