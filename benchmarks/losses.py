"""What else could have been in a recorded round, whatever limits and objective."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.explanations import FAMILY, dense_round
from benchmarks.result import Result
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.explain.alternatives import Alternatives
from matcher.explain.settled_market import SettledMarket

# Matches of a zone at most: of some 5 and 36 square kilometres.
_ZONES = (MatchLimit(LimitScope.ZONE, 12, 7), MatchLimit(LimitScope.ZONE, 40, 6))


def losses(count: int, seed: int, threads: int) -> Iterator[Result]:
    """
    Ask of returns of a dense round where else they could have been, and who would move.

    Of ``count`` matched ones the alternatives and the warehouse, of ``count`` unmatched
    ones who was before them: without match limits, with one for the day that fills up,
    and with nested zones inside it.
    """
    day = MatchLimit(LimitScope.DAY, count // 2)
    for name, limits in (
        ("no limit", ()),
        ("a day", (day,)),
        ("zones of a day", (day, *_ZONES)),
    ):
        for objective in (Objective.MAX_SAVING, Objective.MAX_MATCHES_THEN_DISTANCE):
            found = dense_round(
                count, seed, threads, match_limits=limits, objective=objective
            )
            settled = SettledMarket.of_round(found.task, found.solved.solved, ())
            seconds, numbers = _asked(settled, count)
            graph = settled.market.graph
            yield Result(
                FAMILY,
                f"losses, {name}, {objective.name}: {graph.row_count:,} returns and "
                f"{len(graph.columns):,} candidates",
                "nearturn",
                seconds,
                numbers=dict(numbers),
            )


def _asked(settled: SettledMarket, most: int) -> tuple[float, Mapping[str, float]]:
    graph, column = settled.market.graph, settled.assignment.column
    has_candidates = np.diff(graph.row_offsets) > 0
    seconds: list[float] = []
    numbers: dict[str, float] = {}
    for name, rows in (
        ("matched", np.nonzero(column >= 0)[0]),
        ("unmatched", np.nonzero((column < 0) & has_candidates)[0]),
    ):
        taken = rows[:: -(-len(rows) // most)] if len(rows) else rows
        for row in taken.tolist():
            started = time.perf_counter()
            asked = Alternatives(settled, row)
            if column[row] >= 0:
                asked.warehouse_loss()
                asked.best()
            else:
                asked.displacement()
            seconds.append(time.perf_counter() - started)
        numbers[f"{name}_count"] = float(len(taken))
    numbers["longest_ms"] = 1e3 * max(seconds)
    return statistics.median(seconds), numbers
