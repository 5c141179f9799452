"""PostgreSQL goes down under a store: what was acknowledged is there."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from matcher.domain.errors import UnavailableError
from server.storage.opening import open_store
from server.storage.postgres_params import PostgresParams
from server.storage.prepared import driver_of
from server.storage.row_writing import send_until_commit
from server.storage.sql_store import SqlStore
from tests.contract.store.rows import BRAND
from tests.fault.numbered_commits import commit_number, last_commit
from tests.scenarios.postgres_server import PostgresServer

_CRASHES = 6
_SEED = 20_260_302

# Until the server is up again, and a while.
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Run a server that may crash; by its own settings it need not keep a commit."""
    with PostgresServer("synchronous_commit=off") as started:
        yield started


def _commit_until(store: SqlStore, ended: threading.Event, told: list[int]) -> int:
    """Commit one number after the other; return how often that was not possible."""
    failures = 0
    number = last_commit(store) + 1
    while not ended.is_set():
        try:
            commit_number(store, number)
        except UnavailableError:
            failures += 1
            number = _found(store) + 1
            assert number - 1 - (told[-1] if told else 0) in (0, 1)
        else:
            told.append(number)
            number += 1
    return failures


def _found(store: SqlStore) -> int:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return last_commit(store)
        except UnavailableError:
            assert time.monotonic() < until, "the store does not recover"
            time.sleep(0.01)


def test_commits_survive_crashes_of_the_server(server: PostgresServer) -> None:
    """
    Six immediate shutdowns under one store that stays open (I4).

    The one under way is there as a whole or not at all, and the store goes on by
    itself as soon as the server is back.
    """
    moments = random.Random(_SEED)
    ended = threading.Event()
    told: list[int] = []
    url = server.new_database()
    with closing(open_store(url)) as store, ThreadPoolExecutor(1) as pool:
        writer = pool.submit(_commit_until, store, ended, told)
        try:
            for _ in range(_CRASHES):
                before = len(told)
                until = time.monotonic() + _PATIENCE_S
                while len(told) < before + 5 and not writer.done():
                    assert time.monotonic() < until
                    time.sleep(0.001)
                time.sleep(moments.uniform(0, 0.01))
                server.restart()
        finally:
            ended.set()
        assert writer.result(_PATIENCE_S) >= _CRASHES
        assert last_commit(store) - told[-1] in (0, 1)
    with closing(open_store(url)) as again:
        assert last_commit(again) - told[-1] in (0, 1)


def test_crash_inside_a_transaction_leaves_nothing(server: PostgresServer) -> None:
    """The rows that were sent are gone, and the error does not say that they may be."""
    with closing(open_store(server.new_database())) as store:
        commit_number(store, 1)

        def write() -> None:
            with store._database.writing("write") as connection:
                connection.exec_driver_sql("DELETE FROM demands")
                server.restart()
                connection.exec_driver_sql("DELETE FROM returns")

        with pytest.raises(UnavailableError, match="cannot write: ") as caught:
            write()
        assert "may be stored" not in str(caught.value)
        assert last_commit(store) == 1
        commit_number(store, 2)
        assert last_commit(store) == 2


# Ways to use a connection, each of which may find it closed.
USES: dict[str, Callable[[SqlStore], object]] = {
    "one statement": lambda store: store.answer(BRAND, "q1"),
    "reading": lambda store: store.last_answered(BRAND, "", "z"),
    "snapshot": lambda store: store.load(BRAND),
    "writing": lambda store: commit_number(store, 2),
    "writing unasked": lambda store: store.forget_answers(-1),
}


def _end_sessions(server: PostgresServer, store: SqlStore) -> None:
    name = store._database.place.rpartition("/")[2]
    with server.connection() as operator:
        operator.execute(_END_SESSIONS, [name])
        while operator.execute(_SESSIONS, [name]).fetchone() != (0,):
            pass


_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
_END_SESSIONS = _SESSIONS.replace("count(*)", "pg_terminate_backend(pid)")

ENDS: dict[str, Callable[[PostgresServer, SqlStore], None]] = {
    "restart": lambda server, _store: server.restart(),
    "ended by an operator": _end_sessions,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("end", ENDS)
def test_store_that_was_idle_meanwhile_notices_nothing(
    server: PostgresServer, end: str, use: str
) -> None:
    """All connections of both kinds have died, and the very next call is served."""
    with closing(open_store(server.new_database())) as store:
        commit_number(store, 1)
        with ExitStack() as held:
            for _ in range(PostgresParams().reader_count):
                held.enter_context(store._database.reading("look"))
        ENDS[end](server, store)
        USES[use](store)
        last = 2 if use == "writing" else 1
        assert last_commit(store) == last
        commit_number(store, last + 1)


def test_reader_that_cannot_be_replaced_says_so(server: PostgresServer) -> None:
    """It is tried once more and no oftener; the error is that of the server."""
    with closing(open_store(server.new_database())) as store:
        commit_number(store, 1)
        server.stop()
        try:
            for use in ("one statement", "reading", "writing"):
                with pytest.raises(UnavailableError, match="refused") as caught:
                    USES[use](store)
                assert "may be stored" not in str(caught.value)
        finally:
            server.start()
        assert last_commit(store) == 1


def test_writer_that_loses_its_session_while_it_waits(server: PostgresServer) -> None:
    """Nothing of it was sent to be stored: it waits on another, and is served."""
    url = server.new_database()
    with (
        closing(open_store(url)) as store,
        closing(open_store(url)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        commit_number(store, 1)
        with other._database.writing("hold on"):
            writer = pool.submit(commit_number, store, 2)
            with server.connection() as operator:
                while not operator.execute(_END_WAITING).fetchall():
                    assert not writer.done()
        writer.result(_PATIENCE_S)
        assert last_commit(other) == 2


_END_WAITING = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE wait_event = 'advisory'"
)


def test_writer_that_loses_its_session_among_its_rows(server: PostgresServer) -> None:
    """Once it has begun nothing is tried again: nothing is stored, and it says so."""
    with closing(open_store(server.new_database())) as store:
        commit_number(store, 1)

        def write() -> None:
            with store._database.writing("write") as connection:
                send_until_commit(connection)
                driver = driver_of(connection)
                driver.execute("DELETE FROM demands")
                _end_sessions(server, store)

        with pytest.raises(UnavailableError, match="cannot write"):
            write()
        assert last_commit(store) == 1
        commit_number(store, 2)


def test_server_that_is_down_is_named_without_a_password(
    server: PostgresServer,
) -> None:
    """Opening and reading both say which server; the password is nowhere."""
    url = server.new_database().replace("@", ":sesame@")
    with closing(open_store(url)) as store:
        server.stop()
        try:
            for act in (store.ping, lambda: open_store(url)):
                with pytest.raises(UnavailableError) as caught:
                    act()
                assert f"@127.0.0.1:{server.port}/" in str(caught.value)
                assert "sesame" not in str(caught.value)
        finally:
            server.start()
        store.ping()


def test_commits_are_on_disk_whatever_the_server_says(server: PostgresServer) -> None:
    """Sessions of both kinds wait for the disk on a server that would not."""
    with closing(open_store(server.new_database())) as store:
        for session in (store._database.writing, store._database.reading):
            with session("look") as connection:
                found = connection.exec_driver_sql("SHOW synchronous_commit")
                assert found.scalar_one() == "on"
    with server.connection() as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)
