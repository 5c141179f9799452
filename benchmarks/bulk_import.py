"""Rows by the column over the wire into the store, against the store's own insert."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import bulk_tables
from benchmarks.result import Result
from matcher.domain.policy_change import Dimension
from nearturn import Client
from nearturn.row_import import IMPORT_ROWS_MAX
from nearturn.v1 import match_service_pb2
from server.cli.demo_policy import demo_policy
from server.cli.load_run import put_in_force
from server.cli.server_process import running_server
from server.storage.opening import open_store

FAMILY = "bulk"

_COLUMNS = "tenant, demand_id, state, is_live, version, document"
_READ = f"SELECT {_COLUMNS} FROM demands"  # noqa: S608 - names of ours
_INSERT = f"INSERT INTO demands ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608


def bulk_import(count: int, seed: int) -> Iterator[Result]:
    """
    Import ``count`` demands into a server on SQLite; then write the same rows bare.

    Ours is the way of a caller: a table, chunks, the wire, checks, shard, journal,
    commit, answer; beside it the first round, which brings the index up to date.
    The peer is one insert of the very rows of the one table, in transactions as large,
    by the driver alone on a file of the same kind.

    Parameters
    ----------
    count
        Demands.
    seed
        Of them.
    """
    now_us = time.time_ns() // 1_000
    table = bulk_tables.demand_table(bulk_tables.scenario(1, seed, now_us), count, seed)
    with tempfile.TemporaryDirectory(prefix="nearturn-bench-") as folder:
        path = Path(folder)
        with running_server(path) as address, Client(address) as client:
            dimensions = [each for each in Dimension if each]
            put_in_force(client, demo_policy(), dimensions, "benchmark")
            started = time.perf_counter()
            stored = client.import_demands(table).stored_count
            seconds = time.perf_counter() - started
            client.matches.RunRound(match_service_pb2.RunRoundRequest())
            round_s = time.perf_counter() - started - seconds
        assert stored == count, f"{count - stored} rows were refused"
        peer_s = bare_insert(path, stored_rows(path / "demo.db"))
    case = "demands from a table into a store"
    yield Result(
        FAMILY,
        case,
        "ImportDemands",
        seconds,
        numbers={
            "demands": count,
            "rows_per_s": count / seconds,
            "first_round_s": round_s,
        },
    )
    yield Result(
        FAMILY,
        case,
        "the driver alone",
        peer_s,
        ratio=peer_s / seconds,
        numbers={"demands": count, "rows_per_s": count / peer_s},
    )


def stored_rows(file: Path) -> list[Any]:
    """Return the rows of demands of a store in a file."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(_READ).fetchall()


def bare_insert(
    folder: Path,
    rows: Sequence[Any],
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the seconds, by a clock, that the driver alone takes to insert rows."""
    file = folder / "bare.db"
    open_store(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        started = clock()
        for start in range(0, len(rows), IMPORT_ROWS_MAX):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows[start : start + IMPORT_ROWS_MAX])
            connection.execute("COMMIT")
        return clock() - started
