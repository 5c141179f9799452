"""How long a server takes from its start to SERVING on a store that is full."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.activation import activation
from benchmarks.result import Result
from matcher.domain.ids import TenantId
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    Command,
    CreatePolicy,
    SubmitReturns,
    UpsertDemands,
)
from matcher.engine.shard import Shard
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import Scenario, generate
from server.api.convert.policy import to_policy
from server.cli.demo_policy import demo_policy
from server.cli.server_process import running_server
from server.interpreter import tune_interpreter
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore

FAMILY = "restart"

_TENANT = TenantId("default")
_BATCH = 10_000
_DAY_US = 86_400_000_000

# About half of the drawn returns pass the gates and wait.
_DRAWN = 3


def restart(
    demand_count: int, return_count: int, seed: int, repetitions: int
) -> Iterator[Result]:
    """
    Start a server on a store of open demands and waiting returns, until it is SERVING.

    Beside it what of that is reading the rows, and making a shard of them, in this
    process. The file is in the system's cache, for it was just written.
    """
    tune_interpreter()
    now_us = time.time_ns() // 1_000
    params = ScenarioParams(
        demand_count=demand_count,
        return_count=_DRAWN * return_count,
        sku_count=max(1, demand_count // 10),
    )
    scenario = generate(params, np.random.default_rng(seed), now_us)
    with tempfile.TemporaryDirectory(prefix="nearturn-bench-") as name:
        folder = Path(name)
        # Where the server that is started looks for it.
        file = folder / "demo.db"
        waiting = _fill(file, scenario, return_count, now_us)
        del scenario
        taken, reading, making = [], [], []
        for _ in range(repetitions):
            started = time.perf_counter()
            with running_server(folder):
                taken.append(time.perf_counter() - started)
            with closing(open_store(f"sqlite:///{file}")) as store:
                parts = _parts(store)
            reading.append(parts[0])
            making.append(parts[1])
        size = file.stat().st_size
    yield Result(
        FAMILY,
        f"{demand_count:,} open demands and {waiting:,} waiting returns on SQLite, "
        "from the start of the process to SERVING",
        "nearturn",
        statistics.median(taken),
        numbers={
            "reading_s": statistics.median(reading),
            "shard_s": statistics.median(making),
            "file_mib": size / 2**20,
        },
    )


def _fill(file: Path, scenario: Scenario, return_count: int, now_us: int) -> int:
    late_us = now_us + 20 * _DAY_US
    policy = replace(
        to_policy(demo_policy()), rollout_basis_points=10_000, rollout_steps=()
    )
    with closing(open_store(f"sqlite:///{file}")) as store:
        rows = store.load(_TENANT)
        shard = Shard(_TENANT, store.archive(_TENANT), rows, now_us=now_us)

        def do(command: Command) -> int:
            shard.apply(command, now_us)
            changes = shard.take_changes()
            store.commit([(_TENANT, changes)])
            shard.committed()
            states = [each.state for each in changes.returns.values()]
            return states.count(ReturnState.WAITING)

        do(CreatePolicy(policy))
        do(activation(1))
        for first in range(0, len(scenario.demands), _BATCH):
            some = scenario.demands[first : first + _BATCH]
            demands = tuple(replace(each, ship_by_us=late_us) for each in some)
            do(UpsertDemands(demands, ("",) * len(demands)))
        waiting = 0
        for first in range(0, len(scenario.return_items), _BATCH):
            drawn = scenario.return_items[first : first + _BATCH]
            items = tuple(replace(each, decide_by_us=late_us) for each in drawn)
            waiting += do(SubmitReturns(items, ("",) * len(items)))
            if waiting >= return_count:
                break
        return waiting


def _parts(store: SqlStore) -> tuple[float, float]:
    started = time.perf_counter()
    rows = store.load(_TENANT)
    read = time.perf_counter()
    Shard(_TENANT, store.archive(_TENANT), rows, now_us=time.time_ns() // 1_000)
    return read - started, time.perf_counter() - read
