"""One event against a million open demands."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.candidates import Places, places
from benchmarks.end_to_end import candidate_graph
from benchmarks.greedy import greedy, saved
from benchmarks.result import Result
from matcher.geo import unit_vectors
from matcher.index import DemandIndex
from matcher.solve import Assignment, CandidateGraph, LiveAssignment, assign

FAMILY = "online"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_KEYS = 100

# Nearest demands that are candidates enough for one return.
_BEST = 10

# Open demands for each return that waits.
_DEMANDS_PER_RETURN = 10


@dataclass(frozen=True, slots=True)
class _Event:
    """An event on some of the numbered places or returns."""

    name: str
    run: Callable[[IntArray], object]


def online(
    count: int, seed: int, threads: int = 2, events: int = 300
) -> Iterator[Result]:
    """
    Insert, remove, look up and re-optimise, one event at a time and many in a call.

    Seconds are the median of single calls from Python, checks included; what an event
    costs in a call of many is beside them. The peer is the same work from scratch: a
    tree over all places, or a solve of the whole market.
    """
    rng = np.random.default_rng(seed)
    given = places(rng, count, _KEYS, threads)
    yield from _index_events(given, rng, events)
    yield from _market_events(given, rng, events)


def _index_events(
    given: Places, rng: np.random.Generator, events: int
) -> Iterator[Result]:
    count = len(given.demands)
    index = DemandIndex()
    index.insert(given.demand_keys, *given.demands.T)
    picked = rng.choice(count, 2 * events, replace=events > count // 2)
    fresh = given.demands[picked] + rng.normal(0, 0.01, (2 * events, 2))
    keys = given.demand_keys[picked]
    slots = np.empty(2 * events, np.int64)

    def look_up(at: IntArray) -> None:
        radius = np.full(len(at), given.radius_m)
        lat, lng = fresh[at].T
        index.within(keys[at], lat, lng, radius)

    def ten_best(at: IntArray) -> None:
        radius = np.full(len(at), given.radius_m)
        lat, lng = fresh[at].T
        index.best(keys[at], lat, lng, radius, _BEST)

    def insert(at: IntArray) -> None:
        slots[at] = index.insert(keys[at], *fresh[at].T)

    def remove(at: IntArray) -> None:
        index.remove(slots[at])

    # The first look-up links all places: that is the index being built.
    look_up(np.arange(1))
    started = time.perf_counter()
    KDTree(unit_vectors(*given.demands.T)).query(np.zeros(3))
    scratch = time.perf_counter() - started
    per_demand = index.memory_bytes / count
    for event in (
        _Event("look up", look_up),
        _Event("look up, covers at hand", look_up),
        _Event("ten best", ten_best),
        _Event("insert", insert),
        _Event("remove", remove),
    ):
        case = f"{count:,} open demands: {event.name}"
        yield from _compare(
            case,
            event,
            events,
            ("SciPy KDTree from scratch", scratch),
            {"bytes_per_demand": per_demand},
        )


def _market_events(
    given: Places, rng: np.random.Generator, events: int
) -> Iterator[Result]:
    count = len(given.demands)
    waiting = np.arange(max(1, count // _DEMANDS_PER_RETURN))
    graph = candidate_graph(given, waiting)
    started = time.perf_counter()
    answer = assign(graph)
    scratch = time.perf_counter() - started
    live = LiveAssignment(graph, answer)
    picked = rng.choice(len(waiting), 2 * events, replace=False)
    slots = picked.copy()

    def leave(at: IntArray) -> None:
        live.remove_returns(slots[at])

    def come(at: IntArray) -> None:
        slots[at] = live.insert_returns(*_rows(graph, picked[at]))

    misses = 1 - saved(graph, greedy(graph)) / max(1, answer.value)
    for event in (_Event("return leaves", leave), _Event("return comes", come)):
        case = (
            f"{len(waiting):,} returns, {count:,} demands, "
            f"{len(graph.columns):,} candidates: {event.name}"
        )
        yield from _compare(
            case,
            event,
            events,
            ("nearturn from scratch", scratch),
            {"greedy_misses": misses},
        )
    _agree(graph, answer, live, picked, slots)


def _agree(
    graph: CandidateGraph,
    answer: Assignment,
    live: LiveAssignment,
    picked: IntArray,
    slots: IntArray,
) -> None:
    # All have come back: the answer is what it was.
    rows = np.arange(graph.row_count)
    rows[picked] = slots
    _, found = live.answer(rows, np.arange(graph.column_count))
    assert np.array_equal(found.column, answer.column)
    assert np.array_equal(found.demand_price, answer.demand_price)


def _rows(
    graph: CandidateGraph, rows: IntArray
) -> tuple[IntArray, NDArray[np.int32], IntArray]:
    counts = np.diff(graph.row_offsets)[rows]
    at = np.concatenate([np.arange(*graph.row_offsets[row : row + 2]) for row in rows])
    return np.append(0, np.cumsum(counts)), graph.columns[at], graph.saving[at]


def _compare(
    case: str,
    event: _Event,
    events: int,
    scratch: tuple[str, float],
    numbers: dict[str, float],
) -> Iterator[Result]:
    # The first half of the places one by one, the second in one call.
    single = statistics.median(
        _timed(event, np.arange(number, number + 1)) for number in range(events)
    )
    together = _timed(event, np.arange(events, 2 * events)) / events
    peer, seconds = scratch
    yield Result(
        FAMILY,
        case,
        "nearturn",
        single,
        numbers={f"us_in_a_call_of_{events}": 1e6 * together, **numbers},
    )
    yield Result(FAMILY, case, peer, seconds, seconds / single)


def _timed(event: _Event, at: IntArray) -> float:
    started = time.perf_counter()
    event.run(at)
    return time.perf_counter() - started
