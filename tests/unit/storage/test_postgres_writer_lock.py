"""Who waits for a writer ends one that stands still, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from psycopg import OperationalError
from psycopg.errors import LockNotAvailable
from structlog.testing import capture_logs

from server.storage.opening import open_store
from server.storage.postgres_database import _asked, _engine, _Sessions
from server.storage.postgres_params import PostgresParams
from server.storage.postgres_writer_lock import (
    WRITER_LOCK,
    WriterLock,
    WriterLockParams,
)
from server.storage.prepared import driver_of
from server.storage.sql_store import SqlStore
from tests.fault.numbered_commits import commit_number, last_commit
from tests.scenarios.postgres_server import PostgresServer

_PARAMS = PostgresParams(idle_timeout_ms=200)

# No pause is too short to be one: what is ended here depends on no clock.
_AT_ONCE = WriterLockParams(still_ms=0, wait_ms=None)

_TAKE = f"SELECT pg_advisory_xact_lock({WRITER_LOCK:d})"

Looking = Callable[[], None]
Holder = psycopg.Connection[Any]


@pytest.fixture(name="url")
def _url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture(name="store")
def _store(url: str) -> Iterator[SqlStore]:
    with closing(open_store(url, postgres=_PARAMS)) as store:
        yield store


@pytest.fixture(name="holder")
def _holder(store: SqlStore, url: str) -> Iterator[Holder]:
    """Give a session that has the writer's lock, in a batch that does not end."""
    connection = psycopg.connect(url)
    # One that was ended has nothing to be undone.
    with suppress(OperationalError), connection.pipeline():
        connection.execute(_TAKE)
        # Behind an answer the server waits for what comes next.
        connection.execute("SELECT 1").fetchone()
        yield connection
    connection.close()


@pytest.fixture(name="look")
def _look(url: str) -> Iterator[Looking]:
    """Give what one looks at whom it waits for, twice as the first look ends nobody."""
    engine = _engine(_Sessions(_asked(url), _PARAMS, "on"), 1)
    lock = WriterLock(_AT_ONCE)

    def look() -> None:
        with engine.connect() as connection:
            lock._look(driver_of(connection))

    yield look
    engine.dispose()


def test_one_that_stands_still_is_ended(store: SqlStore, holder: Holder) -> None:
    """Its lock is free, and the writer that waited has stored what it wanted to."""
    with capture_logs() as logged:
        commit_number(store, 1)
    assert last_commit(store) == 1
    ended = [each for each in logged if each["event"] == "writer_ended"]
    assert [each["pid"] for each in ended] == [holder.info.backend_pid]
    assert ended[0]["still_s"] >= 0.2
    with pytest.raises(OperationalError):
        holder.execute("SELECT 1").fetchone()


def test_a_start_ends_one_too(url: str, holder: Holder) -> None:
    """A server that comes up meanwhile waits at its very first transaction."""
    with closing(open_store(url, postgres=_PARAMS)) as opened:
        commit_number(opened, 1)
    with pytest.raises(OperationalError):
        holder.execute("SELECT 1").fetchone()


def test_one_that_goes_on_is_not_ended(holder: Holder, look: Looking) -> None:
    """However it pauses in between: each statement that comes begins the time anew."""
    for number in range(20):
        look()
        assert holder.execute("SELECT %s", [number]).fetchone() == (number,)
    look()
    look()
    with pytest.raises(OperationalError):
        holder.execute("SELECT 1").fetchone()


def test_one_that_is_at_work_is_not_ended(
    url: str, postgres: PostgresServer, holder: Holder, look: Looking
) -> None:
    """Its statement takes a hundred looks, for it waits for something else itself."""
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(7)")
        working = threading.Thread(
            target=lambda: holder.execute("SELECT pg_advisory_xact_lock(7)").fetchone()
        )
        working.start()
        with postgres.connection() as operator:
            while not operator.execute(_AT_WORK, [holder.info.backend_pid]).fetchone():
                pass
        for _ in range(100):
            look()
    working.join()
    assert holder.execute("SELECT 5").fetchone() == (5,)


_AT_WORK = (
    "SELECT pid FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
)


def test_a_migration_is_not_ended(url: str, look: Looking) -> None:
    """What it computes between two statements may take as long as it takes."""
    engine = _engine(_Sessions(_asked(url), _PARAMS, "off", is_patient=True), 1)
    with engine.connect() as migrating:
        WriterLock(_AT_ONCE).begin_migrating(migrating)
        for _ in range(100):
            look()
        assert migrating.exec_driver_sql("SELECT 5").scalar_one() == 5
    engine.dispose()


def test_whoever_has_no_right_to_end_it_waits(
    url: str, holder: Holder, postgres: PostgresServer
) -> None:
    """A server under another role than the writer's: it says so, and gives up."""
    with postgres.connection() as operator:
        operator.execute("DROP ROLE IF EXISTS stranger")
        operator.execute("CREATE ROLE stranger LOGIN IN ROLE pg_read_all_stats")
    theirs = url.replace("//nearturn@", "//stranger@")
    params = PostgresParams(idle_timeout_ms=100, statement_timeout_ms=500)
    engine = _engine(_Sessions(_asked(theirs), params, "off"), 1)

    lock = WriterLock(WriterLockParams(still_ms=100, wait_ms=500))
    with (
        capture_logs() as logged,
        engine.connect() as connection,
        pytest.raises(LockNotAvailable, match="lock timeout"),
    ):
        lock.begin(connection)
    engine.dispose()
    assert "writer_not_ended" in {each["event"] for each in logged}
    assert holder.execute("SELECT 5").fetchone() == (5,)
