"""What a durable write costs, against the same rows written by the driver alone."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import event

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
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore

FAMILY = "durability"

_NOW_US = 1_772_452_800_000_000
_TENANT = TenantId("bench")

# Writes that one transaction takes along at most, as the server's default.
_GROUP = 1_000
_SINGLE = 300

#: A transaction as the driver gets it: statements, each with its rows.
Written = list[list[tuple[str, Any]]]


def durability(
    count: int, seed: int, repetitions: int, url: str = ""
) -> Iterator[Result]:
    """
    Store ``count`` demands, one call each, in groups and one by one.

    Ours is the whole way of a call behind the wire: request id, shard, journal, lease,
    rows, commit. The peer repeats nothing but the inserts of those very transactions,
    with their rows, on a connection of the same kind: the most that the store can do.

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
        self.written: tuple[Written, Written] = ([], [])


def _ours(url: str, many: Sequence[Demand], single: Sequence[Demand]) -> _Found:
    found = _Found()
    with closing(open_store(url)) as store:
        host = _host(store)
        writes = _Writes(store)
        works = [_work(each) for each in many]
        started = time.perf_counter()
        for first in range(0, len(works), _GROUP):
            _done(host, works[first : first + _GROUP])
        found.group_s = time.perf_counter() - started
        grouped, writes.seen = writes.seen, []
        found.single_s = _median(lambda each: _done(host, [_work(each)]), single)
        found.written = grouped, writes.seen
    return found


def _raw(url: str, grouped: Written, single: Written) -> tuple[float, float]:
    with ExitStack() as undo:
        store = undo.enter_context(closing(open_store(url)))
        connection = undo.enter_context(
            closing(store._database._writer.raw_connection())
        )
        cursor = connection.cursor()

        def write(transaction: list[tuple[str, Any]]) -> None:
            cursor.execute("BEGIN")
            for statement, rows in transaction:
                many = isinstance(rows, list)
                (cursor.executemany if many else cursor.execute)(statement, rows)
            cursor.execute("COMMIT")

        started = time.perf_counter()
        for transaction in grouped:
            write(transaction)
        taken = time.perf_counter() - started
        return taken, _median(write, single)


class _Writes:
    """Listens to what a store inserts, transaction by transaction."""

    def __init__(self, store: SqlStore) -> None:
        self.seen: Written = []
        engine = store._database._writer
        event.listen(engine, "begin", lambda _: self.seen.append([]))
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(
        self,
        _connection: object,
        _cursor: object,
        statement: str,
        rows: Any,
        _context: object,
        _many: bool,
    ) -> None:
        if statement.startswith("INSERT"):
            self.seen[-1].append((statement, rows))


def _host(store: SqlStore) -> ShardHost:
    ownership = Ownership(store.leases(), "bench", ttl_us=1, clock=lambda: 0)
    assert ownership.take(_TENANT), "a new store"
    host = ShardHost(store, lambda: _NOW_US, ownership)
    host.start([_TENANT])
    return host


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
