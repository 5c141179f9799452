"""How the time of a solve grows where components stay small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks.graphs import Shape, market
from benchmarks.measurement import Way, measure
from benchmarks.result import Result
from matcher.solve import CandidateGraph, assign, check_certificate

FAMILY = "growth"

# Returns of one key: so many know of each other at most.
_ROWS_PER_KEY = 50


def growth(
    counts: tuple[int, ...], seed: int, repetitions: int, threads: int
) -> Iterator[Result]:
    """Solve markets of so many returns each, in keys that do not grow with them."""
    for count in counts:
        shape = Shape(keys=max(1, count // _ROWS_PER_KEY), fallback="varying")
        graph = market(np.random.default_rng(seed), count, count, shape)
        check_certificate(graph, assign(graph, threads=threads))
        way = Way("nearturn", partial(_prepared, graph, threads))
        timing = measure([way], repetitions, lambda _name, _answer: None)["nearturn"]
        edges = len(graph.columns)
        yield Result(
            FAMILY,
            f"{count:,} x {count:,}, {edges:,} candidates",
            "nearturn",
            timing.median_s,
            peak_mib=timing.peak_mib,
            numbers={"ns_per_candidate": 1e9 * timing.median_s / edges},
        )


def _prepared(graph: CandidateGraph, threads: int) -> Callable[[], int]:
    return lambda: assign(graph, threads=threads).value
