"""One event against a million open demands."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.result import Result
from matcher.geo import unit_vectors
from matcher.index import DemandIndex

FAMILY = "online"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_RADIUS_M = 5_000


def online(count: int, seed: int, events: int = 300) -> Iterator[Result]:
    """
    Insert, remove and look up one demand among many; medians over events.

    Ours is timed from Python, checks and calls included. The peer is the same work
    redone from scratch: a tree over all places.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal((40.0, -95.0), 3.0, (20, 2))
    at = centres[rng.integers(0, 20, count)] + rng.normal(0, 0.4, (count, 2))
    keys = rng.integers(0, 100, count)
    index = DemandIndex()
    index.insert(keys, *at.T)
    # The first look-up links the slots; that is the index being built.
    _look_up(index, keys[:1], at[:1])
    case = f"{count:,} open demands"
    per_demand = index.memory_bytes / count
    fresh = at[rng.integers(0, count, events)] + rng.normal(0, 0.01, (events, 2))
    slots: list[int] = []

    def insert(number: int) -> None:
        slots.extend(index.insert(keys[number : number + 1], *fresh[[number]].T))

    def remove(number: int) -> None:
        index.remove(np.array(slots[number : number + 1]))

    def look_up(number: int) -> None:
        _look_up(index, keys[number : number + 1], fresh[[number]])

    steps: tuple[tuple[str, Callable[[int], None]], ...] = (
        ("look up", look_up),
        ("insert", insert),
        ("remove", remove),
    )
    scratch = _scratch_s(at)
    for name, step in steps:
        seconds = statistics.median(_timed(partial(step, n)) for n in range(events))
        yield Result(
            FAMILY,
            f"{case}: {name}",
            "nearturn",
            seconds,
            numbers={"bytes_per_demand": per_demand},
        )
        yield Result(
            FAMILY,
            f"{case}: {name}",
            "SciPy KDTree from scratch",
            scratch,
            scratch / seconds,
        )


def _look_up(index: DemandIndex, keys: IntArray, at: FloatArray) -> None:
    lat, lng = at.T
    index.within(keys, lat, lng, np.full(len(at), _RADIUS_M))


def _timed(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _scratch_s(at: FloatArray) -> float:
    return _timed(lambda: KDTree(unit_vectors(*at.T)).query(np.zeros(3)))
