"""What a durable write costs, against the same rows written by the driver alone."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Dialect, Insert

from benchmarks.result import Result
from matcher.domain.demand import Demand
from matcher.domain.ids import TenantId
from matcher.engine.commands import UpsertDemands
from matcher.engine.shard import Shard
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import generate
from server.interpreter import tune_interpreter
from server.runtime.ownership import Ownership
from server.runtime.shard_host import ShardHost
from server.runtime.work import Work
from server.storage import prepared, row_writing
from server.storage.opening import open_store
from server.storage.rows import Row
from server.storage.sql_leases import BEAT
from server.storage.sql_store import SqlStore

FAMILY = "durability"

_NOW_US = 1_772_452_800_000_000
_TENANT = TenantId("bench")

# Writes that one transaction takes along at most, as the server's default.
_GROUP = 1_000
_SINGLE = 300

#: Rows of a transaction: what to insert, table by table.
Written = list[tuple[Insert, Sequence[Row]]]

#: The same as a driver takes it: statements, each with the values of its rows.
Sent = list[tuple[str, list[Any]]]


def durability(
    count: int, seed: int, repetitions: int, url: str = ""
) -> Iterator[Result]:
    """
    Store ``count`` demands, one call each, in groups and one by one.

    Ours is the whole way of a call behind the wire: request id, shard, journal, lease,
    rows, commit. The peer repeats nothing but the writes of those very transactions, of
    the same rows into the same tables and the lease's beat, on a connection of the same
    kind, the values made before and nothing waited for but the end: the most that the
    store can do.

    Parameters
    ----------
    count
        Demands of a run.
    seed
        Of the demands.
    repetitions
        Runs of each, by turns; the median counts.
    url
        Prefix of PostgreSQL databases that exist and are empty, two for each
        repetition: a number is put behind it. Empty for SQLite in a folder of its own.
    """
    tune_interpreter()
    params = ScenarioParams(demand_count=count + _SINGLE, return_count=1)
    demands = generate(params, np.random.default_rng(seed), _NOW_US).demands
    many, single = demands[:count], demands[count:]
    ours, raw, one, bare = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        numbers = itertools.count(1)
        for _ in range(repetitions):
            found = _ours(_name(url, folder, next(numbers)), many, single)
            peer = _raw(_name(url, folder, next(numbers)), *found.written)
            ours.append(found.group_s)
            one.append(found.single_s)
            raw.append(peer[0])
            bare.append(peer[1])
    kind = "PostgreSQL" if url else "SQLite"
    case = f"{count:,} demands in groups of {_GROUP:,} on {kind}"
    yield from _pair(case, ours, raw, count)
    yield from _pair(f"one demand at a time on {kind}, median", one, bare, 1)


class _Found:
    """How long ours took, and what it wrote."""

    def __init__(self) -> None:
        self.group_s = self.single_s = 0.0
        self.written: tuple[list[Written], list[Written]] = ([], [])


def _ours(url: str, many: Sequence[Demand], single: Sequence[Demand]) -> _Found:
    found = _Found()
    with closing(open_store(url)) as store, _watched() as seen:
        host = _host(store)
        works = [_work(each) for each in many]
        lone = [_work(each) for each in single]
        started = time.perf_counter()
        for first in range(0, len(works), _GROUP):
            seen.append([])
            _done(host, works[first : first + _GROUP])
        found.group_s = time.perf_counter() - started
        grouped = len(seen)

        def write(work: Work) -> None:
            seen.append([])
            _done(host, [work])

        found.single_s = _median(write, lone)
        found.written = seen[:grouped], seen[grouped:]
    return found


def _raw(
    url: str, grouped: list[Written], single: list[Written]
) -> tuple[float, float]:
    with ExitStack() as undo:
        store = undo.enter_context(closing(open_store(url)))
        # The row of the lease is there to be written, too.
        _ownership(store)
        writer = store._database._writer
        pooled = undo.enter_context(closing(writer.raw_connection()))
        driver: Any = pooled.driver_connection
        # As ours does: PostgreSQL is not waited for statement by statement.
        batched = getattr(driver, "pipeline", nullcontext)

        def write(sent: Sent) -> None:
            with batched():
                driver.execute("BEGIN")
                for text, rows in sent:
                    if len(rows) == 1:
                        driver.execute(text, rows[0])
                    else:
                        driver.cursor().executemany(text, rows)
                driver.execute("COMMIT")

        many = [_sent(writer.dialect, each) for each in grouped]
        lone = [_sent(writer.dialect, each) for each in single]
        started = time.perf_counter()
        for each in many:
            write(each)
        taken = time.perf_counter() - started
        return taken, _median(write, lone)


def _sent(dialect: Dialect, written: Written) -> Sent:
    beat = {"tenant_": _TENANT, "epoch_": 1}
    return [prepared.many(dialect, BEAT, [beat])] + [
        prepared.many(dialect, sent, values)
        for statement, rows in written
        for sent, values in row_writing.parcels(dialect.name, statement, rows)
    ]


@contextmanager
def _watched() -> Iterator[list[Written]]:
    """Give a list to whose last entry is added what a store writes."""
    seen: list[Written] = []
    write_rows = row_writing.write_rows

    def noted(connection: Connection, statement: Insert, rows: Sequence[Row]) -> None:
        seen[-1].append((statement, rows))
        write_rows(connection, statement, rows)

    row_writing.write_rows = noted
    try:
        yield seen
    finally:
        row_writing.write_rows = write_rows


def _host(store: SqlStore) -> ShardHost:
    host = ShardHost(store, lambda: _NOW_US, _ownership(store))
    host.start([_TENANT])
    return host


def _ownership(store: SqlStore) -> Ownership:
    ownership = Ownership(store.leases(), "bench", ttl_us=1, clock=lambda: 0)
    assert ownership.take(_TENANT), "a new store"
    return ownership


def _work(demand: Demand) -> Work:
    command = UpsertDemands((demand,), ("",))

    def run(shard: Shard, now_us: int) -> bytes:
        shard.apply(command, now_us)
        return b"stored"

    return Work(_TENANT, run, str(demand.demand_id), "hash", command)


def _done(host: ShardHost, works: Sequence[Work]) -> None:
    for done in host.process(works):
        assert done.value == b"stored", done.error


def _median(run: Callable[[Any], object], each_of: Sequence[Any]) -> float:
    taken = []
    for each in each_of:
        started = time.perf_counter()
        run(each)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _pair(
    case: str, ours: list[float], raw: list[float], count: int
) -> Iterator[Result]:
    own_s, raw_s = statistics.median(ours), statistics.median(raw)
    # Each against the run beside it: what else the machine did met both.
    ratio = statistics.median(b / a for a, b in zip(ours, raw, strict=True))
    for way, seconds, of in (("nearturn", own_s, None), ("driver alone", raw_s, ratio)):
        yield Result(
            FAMILY, case, way, seconds, ratio=of, numbers={"per_s": count / seconds}
        )


def _name(url: str, folder: str, number: int) -> str:
    return f"{url}{number}" if url else f"sqlite:///{Path(folder) / f'{number}.db'}"
