"""Demands by the column from behind the wire into a store, by processor time."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from benchmarks import bulk_tables
from benchmarks.bulk_import import FAMILY, bare_insert, stored_rows
from benchmarks.result import Result
from matcher.domain.ids import TenantId
from nearturn.row_import import DEMANDS, ImportCourse
from server.access.caller import Caller, enter_call
from server.access.role import Role
from server.api.bulk.demand_import import demand_import
from server.api.bulk.row_import import RowImport
from server.api.context import ApiContext
from server.interpreter import tune_interpreter
from server.runtime.options import RuntimeOptions
from server.runtime.runtime import Runtime
from server.storage.opening import open_store

_TENANT = TenantId("default")


def bulk_behind_wire(count: int, seed: int, repetitions: int) -> Iterator[Result]:
    """
    Import ``count`` demands without a wire, by turns with the bare insert of the rows.

    All is in this process, threads and event loop included, and its processor time is
    what counts: of a machine that others use as well, times by the clock say less.
    Ours is from the bytes of a chunk to those of its answer.

    Parameters
    ----------
    count
        Demands.
    seed
        Of them.
    repetitions
        Of which the median is taken.
    """
    now_us = time.time_ns() // 1_000
    table = bulk_tables.demand_table(bulk_tables.scenario(1, seed, now_us), count, seed)
    course = ImportCourse(DEMANDS, table, str(uuid.uuid4()), 0, None)
    requests = [each.SerializeToString() for each in course.requests()]
    tune_interpreter()
    ours_s, peer_s = [], []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(prefix="nearturn-bench-") as folder:
            path = Path(folder)
            ours_s.append(asyncio.run(_imported(path, requests)))
            rows = stored_rows(path / "demo.db")
            assert len(rows) == count, f"{count - len(rows)} rows were refused"
            peer_s.append(bare_insert(path, rows, time.process_time))
    case = "demands from chunks into a store, in one process, by processor time"
    seconds, bare_s = statistics.median(ours_s), statistics.median(peer_s)
    for way, each_s, ratio in (
        ("ImportDemands without a wire", seconds, None),
        ("the driver alone", bare_s, bare_s / seconds),
    ):
        numbers = {"demands": count, "us_per_row": each_s / count * 1e6}
        yield Result(FAMILY, case, way, each_s, ratio=ratio, numbers=numbers)


async def _imported(folder: Path, requests: Sequence[bytes]) -> float:
    runtime = Runtime(
        open_store(f"sqlite:///{folder / 'demo.db'}"),
        options=RuntimeOptions(tenants=(_TENANT,)),
    )
    await runtime.start()
    enter_call(Caller("local", _TENANT, frozenset({Role.ADMIN})))
    started = time.process_time()
    async for _ in RowImport(ApiContext(runtime), demand_import()).run(_sent(requests)):
        pass
    seconds = time.process_time() - started
    await runtime.stop()
    return seconds


async def _sent(requests: Sequence[bytes]) -> AsyncIterator[bytes]:
    for each in requests:
        yield each
