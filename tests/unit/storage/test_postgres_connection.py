"""Statements that are sent together, and how often a call waits for the database."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.errors import InFailedSqlTransaction, UniqueViolation
from sqlalchemy import create_engine

from matcher.domain.ids import TenantId
from matcher.engine.commands import UpsertDemands
from matcher.engine.shard import Shard
from server.runtime.shard_host import ShardHost
from server.runtime.work import Work
from server.storage.opening import open_store
from server.storage.postgres_connection import PostgresConnection
from server.storage.prepared import bound
from server.storage.sql_store import SqlStore
from server.storage.statements import SOME_ANSWERS
from tests.scenarios import NOW_US, demand
from tests.scenarios.owned import owning
from tests.scenarios.postgres_server import PostgresServer

_TENANT = TenantId("t")
_PUT = "INSERT INTO pairs VALUES (%(key)s::INTEGER, %(text)s::VARCHAR)"
_GET = "SELECT text, key FROM pairs WHERE key = %(key)s::INTEGER OR key = -%(key)s"


@pytest.fixture(name="connection")
def _connection(postgres: PostgresServer) -> Iterator[PostgresConnection]:
    with PostgresConnection.connect(postgres.new_database(), autocommit=True) as opened:
        opened.execute("CREATE TABLE pairs (key INTEGER PRIMARY KEY, text VARCHAR)")
        yield opened


def _stored(connection: PostgresConnection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT key, text FROM pairs ORDER BY key").fetchall()


def test_statements_at_once_find_each_their_own(connection: PostgresConnection) -> None:
    """In their order, behind the words; a value may look like anything."""
    odd = "it's \\ %s; DROP TABLE pairs; --"
    for number in range(3):
        found = connection.run_at_once(
            "BEGIN; SELECT 1",
            [
                (_PUT, {"text": odd, "key": number, "other": 0}),
                (_GET, {"key": number}),
                (_GET, {"key": 99}),
            ],
        )
        assert [tuple(each) for each in found] == [
            ([], 1),
            ([(odd, number)], 1),
            ([], 0),
        ]
        connection.commit()
    assert _stored(connection) == [(number, odd) for number in range(3)]
    kept = connection.execute("SELECT count(*) FROM pg_prepared_statements")
    assert kept.fetchone() == (2,)


def test_words_alone_are_a_message_too(connection: PostgresConnection) -> None:
    """A transaction may have nothing to ask."""
    assert connection.run_at_once("BEGIN; SELECT 1; SELECT 2", []) == []
    connection.rollback()


def test_first_that_fails_at_once_ends_the_others(
    connection: PostgresConnection,
) -> None:
    """Its error is raised; what stands behind it is not done."""
    with pytest.raises(UniqueViolation):
        connection.run_at_once(
            "BEGIN", [(_PUT, {"key": key, "text": ""}) for key in (1, 1, 2)]
        )
    connection.rollback()
    assert _stored(connection) == []


def test_statements_at_once_outlive_a_rollback(connection: PostgresConnection) -> None:
    """With it psycopg has the server forget what is prepared, if it prepared any."""
    for repetitions in (1, 9):
        connection.run_at_once("BEGIN", [(_GET, {"key": 1})])
        for _ in range(repetitions):
            connection.execute(_GET, {"key": 1})
        connection.rollback()
        connection.run_at_once("BEGIN", [(_GET, {"key": 1})])
        connection.commit()


def test_what_is_sent_until_the_commit_is_stored_by_it(
    connection: PostgresConnection,
) -> None:
    """Nobody else sees it before; the connection is as it was afterwards."""
    for number in range(2):
        connection.execute("BEGIN")
        connection.send_until_commit()
        connection.execute(_PUT, {"key": number, "text": ""})
        connection.commit()
        assert len(_stored(connection)) == number + 1


def test_commit_raises_what_failed_of_what_was_sent(
    connection: PostgresConnection,
) -> None:
    """
    The first error by its own name; nothing is stored, not even what was good.

    Or one who sends more raises it, if its answer has come by then.
    """

    def write() -> None:
        for key in (1, 2, 2, 3):
            connection.execute(_PUT, {"key": key, "text": ""})
        connection.commit()

    connection.execute("BEGIN")
    connection.send_until_commit()
    with pytest.raises(UniqueViolation):
        write()
    # Where one who sends raised it, the pipeline is still open.
    connection._end_sending()
    with pytest.raises(InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.rollback()
    assert _stored(connection) == []


def test_what_was_sent_is_rolled_back(connection: PostgresConnection) -> None:
    """Be it good or not: nothing is raised, and nothing is stored."""
    for keys in ((1, 2), (1, 1)):
        connection.execute("BEGIN")
        connection.send_until_commit()
        for key in keys:
            connection.execute(_PUT, {"key": key, "text": ""})
        connection.rollback()
        assert _stored(connection) == []


def test_what_was_sent_is_gone_with_the_connection(
    connection: PostgresConnection, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing it in the middle is no error, and says nothing."""
    url = connection.info.dsn
    connection.execute("BEGIN")
    connection.send_until_commit()
    connection.execute(_PUT, {"key": 1, "text": ""})
    connection.close()
    assert caplog.records == []
    with psycopg.connect(url) as other:
        assert other.execute("SELECT count(*) FROM pairs").fetchone() == (0,)


