"""Greedy, rounds of several windows, and the optimum in hindsight, over a month."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.result import Result
from matcher.index import DemandIndex
from matcher.solve import CandidateGraph, assign, check_certificate

FAMILY = "windows"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_HOURS = 30 * 24
_DEMAND_OPEN_H = 7 * 24.0
_RETURN_WAITS_H = 72.0
_RADIUS_M = 25_000
_MICROS_PER_M = 250

#: Hours between rounds.
WINDOWS_H = (1, 6, 24, 72)


@dataclass(frozen=True, slots=True)
class Month:
    """Returns and demands as they come, with all pairs that are near enough."""

    return_h: FloatArray
    demand_h: FloatArray
    row_offsets: IntArray
    columns: NDArray[np.int32]
    saving: IntArray

    def during(self, low_h: FloatArray, high_h: FloatArray) -> CandidateGraph:
        """Return the pairs whose demand is open at some time of each return's own."""
        row = np.repeat(np.arange(len(self.return_h)), np.diff(self.row_offsets))
        came = self.demand_h[self.columns]
        kept = (came <= high_h[row]) & (came + _DEMAND_OPEN_H >= low_h[row])
        offsets = np.append(0, np.cumsum(kept))[self.row_offsets]
        return CandidateGraph(
            offsets,
            self.columns[kept],
            self.saving[kept],
            np.ones(len(self.demand_h), np.int32),
        )


def windows(returns: int, seed: int, threads: int) -> Iterator[Result]:
    """
    Decide a month's returns at once, in rounds, or all in hindsight.

    A return waits 72 hours at most, a demand stays open for seven days. In hindsight
    every pair may be made that was possible at some time: no way of working can save
    more, and none that does not know the future can save as much.
    """
    month = _month(np.random.default_rng(seed), returns, threads)
    hindsight = month.during(month.return_h, month.return_h + _RETURN_WAITS_H)
    started = time.perf_counter()
    best = assign(hindsight, threads=threads)
    seconds = time.perf_counter() - started
    check_certificate(hindsight, best)
    matched = best.column >= 0
    yield _result("hindsight", seconds, best.value, best.value, matched, None)
    for window_h in (0, *WINDOWS_H):
        started = time.perf_counter()
        saved, waited = _play(month, window_h)
        seconds = time.perf_counter() - started
        name = f"rounds of {window_h} h" if window_h else "greedy, at once"
        yield _result(name, seconds, saved, best.value, waited >= 0, waited)


def _month(rng: np.random.Generator, returns: int, threads: int) -> Month:
    side = 1.5
    demands = 2 * returns
    places = [rng.uniform(0, side, (count, 2)) for count in (returns, demands)]
    skus = max(1, returns // 50)
    keys = [
        np.minimum(rng.geometric(3 / skus, count), skus) for count in (returns, demands)
    ]
    index = DemandIndex()
    slots = index.insert(keys[1], *places[1].T)
    lat, lng = places[0].T
    radii = np.full(returns, _RADIUS_M)
    found = index.within(keys[0], lat, lng, radii, threads=threads)
    return Month(
        return_h=np.sort(rng.uniform(0, _HOURS, returns)),
        demand_h=rng.uniform(-_DEMAND_OPEN_H, _HOURS, demands),
        row_offsets=found.row_offsets,
        columns=np.argsort(slots)[found.slots].astype(np.int32),
        saving=(_RADIUS_M + 1 - found.distance_m.astype(np.int64)) * _MICROS_PER_M,
    )


def _play(month: Month, window_h: int) -> tuple[int, FloatArray]:
    # What is saved, and how long each return waited; below zero: not matched.
    waited = np.full(len(month.return_h), -1.0)
    is_taken = np.zeros(len(month.demand_h), np.bool_)
    saved = 0
    if window_h == 0:
        for row in range(len(month.return_h)):
            saved += _take(month, row, float(month.return_h[row]), is_taken, waited)
        return saved, waited
    for end_h in np.arange(window_h, _HOURS + _RETURN_WAITS_H, window_h):
        rows = np.nonzero(
            (month.return_h <= end_h)
            & (month.return_h + _RETURN_WAITS_H >= end_h)
            & (waited < 0)
        )[0]
        saved += _round(month, rows, float(end_h), is_taken, waited)
    return saved, waited


def _open(month: Month, row: int, now_h: float, is_taken: BoolArray) -> IntArray:
    # Candidates of a return whose demand is there and free.
    start, stop = month.row_offsets[row : row + 2]
    columns = month.columns[start:stop]
    came = month.demand_h[columns]
    good = (came <= now_h) & (came + _DEMAND_OPEN_H >= now_h) & ~is_taken[columns]
    return np.asarray(start + np.nonzero(good)[0], np.int64)


def _take(
    month: Month,
    row: int,
    now_h: float,
    is_taken: BoolArray,
    waited: FloatArray,
) -> int:
    edges = _open(month, row, now_h, is_taken)
    if not len(edges):
        return 0
    best = edges[np.argmax(month.saving[edges])]
    is_taken[month.columns[best]] = True
    waited[row] = 0.0
    return int(month.saving[best])


def _round(
    month: Month,
    rows: IntArray,
    now_h: float,
    is_taken: BoolArray,
    waited: FloatArray,
) -> int:
    edges = [_open(month, int(row), now_h, is_taken) for row in rows]
    flat = np.concatenate(edges) if edges else np.empty(0, np.int64)
    graph = CandidateGraph(
        np.append(0, np.cumsum([len(each) for each in edges])).astype(np.int64),
        month.columns[flat],
        month.saving[flat],
        np.ones(len(month.demand_h), np.int32),
    )
    answer = assign(graph)
    matched = np.nonzero(answer.column >= 0)[0]
    is_taken[answer.column[matched]] = True
    waited[rows[matched]] = now_h - month.return_h[rows[matched]]
    return answer.value


def _result(
    way: str,
    seconds: float,
    saved: int,
    best: int,
    matched: BoolArray,
    waited: FloatArray | None,
) -> Result:
    numbers = {
        "returns": float(len(matched)),
        "match_rate": float(matched.mean()),
        "cost_gap": 1 - saved / best if best else 0.0,
    }
    if waited is not None and matched.any():
        numbers["mean_wait_h"] = float(waited[matched].mean())
    return Result(FAMILY, "a month", way, seconds, numbers=numbers)
