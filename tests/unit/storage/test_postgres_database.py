"""What PostgreSQL has to be like for a store, and what it is told."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from matcher.domain.errors import UnavailableError
from server.storage import postgres_database
from server.storage.opening import open_store
from server.storage.postgres_params import PostgresParams
from server.storage.row_writing import sending, write_rows
from server.storage.sql_store import SqlStore
from server.storage.statements import UPSERTS
from server.storage.tables import policies
from tests.contract.store.rows import BRAND, changes_of, demand_row
from tests.scenarios.postgres_server import PostgresServer


def test_older_server_is_refused(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version and the least one are named, and it gets no tables."""
    url = postgres.new_database()
    monkeypatch.setattr(postgres_database, "MAJOR_VERSION_MIN", 99)
    with pytest.raises(UnavailableError, match=r"of version \d+\.\d.*accepted: 99"):
        open_store(url)
    with psycopg.connect(url) as connection:
        tables = "SELECT * FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(tables).fetchall() == []


def test_other_encoding_is_refused(postgres: PostgresServer) -> None:
    """Latin 1 has no place for most names, and another order."""
    url = postgres.new_database("ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(UnavailableError, match=r"database is in LATIN1.*UTF8"):
        open_store(url)


def test_missing_database_is_refused(postgres: PostgresServer) -> None:
    """It is not made behind the operator's back."""
    with pytest.raises(UnavailableError, match=r'"missing" does not exist'):
        open_store(postgres.url("missing"))


def test_missing_rights_are_trouble_of_the_operator(postgres: PostgresServer) -> None:
    """Somebody who may not make tables, and then not write: told which, no bug."""
    url = postgres.new_database()
    with psycopg.connect(url) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
    theirs = url.replace("//nearturn@", "//reader@")
    with pytest.raises(UnavailableError, match="permission denied for schema"):
        open_store(theirs)
    open_store(url).close()
    with psycopg.connect(url) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    with (
        closing(open_store(theirs)) as store,
        pytest.raises(UnavailableError, match="permission denied for table"),
    ):
        store.commit([(BRAND, changes_of(demand_row()))])
    with psycopg.connect(url) as connection:
        connection.execute("DROP OWNED BY reader")
        connection.execute("DROP ROLE reader")


def test_readers_cannot_write(postgres: PostgresServer) -> None:
    """The server refuses it, outside of a snapshot and inside."""
    with closing(open_store(postgres.new_database())) as store:
        for session in (store._database.reading, store._database.snapshot):
            with (
                pytest.raises(UnavailableError, match="read-only transaction"),
                session("look") as connection,
            ):
                connection.exec_driver_sql("DELETE FROM demands")


def test_a_new_store_is_made_once(postgres: PostgresServer) -> None:
    """Four that open it at the same moment: one makes the tables, all can use them."""
    url = postgres.new_database()
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_store(url), range(4)))
    for number, store in enumerate(opened):
        store.commit([(BRAND, changes_of(demand_row(f"d{number}")))])
    assert len(opened[0].load(BRAND).demands) == 4
    for store in opened:
        store.close()


def test_url_may_say_more(postgres: PostgresServer) -> None:
    """Options of libpq are passed on, a schema among them; ours still hold."""
    url = postgres.new_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA mine")
    options = "-csearch_path%3Dmine%20-csynchronous_commit%3Doff"
    with closing(open_store(f"{url}?application_name=x&options={options}")) as store:
        assert _shown(store, "application_name") == "x"
        assert _shown(store, "synchronous_commit") == "on"
        assert _shown(store, "search_path") == "mine"
        store.commit([(BRAND, changes_of(demand_row()))])
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT demand_id FROM mine.demands").fetchall()
    assert found == [("d1",)]


def test_settings_reach_the_server(postgres: PostgresServer) -> None:
    """Each timeout is that of the session; so many readers, and the kept one."""
    params = PostgresParams(
        reader_count=2, statement_timeout_ms=700, idle_timeout_ms=900
    )
    url = postgres.new_database()
    with closing(open_store(url, postgres=params)) as store:
        assert _shown(store, "statement_timeout") == "700ms"
        assert _shown(store, "idle_in_transaction_session_timeout") == "900ms"
        with (
            store._database.reading("look"),
            store._database.reading("look"),
            store._database.reading("look"),
            pytest.raises(UnavailableError, match="limit of size 3"),
        ):
            store.ping()


def test_the_reader_that_was_used_last_is_used_next(postgres: PostgresServer) -> None:
    """It has the statements that were used last; the others are for more at once."""
    with closing(open_store(postgres.new_database())) as store:
        with store._database.reading("look"), store._database.reading("look"):
            pass
        pids = set()
        for _ in range(4):
            with store._database.reading("look") as connection:
                found = connection.exec_driver_sql("SELECT pg_backend_pid()")
                pids.add(found.scalar_one())
        assert len(pids) == 1


def test_statement_that_takes_too_long_is_ended(postgres: PostgresServer) -> None:
    """By the server, and the connection is good for the next one."""
    params = PostgresParams(statement_timeout_ms=100)
    with closing(open_store(postgres.new_database(), postgres=params)) as store:
        with (
            pytest.raises(UnavailableError, match="statement timeout"),
            store._database.reading("look") as connection,
        ):
            connection.exec_driver_sql("SELECT pg_sleep(60)")
        store.ping()


def test_error_shows_no_row(postgres: PostgresServer) -> None:
    """A row that breaks a rule is our bug; its text is not for whoever reads a log."""
    row = {"tenant": "b", "version": 0, "state": 1, "document": "Ada"}

    def write_alone(connection: Connection) -> None:
        connection.execute(insert(policies), row)

    def write_in_a_pipeline(connection: Connection) -> None:
        with sending(connection):
            write_rows(connection, UPSERTS[policies], [row])

    with closing(open_store(postgres.new_database())) as store:
        for write in (write_alone, write_in_a_pipeline):
            with (
                pytest.raises(IntegrityError, match="policies_version") as caught,
                store._database.writing("write") as connection,
            ):
                write(connection)
            assert "Ada" not in str(caught.value)


def test_driver_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without psycopg a store in a file works, and this says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in ("postgres_database", "postgres_connection"):
        monkeypatch.delitem(sys.modules, f"server.storage.{name}", raising=False)
    monkeypatch.delattr("server.storage.postgres_database", raising=False)
    with pytest.raises(UnavailableError, match=r"nearturn\[postgres\]"):
        open_store("postgresql://user@host/base")


def _shown(store: SqlStore, name: str) -> object:
    with store._database.reading("look") as connection:
        return connection.exec_driver_sql(f"SHOW {name}").scalar_one()