def test_a_swallowed_error_is_no_commit(connection: PostgresConnection) -> None:
    """PostgreSQL would answer that COMMIT with a rollback, and no error: ours shows."""
    connection.execute("BEGIN")
    with pytest.raises(psycopg.Error):
        connection.execute("SELECT 1 / 0")
    connection.send_until_commit()
    with pytest.raises(AssertionError, match="nobody said so"):
        connection.commit()


def test_many_ids_are_one_parameter() -> None:
    """Of PostgreSQL, where they are more than a hundred; a few are a list."""
    dialect = create_engine("postgresql+psycopg://").dialect
    for count, number in ((1, 2), (7, 11), (100, 101), (101, 2), (1_000, 2)):
        values = {"tenant": "t", "ids": [f"q{each}" for each in range(count)]}
        text, given = bound(dialect, SOME_ANSWERS, values)
        places = set(re.findall(r"%\((\w+)\)s", text))
        assert len(places) == number
        assert places <= given.keys()


def test_a_lone_write_waits_four_times(postgres: PostgresServer) -> None:
    """
    Two look-ups; lock, fence and numbers; rows and COMMIT: four answers (R41).

    As in the server, the connections have met the statements before. The trace of
    libpq has each message that asks for an answer.
    """
    with closing(open_store(postgres.new_database())) as store:
        host = ShardHost(store, lambda: NOW_US, owning(store, _TENANT))
        host.start([_TENANT])
        for number in range(8):
            _write(host, number)
        with tempfile.TemporaryFile() as trace:
            for connection in _connections(store):
                connection.pgconn.trace(trace.fileno())
            _write(host, 9)
            assert _asked(store, trace) == {"Sync": 3, "Query": 1}


def _write(host: ShardHost, number: int) -> None:
    command = UpsertDemands((demand(f"d{number}"),), ("",))

    def run(shard: Shard, now_us: int) -> bytes:
        return repr(shard.apply(command, now_us)).encode()

    (done,) = host.process([Work(_TENANT, run, f"q{number}", "hash", command)])
    assert done.error is None


def _connections(store: SqlStore) -> Iterator[PostgresConnection]:
    # Of the writer, and the one that is kept for look-ups.
    database = store._database
    pooled = database._writer.raw_connection(), database._look_ups.take()
    for each in pooled:
        assert isinstance(each.driver_connection, PostgresConnection)
        yield each.driver_connection
    pooled[0].close()
    database._look_ups.give_back(pooled[1])


def _asked(store: SqlStore, trace: tempfile._TemporaryFileWrapper[bytes]) -> object:
    for connection in _connections(store):
        connection.pgconn.untrace()
    trace.seek(0)
    words = [line.split("\t") for line in trace.read().decode().splitlines()]
    # When, from whom, how long, what.
    asked = (each[3] for each in words if each[1] == "F")
    return Counter(each for each in asked if each in {"Sync", "Query"})
