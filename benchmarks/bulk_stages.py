"""Where the time of an import goes, one stage after the other in one thread."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager

from benchmarks import bulk_tables
from benchmarks.bulk_import import FAMILY
from benchmarks.result import Result
from matcher.domain.ids import TenantId
from matcher.engine.shard import Shard
from nearturn.row_import import DEMANDS, ImportCourse
from nearturn.v1 import demand_service_pb2
from server.api.bulk.arrow_chunk import read_chunk
from server.api.bulk.demand_batch import read_demands
from server.api.bulk.demand_texts import written_demands
from server.interpreter import tune_interpreter
from server.storage.opening import open_store
from server.storage.sql_store import SqlStore
from server.storage.transaction import Transaction

_TENANT = TenantId("default")


class _Stages:
    """Seconds by the name of a stage."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started


def import_stages(count: int, seed: int) -> Iterator[Result]:
    """
    Take ``count`` demands from chunks into a store, and say what each stage took.

    What a server does on two threads and beside a client is done here by one, so that
    the sum is more than an import takes, and the shares say what there is to do.
    """
    tune_interpreter()
    now_us = time.time_ns() // 1_000
    table = bulk_tables.demand_table(bulk_tables.scenario(1, seed, now_us), count, seed)
    stages = _Stages()
    with (
        tempfile.TemporaryDirectory(prefix="nearturn-bench-") as folder,
        closing(open_store(f"sqlite:///{folder}/demo.db")) as store,
    ):
        shard = Shard(
            _TENANT, store.archive(_TENANT), store.load(_TENANT), now_us=now_us
        )
        course = ImportCourse(DEMANDS, table, str(uuid.uuid4()), 0, None)
        requests = course.requests()
        while True:
            with stages("client: chunk"):
                request = next(requests, None)
            if request is None:
                break
            _import(request, shard, store, stages, now_us)
    whole = sum(stages.seconds.values())
    for name, seconds in stages.seconds.items():
        numbers = {"us_per_row": seconds / count * 1e6, "share": seconds / whole}
        yield Result(
            FAMILY, "stages of an import, one by one", name, seconds, numbers=numbers
        )


def _import(
    request: demand_service_pb2.ImportDemandsRequest,
    shard: Shard,
    store: SqlStore,
    stages: _Stages,
    now_us: int,
) -> None:
    with stages("decode, check"):
        rows = read_chunk("chunk.rows", request.chunk.rows)
        batch = read_demands("chunk.rows", rows)
    with stages("objects, texts"):
        command = written_demands(batch)
    with stages("look-ups"):
        shard.expect([command])
    with stages("book"):
        shard.apply(command, now_us)
        changes = shard.take_changes()
    with stages("rows, journal"):
        transaction = Transaction([(_TENANT, changes)], ())
    database = store._database  # noqa: SLF001 - between what a store does in one
    asked = transaction.asked()
    with (
        stages("SQLite: insert"),
        database.writing_knowing("import", asked) as transacting,
    ):
        transaction.write(*transacting)
        begun = time.perf_counter()
    committed = time.perf_counter() - begun
    stages.seconds["SQLite: commit"] += committed
    stages.seconds["SQLite: insert"] -= committed
    shard.committed()
