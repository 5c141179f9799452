"""Candidate graphs to solve: markets in space, and the families of the literature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import KDTree

from matcher.solve import CandidateGraph, Limits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SIDE_KM = 1_000.0
_PER_KM_MICROS = 1_000_000

# Strips of the square, one after the other, in which what is ordered comes.
_STRIPS = 100

# Zones of a market with limits, and how many are in a larger one, as H3 cells nest.
_ZONES = 343
_ZONES_PER_ZONE = 7

# What the ordinary way costs, in trips to the last candidate: least and most.
FALLBACKS = {"uniform": (1.0, 1.0), "varying": (0.5, 1.5), "very dear": (20.0, 20.0)}


@dataclass(frozen=True, slots=True)
class Case:
    """
    A graph to make.

    Parameters
    ----------
    name
        In words, for tables.
    rows
        How many there are in the full profile; others scale it.
    make
        From a generator and a number of rows.
    limit
        Makes limits for a graph, if it is to have any.
    """

    name: str
    rows: int
    make: Callable[[Generator, int], CandidateGraph]
    limit: Callable[[CandidateGraph], Limits] | None = None


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
    distance, nearest = tree.query(np.column_stack((homes, far * of_row)), degree)
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


def random_pairs(
    rng: Generator, rows: int, degree: int, savings: Callable[[int], IntArray]
) -> CandidateGraph:
    """Return as many columns as rows, candidates anywhere, savings as given."""
    columns = rng.integers(0, rows, (rows, degree)).astype(np.int32)
    columns.sort(axis=1)
    return CandidateGraph(
        np.arange(rows + 1) * degree,
        columns.ravel(),
        savings(rows * degree),
        np.ones(rows, np.int32),
    )


def dense(rng: Generator, rows: int) -> CandidateGraph:
    """Return all pairs of as many rows as columns, savings evenly drawn."""
    return CandidateGraph(
        np.arange(rows + 1) * rows,
        np.tile(np.arange(rows, dtype=np.int32), rows),
        rng.integers(1, 1_000_000, rows * rows),
        np.ones(rows, np.int32),
    )


def machol_wien(rng: Generator, rows: int) -> CandidateGraph:
    """Return all pairs, the saving falling with the product of the two numbers."""
    side = np.arange(1, rows + 1)
    graph = dense(rng, rows)
    saving = (rows + 1) ** 2 - np.outer(side, side).ravel()
    return CandidateGraph(graph.row_offsets, graph.columns, saving, graph.capacity)


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


def _market(name: str, rows: int, columns_share: float, shape: Shape) -> Case:
    def make(rng: Generator, count: int) -> CandidateGraph:
        return market(rng, count, max(1, round(count * columns_share)), shape)

    return Case(name, rows, make)


def _plain() -> list[Case]:
    cases = []
    for keys in (300, 1):
        for fallback in ("uniform", "varying"):
            for is_ordered in (True, False):
                name = f"{keys} key{'s' * (keys > 1)}, {fallback}"
                shape = Shape(keys=keys, fallback=fallback, is_ordered=is_ordered)
                name += ", by place" * is_ordered
                cases.append(_market(name, 100_000, 1.0, shape))
    return cases


def _limited(name: str, zone_share: float, day_share: float) -> Case:
    shape = Shape(fallback="varying", is_ordered=True)
    plain = _market(f"1 key, varying, {name}", 100_000, 1.0, shape)
    return replace(plain, limit=lambda g: zone_limits(g, zone_share, day_share))


#: Cases by part of the suite; the ratio that counts is to the fastest peer.
CASES: tuple[Case, ...] = (
    *_plain(),
    _market("unbalanced 1:4, by place", 50_000, 4.0, Shape(120, is_ordered=True)),
    _market("unbalanced 1:4", 50_000, 4.0, Shape(120)),
    _market("very dear", 100_000, 1.0, Shape(fallback="very dear")),
    _market("scarce 10:7, very dear", 100_000, 0.7, Shape(fallback="very dear")),
    _market("scarce 10:7, varying", 100_000, 0.7, Shape(fallback="varying")),
    _market("degree 64", 100_000, 1.0, Shape(64)),
    _market("few places, ties", 100_000, 1.0, Shape(rows_per_place=20)),
    _market("up to 4 units", 100_000, 0.4, Shape(units=4)),
    _limited("393 zones at 80 %", 0.8, 1.0),
    _limited("a day at 30 %", 1.0, 0.3),
    Case(
        "uniform, sparse",
        100_000,
        lambda rng, n: random_pairs(
            rng, n, 16, lambda count: rng.integers(1, 1_000_000, count)
        ),
    ),
    Case(
        "two-cost, sparse",
        100_000,
        lambda rng, n: random_pairs(
            rng, n, 16, lambda count: np.where(rng.random(count) < 0.5, 100, 1)
        ),
    ),
    Case("uniform, dense", 2_000, dense),
    Case("machol-wien, dense", 500, machol_wien),
)
