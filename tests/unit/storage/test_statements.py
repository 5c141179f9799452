"""Every read goes by an index: its time must not grow with what is not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Delete, Select, create_engine, event

from server.storage import statements
from server.storage.opening import open_store

READS = {
    name: value
    for name, value in vars(statements).items()
    if name.isupper() and isinstance(value, Select) and name != "PING"
}


@pytest.fixture(scope="module")
def explaining(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Give a connection to a new store that explains what it is to execute."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    open_store(f"sqlite:///{path}").close()
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def explain(
        _connection: Connection, _cursor: object, text: str, values: object, *_: object
    ) -> tuple[str, object]:
        return f"EXPLAIN QUERY PLAN {text}", values

    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _plan(connection: Connection, statement: Select[Any] | Delete) -> list[str]:
    # The plan does not depend on the values; some the statement has itself.
    values = {
        name: ["x"] if name == "ids" else 1
        for name, value in statement.compile().params.items()
        if value is None
    }
    # Past the statement's own result columns, which are not those of a plan.
    cursor = connection.execute(statement, values).cursor
    assert cursor is not None
    return [row[-1] for row in cursor.fetchall()]


@pytest.mark.parametrize("name", READS)
def test_read_goes_by_an_index(explaining: Connection, name: str) -> None:
    """No read scans a table or sorts documents; each seeks with the tenant."""
    plan = _plan(explaining, READS[name])
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
def test_read_goes_by_its_index(explaining: Connection, name: str, index: str) -> None:
    """Reads that have an index made for them use it and no other."""
    (step,) = _plan(explaining, READS[name])
    assert f"INDEX {index} (" in step


def test_answers_are_forgotten_by_index(explaining: Connection) -> None:
    """Old answers are found by their time, however many there are."""
    (step,) = _plan(explaining, statements.FORGET_ANSWERS)
    assert "INDEX answers_by_time (" in step
