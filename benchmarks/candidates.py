"""Candidates within a radius, against SciPy's k-d tree on unit vectors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.timing import Comparison, compare
from matcher.geo import EARTH_RADIUS_M, unit_vectors
from matcher.index import DemandIndex

FloatArray = NDArray[np.float64]

_THREADS = 2
_CITIES = 20

# Candidates of each return, on average.
_PER_RETURN = 15


def candidates(count: int, repetitions: int) -> Iterator[Comparison]:
    """
    Compare on ``count`` returns and demands in and around twenty cities, one key.

    The sorting of the demands, or the making of the trees, counts on both sides.
    """
    rng = np.random.default_rng(count)
    centres = rng.normal((40.0, -95.0), 3.0, (_CITIES, 2))
    shares = rng.dirichlet(np.ones(_CITIES))
    demands, returns = (
        centres[rng.choice(_CITIES, count, p=shares)] + rng.normal(0.0, 0.4, (count, 2))
        for _ in range(2)
    )
    radius_m = _radius_m(demands, returns)
    size = f"{count:,} x {count:,}, {radius_m:,} m"
    for peer, run in PEERS.items():
        yield compare(
            "candidates, 1 key",
            f"SciPy {peer}",
            size,
            partial(_ours, demands, returns, radius_m),
            partial(run, demands, returns, _chord(radius_m)),
            repetitions,
        )


def _radius_m(demands: FloatArray, returns: FloatArray) -> int:
    # The radius that gives a sample of returns so many candidates.
    tree = KDTree(unit_vectors(*demands.T))
    chords, _ = tree.query(unit_vectors(*returns[:1000].T), k=_PER_RETURN)
    return round(float(np.median(chords[:, -1])) * EARTH_RADIUS_M)


def _chord(radius_m: int) -> float:
    # Integer metres, half up: the same circle for both.
    return float(2 * np.sin((radius_m + 0.5) / EARTH_RADIUS_M / 2))


def _ours(demands: FloatArray, returns: FloatArray, radius_m: int) -> int:
    index = DemandIndex()
    index.insert(np.zeros(len(demands), np.int64), *demands.T)
    radii = np.full(len(returns), radius_m)
    keys = np.zeros(len(returns), np.int64)
    lat, lng = returns.T
    return len(index.within(keys, lat, lng, radii, threads=_THREADS).slots)


def _by_matrix(demands: FloatArray, returns: FloatArray, chord: float) -> int:
    trees = [KDTree(unit_vectors(*places.T)) for places in (returns, demands)]
    return len(trees[0].sparse_distance_matrix(trees[1], chord, output_type="ndarray"))


def _by_point(demands: FloatArray, returns: FloatArray, chord: float) -> int:
    tree = KDTree(unit_vectors(*demands.T))
    found = tree.query_ball_point(unit_vectors(*returns.T), chord, workers=_THREADS)
    return sum(map(len, found))


PEERS = {
    "KDTree.sparse_distance_matrix": _by_matrix,
    f"KDTree.query_ball_point, {_THREADS} workers": _by_point,
}
