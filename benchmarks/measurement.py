"""Repeated timings of several ways to do one thing, by turns."""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_PAGE_BYTES = 4096
_SAMPLE_S = 0.005


class RefusedError(Exception):
    """A peer says itself that it cannot solve this, for instance for its numbers."""


@dataclass(frozen=True, slots=True)
class Way(Generic[T]):
    """
    A way to get an answer.

    Parameters
    ----------
    name
        Ours, or a peer's.
    prepare
        Brings the input into the form that this way takes, which is not timed, and
        returns what is.
    """

    name: str
    prepare: Callable[[], Callable[[], T]]


@dataclass(slots=True)
class Timing:
    """Seconds and MiB of one way, over all repetitions."""

    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    @property
    def median_s(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)


@cache
def has_module(name: str) -> bool:
    """Import a module, if it is installed, and say whether it is."""
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def measure(
    ways: list[Way[T]], repetitions: int, agree: Callable[[str, T], object]
) -> dict[str, Timing]:
    """
    Time all ways by turns, so that what else the machine does meets all of them.

    Parameters
    ----------
    ways
        What to compare.
    repetitions
        Times that each is run.
    agree
        Called with the name and answer of each run; raises if it is wrong.

    Returns
    -------
    dict
        The timing of each way by its name; none of one that refused.
    """
    gc.collect()
    timings = {way.name: Timing() for way in ways}
    for _ in range(repetitions):
        for way in [way for way in ways if way.name in timings]:
            run = way.prepare()
            try:
                with PeakMemory() as memory:
                    started = time.perf_counter()
                    answer = run()
                    taken = time.perf_counter() - started
            except RefusedError:
                del timings[way.name]
                continue
            timing = timings[way.name]
            timing.seconds.append(taken)
            timing.peak_mib = max(timing.peak_mib, memory.grown_mib)
            agree(way.name, answer)
            del answer, run
    return timings


class PeakMemory:
    """How much the process grew at most while this was open, sampled."""

    def __enter__(self) -> PeakMemory:
        """Begin to sample."""
        self._start = self._peak = _resident_bytes()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._done.set()
        self._thread.join()
        self._peak = max(self._peak, _resident_bytes())

    @property
    def grown_mib(self) -> float:
        """MiB beyond what the process had in the beginning."""
        return (self._peak - self._start) / 2**20

    def _sample(self) -> None:
        while not self._done.wait(_SAMPLE_S):
            self._peak = max(self._peak, _resident_bytes())


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * _PAGE_BYTES
