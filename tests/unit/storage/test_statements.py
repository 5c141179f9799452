"""Every read goes by an index: its time must not grow with what is not asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Select, create_engine, select

from server.storage import statements
from server.storage.opening import open_store
from server.storage.tables import answers
from tests.scenarios.postgres_server import PostgresServer

READS = {
    name: value
    for name, value in vars(statements).items()
    if name.isupper() and isinstance(value, Select) and name != "PING"
}


_EXPLAIN = "EXPLAIN QUERY PLAN"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Give a connection to a new store in a file."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    open_store(f"sqlite:///{path}").close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _plan(connection: Connection, statement: Select[Any], explain: str) -> list[str]:
    # The plan does not depend on the values; some the statement has itself.
    values = {
        name: ["x"] if name == "ids" else bound.type.python_type()
        for name, bound in statement.compile().binds.items()
        if bound.value is None
    }
    text = statement.params(values).compile(
        dialect=connection.dialect, compile_kwargs={"literal_binds": True}
    )
    return [row[-1] for row in connection.exec_driver_sql(f"{explain} {text}")]


def _takes_ids(statement: Select[Any]) -> bool:
    return "ids" in statement.compile().binds


@pytest.mark.parametrize("name", READS)
def test_read_goes_by_an_index(file: Connection, name: str) -> None:
    """No read scans a table or sorts documents; each seeks with the tenant."""
    plan = _plan(file, READS[name], _EXPLAIN)
    assert plan
    for step in plan:
        assert "USE TEMP B-TREE" not in step
        if step.startswith("SCAN"):
            # Rows that the steps before it made, not those of a table.
            assert step.startswith(("SCAN (", "SCAN CONSTANT", "SCAN anon")), step
        if step.startswith("SEARCH"):
            assert "tenant" in step or step.startswith("SEARCH anon"), step


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("LIVE_DEMANDS", "demands_by_state"),
        ("CLOSED_LIVE_DEMANDS", "demands_closed_and_held"),
        ("LIVE_RETURNS", "returns_by_state"),
        ("LIVE_MATCHES", "matches_by_hold_state"),
        ("DEMAND_PAGE_IN_STATE", "demands_by_state"),
        ("RETURN_PAGE_IN_STATE", "returns_by_state"),
        ("DECISIONS_OF_RETURN", "decisions_by_return"),
    ],
)
def test_read_goes_by_its_index(file: Connection, name: str, index: str) -> None:
    """Reads that have an index made for them use it and no other."""
    (step,) = _plan(file, READS[name], _EXPLAIN)
    assert f"INDEX {index} (" in step


@pytest.mark.parametrize("name", [each for each in READS if _takes_ids(READS[each])])
def test_some_rows_are_found_by_tenant_and_id(file: Connection, name: str) -> None:
    """A look-up with every call: found by the whole key, or its time grows (R68)."""
    (step,) = _plan(file, READS[name], _EXPLAIN)
    assert re.search(r"\(tenant=\? AND \w+=\?\)", step), step


def test_answers_are_forgotten_by_index(file: Connection) -> None:
    """Old answers are found by their time, however many there are."""
    found = select(answers).where(*statements.FORGET_ANSWERS._where_criteria)
    (step,) = _plan(file, found, _EXPLAIN)
    assert "INDEX answers_by_time (" in step


@pytest.fixture(scope="module")
def server(postgres: PostgresServer) -> Iterator[Connection]:
    """Give a connection to a new store on a server that has to look for indexes."""
    url = postgres.new_database()
    open_store(url).close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        # It would read small tables from end to end, and sort what a bitmap finds.
        for way in ("seqscan", "bitmapscan", "sort"):
            connection.exec_driver_sql(f"SET enable_{way} = off")
        yield connection
    engine.dispose()


@pytest.mark.parametrize("name", READS)
def test_read_goes_by_an_index_on_a_server(server: Connection, name: str) -> None:
    """PostgreSQL finds an index for it, too, in the order in which it is asked."""
    plan = _plan(server, READS[name], "EXPLAIN")
    assert any("Index" in step for step in plan)
    for step in plan:
        assert "Seq Scan" not in step
        assert "Sort" not in step
        if "Index Cond" in step:
            assert "tenant" in step
