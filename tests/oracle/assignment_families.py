"""Families of seeded instances: from the literature, and from what orders show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from matcher.solve import CandidateGraph

IntArray = NDArray[np.int64]
Family = Callable[[Generator, int], CandidateGraph]


def _graph(
    row: IntArray, column: IntArray, saving: IntArray, count: int, capacity: IntArray
) -> CandidateGraph:
    order = np.argsort(row, kind="stable")
    offsets = np.append(0, np.cumsum(np.bincount(row, minlength=count)))
    return CandidateGraph(
        offsets,
        column[order].astype(np.int32),
        saving[order],
        capacity.astype(np.int32),
    )


def _pairs(rng: Generator, n: int, m: int, degree: int) -> tuple[IntArray, IntArray]:
    return np.repeat(np.arange(n), degree), rng.integers(0, m, n * degree)


def uniform(rng: Generator, n: int) -> CandidateGraph:
    """Draw savings evenly, losses and repeated pairs among them."""
    row, column = _pairs(rng, n, n, 8)
    saving = rng.integers(-200_000, 1_000_000, len(row))
    return _graph(row, column, saving, n, np.ones(n, np.int64))


def few_values(rng: Generator, n: int) -> CandidateGraph:
    """Draw savings of 0 to 3: ties everywhere."""
    row, column = _pairs(rng, n, n, 6)
    return _graph(row, column, rng.integers(0, 4, len(row)), n, np.ones(n, np.int64))


def two_cost(rng: Generator, n: int) -> CandidateGraph:
    """Draw savings of 1 or 100, the two-cost family of the literature."""
    row, column = _pairs(rng, n, n, 10)
    saving = np.where(rng.random(len(row)) < 0.3, 100, 1)
    return _graph(row, column, saving, n, np.ones(n, np.int64))


def machol_wien(_: Generator, n: int) -> CandidateGraph:
    """Price all pairs at (i + 1)(j + 1), the family that takes the longest paths."""
    side = max(1, int(np.sqrt(n)) * 2)
    row, column = np.divmod(np.arange(side * side), side)
    saving = (side + 1) ** 2 - (row + 1) * (column + 1)
    return _graph(row, column, saving, side, np.ones(side, np.int64))


def clusters(rng: Generator, n: int) -> CandidateGraph:
    """Place rows around cities of different size; fallbacks vary."""
    city, weight = rng.random((12, 2)), rng.dirichlet(np.full(12, 0.6))
    places = [
        city[rng.choice(12, n, p=weight)] + 0.02 * rng.normal(size=(n, 2))
        for _ in range(2)
    ]
    near = cKDTree(places[0]).sparse_distance_matrix(
        cKDTree(places[1]), 0.02, output_type="coo_matrix"
    )
    fallback = rng.integers(10_000, 40_000, n)
    saving = fallback[near.row] - (near.data * 1_000_000).astype(np.int64)
    return _graph(near.row, near.col, saving, n, rng.integers(1, 4, n))


def same_places(rng: Generator, n: int) -> CandidateGraph:
    """Place all at ten postal centroids, so that most savings are equal."""
    home, target = rng.integers(0, 10, n), rng.integers(0, 10, n)
    row, column = _pairs(rng, n, n, 10)
    saving = 9_000 - 1_000 * np.abs(home[row] - target[column])
    return _graph(row, column, saving, n, np.ones(n, np.int64))


def scarce(rng: Generator, n: int) -> CandidateGraph:
    """Give ten returns seven demands and dear fallbacks: all want a match."""
    m = max(1, n * 7 // 10)
    row, column = _pairs(rng, n, m, 8)
    saving = 50_000_000 - rng.integers(0, 1_000_000, len(row))
    return _graph(row, column, saving, n, np.ones(m, np.int64))


def quantities(rng: Generator, n: int) -> CandidateGraph:
    """Give demands 0 to 5 units, a third fewer in all than returns."""
    m = max(1, n // 4)
    row, column = _pairs(rng, n, m, 5)
    saving = rng.integers(-100, 1_000, len(row))
    return _graph(row, column, saving, n, rng.integers(0, 6, m))


def bulk(rng: Generator, n: int) -> CandidateGraph:
    """Give four demands very many units, which half of the rows fill."""
    row, column = _pairs(rng, n, 4, 3)
    saving = rng.integers(1, 100_000, len(row))
    return _graph(row, column, saving, n, np.full(4, max(1, n // 8)))


FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        uniform,
        few_values,
        two_cost,
        machol_wien,
        clusters,
        same_places,
        scarce,
        quantities,
        bulk,
    )
}
