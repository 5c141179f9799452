"""Rows by the column over the wire: from a table of the caller's to a plan."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import bulk_tables
from benchmarks.result import Result
from nearturn import Client, PlanTerms
from nearturn.v1 import match_service_pb2
from server.api.convert.demand import from_open_demand
from server.api.convert.return_item import from_return_item
from server.cli.demo_policy import demo_policy
from server.cli.server_process import running_server

FAMILY = "bulk"

# Few returns, so that the time is that of the demands; as many as Plan takes demands.
_RETURNS = 100
_ROWS_OF_PLAN = 10_000


def bulk(count: int, seed: int, repetitions: int) -> Iterator[Result]:
    """
    Plan over ``count`` demands by the column, and over fewer by the row.

    The client is part of it: it cuts a table into chunks and sends them, on the same
    cores as the server, which checks, indexes and plans.

    Parameters
    ----------
    count
        Demands of the columnar plan.
    seed
        Of the market.
    repetitions
        Of which the median is taken.
    """
    now_us = time.time_ns() // 1_000
    drawn = bulk_tables.scenario(_RETURNS, seed, now_us)
    demands = bulk_tables.demand_table(drawn, count, seed)
    returns = bulk_tables.return_table(drawn)
    by_row = match_service_pb2.PlanRequest(
        return_items=map(from_return_item, drawn.return_items),
        demands=map(from_open_demand, drawn.demands[:_ROWS_OF_PLAN]),
        policy=demo_policy(),
    )
    with (
        tempfile.TemporaryDirectory(prefix="nearturn-bench-") as folder,
        running_server(Path(folder)) as address,
        Client(address) as client,
    ):
        terms = PlanTerms(demo_policy())
        seconds = _median(
            repetitions, lambda: client.plan_columnar(terms, returns, demands)
        )
        peer_s = _median(repetitions, lambda: client.matches.Plan(by_row))
    case = f"a plan over {_RETURNS:,} returns, all demands sent along"
    each_s, peer_each_s = seconds / count, peer_s / len(by_row.demands)
    yield Result(
        FAMILY,
        case,
        "PlanColumnar",
        seconds,
        numbers={"demands": count, "rows_per_s": 1 / each_s},
    )
    yield Result(
        FAMILY,
        case,
        "Plan, a message each",
        peer_s,
        ratio=peer_each_s / each_s,
        numbers={"demands": len(by_row.demands), "rows_per_s": 1 / peer_each_s},
    )


def _median(repetitions: int, run: Callable[[], object]) -> float:
    # Once before, for what is made on first use.
    run()
    seconds = []
    for _ in range(repetitions):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
