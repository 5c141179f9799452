"""The cases of the assignment family: instances by what the ordinary way costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from numpy.random import Generator

from benchmarks.graphs import (
    COSTS,
    FALLBACKS,
    Shape,
    literature,
    market,
    zone_limits,
)
from benchmarks.weeks import Weeks
from matcher.solve import CandidateGraph, Limits

# Rows of the markets whose speed has a target, and of all others.
_TARGET_ROWS = 100_000
_ROWS = 20_000

# Rows of the literature's dense graphs, which hold all pairs.
_DENSE_ROWS = {
    "uniform": 2_000,
    "geometric": 1_000,
    "machol-wien": 500,
    "two-cost": 500,
}

# Candidates of each row in its sparse graphs.
_SPARSE_DEGREE = 16

# Demands for each return where demand is scarce.
_SCARCE = 0.7


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


def _market(
    name: str, shape: Shape, columns: float = 1.0, rows: int = _TARGET_ROWS
) -> Case:
    # ``columns`` are for each row.
    def make(rng: Generator, count: int) -> CandidateGraph:
        return market(rng, count, max(1, round(count * columns)), shape)

    name += ", by place" * shape.is_ordered
    return Case(name, rows, make)


def _targets() -> Iterator[Case]:
    """Yield the markets that have a target, at its size."""
    for keys in (300, 1):
        for fallback in ("uniform", "varying"):
            for is_ordered in (True, False):
                shape = Shape(keys=keys, fallback=fallback, is_ordered=is_ordered)
                yield _market(f"{_keys(keys)}, {fallback}", shape)
    for is_ordered in (True, False):
        yield _market("unbalanced 1:4", Shape(120, is_ordered=is_ordered), 4.0, 50_000)
    very_dear = Shape(fallback="very dear")
    yield _market("1 key, very dear", very_dear)
    yield _market("1 key, scarce 10:7, very dear", very_dear, _SCARCE)
    yield _market("1 key, scarce 10:7, varying", Shape(fallback="varying"), _SCARCE)
    yield _market("degree 64, uniform", Shape(64))


def _matrix() -> Iterator[Case]:
    """Yield each instance with each fallback, demand being enough and scarce."""
    # Name, shape, demands for each return, share of a zone's and of the day's limit.
    markets = (
        ("300 keys", Shape(keys=300), 1.0, None),
        ("1 key", Shape(), 1.0, None),
        ("degree 64", Shape(64), 1.0, None),
        ("few places, ties", Shape(rows_per_place=20), 1.0, None),
        ("up to 4 units", Shape(units=4), 0.4, None),
        ("393 zones at 80 %", Shape(is_ordered=True), 1.0, (0.8, 1.0)),
        ("a day at 30 %", Shape(is_ordered=True), 1.0, (1.0, 0.3)),
        ("up to 4 units, 393 zones", Shape(units=4, is_ordered=True), 0.4, (0.8, 1.0)),
    )
    for fallback in FALLBACKS:
        for share, scarcity in ((1.0, ""), (_SCARCE, "scarce 10:7, ")):
            for name, shape, columns, shares in markets:
                case = _market(
                    f"{name}, {scarcity}{fallback}",
                    replace(shape, fallback=fallback),
                    columns * share,
                    _ROWS,
                )
                yield replace(case, limit=shares and _limit(*shares))
            for kind in COSTS:
                for degree, rows in ((_SPARSE_DEGREE, _ROWS), (0, _DENSE_ROWS[kind])):
                    form = "sparse" if degree else "dense"
                    yield Case(
                        f"{kind}, {form}, {scarcity}{fallback}",
                        rows,
                        partial(_literature, share, degree, kind, fallback),
                    )
        unbalanced = Shape(120, fallback=fallback)
        yield _market(f"unbalanced 1:4, {fallback}", unbalanced, 4.0, _ROWS // 2)


def week_cases(weeks: Weeks) -> Iterator[Case]:
    """Yield real weeks of orders, many components, with each fallback."""
    for fallback in FALLBACKS:
        make = partial(_weeks, weeks, fallback)
        yield Case(f"real weeks, {fallback}", len(weeks.returns), make)


def _weeks(weeks: Weeks, fallback: str, rng: Generator, rows: int) -> CandidateGraph:
    return weeks.graph(rng, rows, fallback)


def _keys(count: int) -> str:
    return f"{count} key{'s' * (count > 1)}"


def _limit(zone_share: float, day_share: float) -> Callable[[CandidateGraph], Limits]:
    return lambda graph: zone_limits(graph, zone_share, day_share)


def _literature(
    share: float, degree: int, kind: str, fallback: str, rng: Generator, rows: int
) -> CandidateGraph:
    columns = max(1, round(rows * share))
    return literature(rng, rows, columns, degree, kind, fallback)


def _cases() -> tuple[Case, ...]:
    # What has a target comes first, and once.
    by_name = {case.name: case for case in _matrix()}
    targets = {case.name: case for case in _targets()}
    return tuple(
        (targets | {k: v for k, v in by_name.items() if k not in targets}).values()
    )


#: Cases by part of the suite; the ratio that counts is to the fastest peer.
CASES = _cases()
