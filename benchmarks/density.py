"""What demand density does: time, match rate, distance, and what greedy loses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.greedy import greedy, saved
from benchmarks.result import Result
from matcher.index import DemandIndex
from matcher.solve import CandidateGraph, assign, check_certificate

FAMILY = "density"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_KM_PER_DEGREE = 111.2
_PER_KM_MICROS = 250_000


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One point of the sweep.

    Parameters
    ----------
    demands
        Open demands, all in one square.
    per_km2
        How many of them on a square kilometre.
    skus
        Keys, evenly spread.
    balance
        Returns for each demand.
    clustering
        Share of all that is around ten towns; the rest is anywhere.
    radius_km
        How far a return may go.
    """

    demands: int
    per_km2: float = 10.0
    skus: int = 100
    balance: float = 0.5
    clustering: float = 0.0
    radius_km: float = 10.0


#: What is swept, one at a time, from rural to city and so on.
SWEEPS: dict[str, tuple[float, ...]] = {
    "per_km2": (0.1, 1.0, 10.0, 100.0, 1_000.0),
    "skus": (1, 10, 100, 1_000, 10_000, 100_000),
    "balance": (0.1, 0.5, 1.0, 2.0),
    "clustering": (0.0, 0.5, 0.9),
    "radius_km": (1.0, 5.0, 10.0, 25.0, 50.0),
}


def density(demands: int, seed: int, threads: int) -> Iterator[Result]:
    """Solve a square of open demands under each value of each sweep."""
    for name, values in SWEEPS.items():
        for value in values:
            setting = replace(Setting(demands), **{name: value})  # type: ignore[arg-type]
            rng = np.random.default_rng(seed)
            at = _square(rng, setting)
            yield measured(f"{name} = {value:g}", *at, setting.radius_km, threads)


def of_tables(
    demands: tuple[FloatArray, list[str], IntArray],
    returns: tuple[FloatArray, list[str]],
    threads: int,
) -> Iterator[Result]:
    """Sweep the radius over the user's own places, keys and quantities."""
    codes = {key: at for at, key in enumerate(sorted({*demands[1], *returns[1]}))}
    keys = [
        np.array([codes[key] for key in each[1]], np.int64)
        for each in (demands, returns)
    ]
    for radius_km in SWEEPS["radius_km"]:
        yield measured(
            f"own tables, radius_km = {radius_km:g}",
            demands[0],
            returns[0],
            keys[0],
            keys[1],
            radius_km,
            threads,
            units=demands[2],
        )


def _square(
    rng: Generator, setting: Setting
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    side = np.sqrt(setting.demands / setting.per_km2) / _KM_PER_DEGREE
    towns = rng.uniform(0, side, (10, 2))
    counts = (setting.demands, max(1, round(setting.demands * setting.balance)))
    found = []
    for count in counts:
        at = rng.uniform(0, side, (count, 2))
        in_town = rng.random(count) < setting.clustering
        near = towns[rng.integers(0, 10, count)] + rng.normal(0, side / 60, (count, 2))
        at[in_town] = near[in_town]
        # Around the equator a degree is as long both ways.
        found.append(np.clip(at, -80, 80))
    keys = [rng.integers(0, int(setting.skus), count) for count in counts]
    return found[0], found[1], keys[0], keys[1]


def measured(
    case: str,
    demands: FloatArray,
    returns: FloatArray,
    demand_keys: IntArray,
    return_keys: IntArray,
    radius_km: float,
    threads: int,
    units: IntArray | None = None,
) -> Result:
    """
    Return time, match rate, mean distance and greedy's loss on one market.

    A pair saves so much for each kilometre that it is closer than the radius.
    """
    started = time.perf_counter()
    graph, distance_m = _graph(
        demands, returns, demand_keys, return_keys, radius_km, threads, units
    )
    answer = assign(graph, threads=threads)
    seconds = time.perf_counter() - started
    check_certificate(graph, answer)
    taken = graph.columns == answer.column[graph.edge_rows]
    matched = int((answer.column >= 0).sum())
    hasty = saved(graph, greedy(graph))
    return Result(
        FAMILY,
        case,
        "nearturn",
        seconds,
        numbers={
            "returns": len(returns),
            "demands": len(demands),
            "candidates": len(graph.columns),
            "match_rate": matched / max(1, len(returns)),
            "mean_distance_m": float(distance_m[taken].mean()) if matched else 0.0,
            "greedy_gap": 1 - hasty / answer.value if answer.value else 0.0,
        },
    )


def _graph(
    demands: FloatArray,
    returns: FloatArray,
    demand_keys: IntArray,
    return_keys: IntArray,
    radius_km: float,
    threads: int,
    units: IntArray | None,
) -> tuple[CandidateGraph, IntArray]:
    index = DemandIndex()
    slots = index.insert(demand_keys, *demands.T)
    radii = np.full(len(returns), round(radius_km * 1_000))
    lat, lng = returns.T
    found = index.within(return_keys, lat, lng, radii, threads=threads)
    column = np.argsort(slots)[found.slots].astype(np.int32)
    distance_m = found.distance_m.astype(np.int64)
    saving = (radii[0] + 1 - distance_m) * (_PER_KM_MICROS // 1_000)
    capacity = np.ones(len(demands), np.int32) if units is None else units
    graph = CandidateGraph(found.row_offsets, column, saving, capacity.astype(np.int32))
    return graph, distance_m
