"""Assignment: ours against every solver that can take the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks.cases import CASES, week_cases
from benchmarks.measurement import Way, measure
from benchmarks.result import Result, Skipped
from benchmarks.solver_peers import SOLVER_PEERS
from benchmarks.weeks import Weeks
from matcher.solve import (
    Assignment,
    CandidateGraph,
    Limits,
    assign,
    assign_within,
    check_certificate,
)

FAMILY = "assignment"

# Solvers that round savings agree to nine digits.
_ROUNDED = 1e-9


def assignments(
    scale: float, seed: int, repetitions: int, threads: int, weeks: Weeks | None = None
) -> Iterator[Result | Skipped]:
    """
    Solve each case with ours and all peers; the optima must be one number.

    ``scale`` is the share of the full size, of real ``weeks`` too if there are any.
    Our certificate is checked, aside from the timing; what a peer needs to take the
    graph in is not timed either.
    """
    for peer in SOLVER_PEERS:
        if not peer.is_installed:
            yield Skipped(FAMILY, peer.name, f"{peer.module} is not installed")
    if weeks is None:
        yield Skipped(FAMILY, "real weeks", "no table of orders is given, --orders")
    for case in (*CASES, *(week_cases(weeks) if weeks else ())):
        # Dense ones grow with the square, and are small already.
        share = scale if case.rows > 10_000 else min(1.0, 5 * scale)
        rows = max(2, round(case.rows * share))
        graph = case.make(np.random.default_rng(seed), rows)
        limits = case.limit(graph) if case.limit else None
        yield from _compare(case.name, graph, limits, repetitions, threads)


def _compare(
    case: str,
    graph: CandidateGraph,
    limits: Limits | None,
    repetitions: int,
    threads: int,
) -> Iterator[Result | Skipped]:
    size = (
        f"{case}: {graph.row_count:,} x {graph.column_count:,}, "
        f"{len(graph.columns):,} candidates"
    )
    answer = _solved(graph, limits, threads)
    check_certificate(graph, answer, limits)
    best = answer.value

    def agree(name: str, value: int) -> None:
        rounded = any(peer.is_float and peer.name == name for peer in SOLVER_PEERS)
        allowed = best * _ROUNDED if rounded else 0
        assert abs(value - best) <= allowed, f"{size}: {name} finds {value}, not {best}"

    ways: list[Way[int]] = [Way("nearturn", partial(_ours, graph, limits, threads))]
    for peer in SOLVER_PEERS:
        why = peer.why_not(graph, limits) if peer.is_installed else "not installed"
        if why is None:
            ways.append(Way(peer.name, partial(peer.prepare, graph, limits)))
    timings = measure(ways, repetitions, agree)
    for way in ways:
        if way.name not in timings:
            yield Skipped(FAMILY, way.name, f"refuses {size}")
    ours = timings["nearturn"].median_s
    for name, timing in timings.items():
        yield Result(
            FAMILY,
            size,
            name,
            timing.median_s,
            None if name == "nearturn" else timing.median_s / ours,
            timing.peak_mib,
            {"saving_micros": best} if name == "nearturn" else {},
        )


def _ours(
    graph: CandidateGraph, limits: Limits | None, threads: int
) -> Callable[[], int]:
    return lambda: _solved(graph, limits, threads).value


def _solved(graph: CandidateGraph, limits: Limits | None, threads: int) -> Assignment:
    if limits is None:
        return assign(graph, threads=threads)
    return assign_within(graph, limits, threads=threads)
