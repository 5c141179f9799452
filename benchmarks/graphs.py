"""Candidate graphs to solve: markets in space, and the families of the literature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import KDTree

from matcher.solve import CandidateGraph, Limits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SIDE_KM = 1_000.0
_PER_KM_MICROS = 1_000_000

# The dearest pair of the literature's families.
_DEAREST_MICROS = 1_000_000.0

# Strips of the square, one after the other, in which what is ordered comes.
_STRIPS = 100

# Zones of a market with limits, and how many are in a larger one, as H3 cells nest.
_ZONES = 343
_ZONES_PER_ZONE = 7

# What the ordinary way costs, in trips to the last candidate: least and most.
FALLBACKS = {"uniform": (1.0, 1.0), "varying": (0.5, 1.5), "very dear": (20.0, 20.0)}


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What a market looks like.

    Parameters
    ----------
    degree
        Demands that an item knows: its nearest.
    keys
        Groups of items and demands that know nothing of each other.
    fallback
        One of ``FALLBACKS``.
    rows_per_place
        Puts all on a few points, so that savings tie; 0: every point its own.
    is_ordered
        Whether both come place by place, as from an index, or in no order.
    units
        The most that a demand has.
    """

    degree: int = 20
    keys: int = 1
    fallback: str = "uniform"
    rows_per_place: int = 0
    is_ordered: bool = False
    units: int = 1


def market(rng: Generator, rows: int, columns: int, shape: Shape) -> CandidateGraph:
    """
    Return items and demands evenly over a square, each item with its nearest demands.

    Savings are micros: what the ordinary way costs, less the way to the buyer.
    """
    places = rows // shape.rows_per_place + 1 if shape.rows_per_place else 0
    degree = min(shape.degree, columns)
    (homes, of_row), (targets, of_column) = (
        _side(rng, count, places, shape) for count in (rows, columns)
    )
    # A third coordinate keeps the keys apart.
    far = 10 * _SIDE_KM * np.sqrt(shape.keys)
    tree = KDTree(np.column_stack((targets, far * of_column)))
    distance, nearest = tree.query(
        np.column_stack((homes, far * of_row)), range(1, degree + 1)
    )
    # At few places all that are near may be at the very same one: reach the next.
    reach = max(np.median(distance[:, -1]), places and _SIDE_KM / np.sqrt(places))
    trips = rng.uniform(*FALLBACKS[shape.fallback], (rows, 1))
    saving = ((reach * trips - distance) * _PER_KM_MICROS).astype(np.int64)
    kept = (saving > 0) & (distance < _SIDE_KM)
    return CandidateGraph(
        np.append(0, np.cumsum(kept.sum(axis=1))),
        nearest[kept].astype(np.int32),
        saving[kept],
        rng.integers(1, shape.units + 1, columns).astype(np.int32),
    )


def _uniform(rng: Generator, row: IntArray, column: IntArray) -> FloatArray:
    return rng.random(np.broadcast_shapes(row.shape, column.shape))


def _geometric(rng: Generator, row: IntArray, column: IntArray) -> FloatArray:
    homes, targets = (
        rng.random((side.max(initial=0) + 1, 2)) for side in (row, column)
    )
    away: FloatArray = np.linalg.norm(homes[row] - targets[column], axis=-1)
    return away


def _machol_wien(rng: Generator, row: IntArray, column: IntArray) -> FloatArray:  # noqa: ARG001
    return (row + 1.0) * (column + 1.0)


def _two_cost(rng: Generator, row: IntArray, column: IntArray) -> FloatArray:
    return np.where(_uniform(rng, row, column) < 0.5, 1.0, 100.0)


#: What a pair costs, in the literature's families: drawn, the distance of two points
#: of a square, the product of the numbers of row and column, and 1 or 100.
COSTS = {
    "uniform": _uniform,
    "geometric": _geometric,
    "machol-wien": _machol_wien,
    "two-cost": _two_cost,
}


def literature(
    rng: Generator, rows: int, columns: int, degree: int, kind: str, fallback: str
) -> CandidateGraph:
    """
    Return a graph without neighbourhoods: candidates anywhere, or all pairs.

    ``degree`` candidates for each row, drawn with repetition, or all columns if it is
    0; costs of ``COSTS[kind]``. The ordinary way costs ``FALLBACKS[fallback]`` times
    a little more than the dearest pair.
    """
    near = (
        np.sort(rng.integers(0, columns, (rows, degree)), axis=1)
        if degree
        else np.broadcast_to(np.arange(columns), (rows, columns))
    )
    cost = COSTS[kind](rng, np.arange(rows)[:, None], near)
    cost *= _DEAREST_MICROS / cost.max()
    trips = rng.uniform(*FALLBACKS[fallback], (rows, 1))
    saving = (1.01 * _DEAREST_MICROS * trips - cost).astype(np.int64)
    kept = saving > 0
    return CandidateGraph(
        np.append(0, np.cumsum(kept.sum(axis=1))),
        near[kept].astype(np.int32),
        saving[kept],
        np.ones(columns, np.int32),
    )


def zone_limits(graph: CandidateGraph, zone_share: float, day_share: float) -> Limits:
    """
    Return limits for zones of seven in a larger one, on two levels, and for the day.

    Demands that come by place are cut into equal runs: the zones, whose limits are
    ``zone_share`` of their demands, and the day's ``day_share`` of all.
    """
    m = graph.column_count
    fine = np.arange(m) * _ZONES // m
    coarse = -(-_ZONES // _ZONES_PER_ZONE)
    sizes = np.bincount(fine, minlength=_ZONES)
    above = np.arange(_ZONES) // _ZONES_PER_ZONE
    larger = np.bincount(above, weights=sizes, minlength=coarse)
    # A larger zone has a little less than its zones together.
    shares = zone_share * sizes, 0.95 * zone_share * larger, [day_share * m]
    return Limits(
        np.concatenate([np.ceil(each).astype(np.int64) for each in shares]),
        np.concatenate(
            (_ZONES + above, np.full(coarse, _ZONES + coarse), [-1]), dtype=np.int32
        ),
        np.full(graph.row_count, -1, np.int32),
        fine.astype(np.int32),
    )


def _places(rng: Generator, count: int, places: int) -> FloatArray:
    if not places:
        return rng.uniform(0, _SIDE_KM, (count, 2))
    # The same points for both sides, some of them busier than others.
    point = np.random.default_rng(places)
    spots = point.uniform(0, _SIDE_KM, (places, 2))
    weight = point.lognormal(0.0, 0.7, places)
    return spots[rng.choice(places, count, p=weight / weight.sum())]


def _side(
    rng: Generator, count: int, places: int, shape: Shape
) -> tuple[FloatArray, IntArray]:
    # Points and keys of one side, in order or in none.
    at, key = _places(rng, count, places), rng.integers(0, shape.keys, count)
    if shape.is_ordered:
        strip = np.floor(at[:, 0] / _SIDE_KM * _STRIPS)
        order = np.lexsort((at[:, 1], strip, key))
        at, key = at[order], key[order]
    return at, key
