"""Neighbours within a radius, against SciPy's k-d tree on unit vectors."""

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


def candidates(count: int, repetitions: int) -> Iterator[Comparison]:
    """Compare on clustered places of one key, as in a city with its surroundings."""
    rng = np.random.default_rng(count)
    lat, lng = rng.normal(40.7, 0.4, count), rng.normal(-74.0, 0.5, count)
    queries = max(1, count // 10)
    index = DemandIndex()
    index.insert(np.zeros(count, np.int64), lat, lng)
    tree = KDTree(unit_vectors(lat, lng))
    points = unit_vectors(lat[:queries], lng[:queries])
    for radius_m in (1_000, 5_000):
        # Integer metres, half up: the same circle for both.
        chord = 2 * np.sin((radius_m + 0.5) / EARTH_RADIUS_M / 2)
        yield compare(
            f"candidates within {radius_m // 1000} km",
            "SciPy KDTree query_ball_point",
            f"{queries:,} queries, {count:,} demands",
            partial(_ours, index, lat[:queries], lng[:queries], radius_m),
            partial(_peers, tree, points, chord),
            repetitions,
        )


def _ours(index: DemandIndex, lat: FloatArray, lng: FloatArray, radius_m: int) -> int:
    keys = np.zeros(len(lat), np.int64)
    return len(index.within(keys, lat, lng, np.full(len(lat), radius_m)).slots)


def _peers(tree: KDTree, points: FloatArray, chord: float) -> int:
    return sum(map(len, tree.query_ball_point(points, chord)))
