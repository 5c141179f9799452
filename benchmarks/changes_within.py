"""Smallest changes of rounds with match limits, and of such that put matches first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from benchmarks.explanations import FAMILY, check_changes, dense_round
from benchmarks.result import Result
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.engine.round_task import solve_round

# Each change is held against two solves of the whole round.
_ASKED_MAX = 50


def changes_within(count: int, seed: int, threads: int) -> Iterator[Result]:
    """
    Ask of unmatched returns what they lacked, and solve the round again with each.

    In a round of a bit more than three times ``count`` returns: with a day that is
    full and zones inside it, with SKUs and zones, and with matches first. ``solves``
    says how many solves of the round take as long as the median question.
    """
    zones = MatchLimit(LimitScope.ZONE, max(2, count // 20), 7)
    saving, most = Objective.MAX_SAVING, Objective.MAX_MATCHES_THEN_SAVING
    for name, limits, objective in (
        ("a day and zones", (MatchLimit(LimitScope.DAY, count), zones), saving),
        ("SKUs and zones", (MatchLimit(LimitScope.SKU, count // 2), zones), saving),
        ("matches first", (), most),
    ):
        recorded = dense_round(
            count, seed, threads, match_limits=limits, objective=objective
        )
        task = recorded.task
        started = time.perf_counter()
        solve_round(task)
        solve_s = time.perf_counter() - started
        checked = check_changes(recorded, task, min(count, _ASKED_MAX))
        assert not checked.wrong, checked.wrong[:10]
        median_s = statistics.median(checked.seconds)
        graph = task.market.graph
        yield Result(
            FAMILY,
            f"smallest changes, {name}: {graph.row_count:,} returns and "
            f"{len(graph.columns):,} candidates",
            "nearturn",
            median_s,
            numbers={
                "asked": float(len(checked.seconds)),
                "exact": float(checked.exact.total()),
                "longest_ms": 1e3 * max(checked.seconds),
                "solves": median_s / solve_s,
            },
        )
