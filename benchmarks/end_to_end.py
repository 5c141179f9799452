"""Points in, certified decisions out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.candidates import Places, places
from benchmarks.measurement import Way, has_module, measure
from benchmarks.result import Result, Skipped
from benchmarks.solver_peers import SOLVER_PEERS
from matcher.geo import distance_m
from matcher.index import DemandIndex
from matcher.solve import CandidateGraph, assign, check_certificate

FAMILY = "end to end"

IntArray = NDArray[np.int64]

_MICROS_PER_M = 250


def end_to_end(
    count: int, skus: int, seed: int, repetitions: int, threads: int
) -> Iterator[Result | Skipped]:
    """
    Find, price, assign and check as many returns and demands over so many SKUs.

    The peer is what is at hand without us: SciPy's tree and OR-Tools' flow. Both
    begin with coordinates and end with a total; ours ends with a checked proof.
    """
    given = places(np.random.default_rng(seed), count, skus, threads)
    case = f"{count:,} x {count:,}, {skus:,} SKUs, {given.radius_m:,} m"
    found: dict[str, int] = {}

    def agree(name: str, value: int) -> None:
        found[name] = value
        assert len(set(found.values())) == 1, found

    ways: list[Way[int]] = [Way("nearturn", lambda: partial(_ours, given))]
    if has_module("ortools"):
        ways.append(Way("SciPy tree + OR-Tools flow", lambda: partial(_peer, given)))
    else:
        yield Skipped(FAMILY, "SciPy tree + OR-Tools flow", "ortools is not installed")
    timings = measure(ways, repetitions, agree)
    ours = timings["nearturn"].median_s
    for name, timing in timings.items():
        yield Result(
            FAMILY,
            case,
            name,
            timing.median_s,
            None if name == "nearturn" else timing.median_s / ours,
            timing.peak_mib,
            {"saving_micros": found[name]},
        )


def candidate_graph(given: Places, returns: IntArray) -> CandidateGraph:
    """Find and price the candidates of some of the returns, by our index."""
    index = DemandIndex()
    slots = index.insert(given.demand_keys, *given.demands.T)
    radii = np.full(len(returns), given.radius_m)
    lat, lng = given.returns[returns].T
    keys = given.return_keys[returns]
    found = index.within(keys, lat, lng, radii, threads=given.threads)
    place = np.empty(len(slots), np.int32)
    place[slots] = np.arange(len(slots), dtype=np.int32)
    return _priced(
        given, found.row_offsets, place[found.slots], found.distance_m.astype(np.int64)
    )


def _ours(given: Places) -> int:
    graph = candidate_graph(given, np.arange(len(given.returns)))
    answer = assign(graph, threads=given.threads)
    check_certificate(graph, answer)
    return answer.value


def _peer(given: Places) -> int:

    trees = [
        KDTree(given.vectors(given.returns, given.return_keys)),
        KDTree(given.vectors(given.demands, given.demand_keys)),
    ]
    pairs = trees[0].sparse_distance_matrix(
        trees[1], given.chord, output_type="ndarray"
    )
    order = np.argsort(pairs["i"], kind="stable")
    row, column = pairs["i"][order], pairs["j"][order].astype(np.int32)
    apart_m = distance_m(*given.returns[row].T, *given.demands[column].T)
    offsets = np.append(0, np.cumsum(np.bincount(row, minlength=len(given.returns))))
    graph = _priced(given, offsets, column, apart_m)
    return SOLVER_PEERS[0].prepare(graph, None)()


def _priced(
    given: Places, offsets: IntArray, columns: NDArray[np.int32], apart_m: IntArray
) -> CandidateGraph:
    saving = (given.radius_m + 1 - apart_m) * _MICROS_PER_M
    return CandidateGraph(
        offsets, columns, saving, np.ones(len(given.demands), np.int32)
    )
