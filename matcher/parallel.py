"""Even shares of some work, each on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

# Fewer are done sooner than threads are started.
_SMALL = 1 << 15


def by_ranges(count: int, threads: int, run: Callable[[int, int], T]) -> list[T]:
    """
    Run on even ranges ``(start, stop)`` of ``count``, one for each thread.

    Only what releases the GIL gains by it; the ranges share no place.
    """
    if threads == 1 or count < _SMALL:
        return [run(0, count)]
    cuts = [count * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda ends: run(*ends), pairwise(cuts)))
