"""Prepared statements say what Core says, however often and with how many ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import ColumnElement, bindparam, column, func, insert, literal, select

from server.storage import statements
from server.storage.opening import open_store
from server.storage.prepared import execute, execute_many, fetch
from server.storage.row_writing import write_rows
from server.storage.sql_store import SqlStore
from server.storage.tables import answers
from tests.contract.store.rows import BRAND, OTHER, answer_row

_STORED = 30


@pytest.fixture
def store(store_url: str) -> Iterator[SqlStore]:
    """Give a store with answers of two tenants under the same request ids."""
    with closing(open_store(store_url)) as opened:
        ids = [f"q{number:04}" for number in range(_STORED)]
        opened.commit(
            [], [answer_row(each, tenant) for each in ids for tenant in (BRAND, OTHER)]
        )
        yield opened


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 100, 101, 1_000])
def test_ids_of_any_number_find_what_core_finds(store: SqlStore, count: int) -> None:
    """Around each length that is compiled; those beyond the 30 stored do not exist."""
    values = {"tenant": BRAND, "ids": [f"q{number:04}" for number in range(count)]}
    with store._database.reading("look") as connection:
        expected = connection.execute(statements.SOME_ANSWERS, values).all()
        found = fetch(connection, statements.SOME_ANSWERS, values)
    assert sorted(found) == sorted(tuple(row) for row in expected)
    assert len(found) == min(count, _STORED)
    assert {row[0] for row in found} == {BRAND}


@pytest.mark.parametrize("count", [0, 1_001])
def test_ids_too_few_or_too_many_are_our_bug(store: SqlStore, count: int) -> None:
    """A list that no compiled length holds is refused, not cut off."""
    values = {"tenant": BRAND, "ids": ["q"] * count}
    with (
        pytest.raises(AssertionError, match=f"{count} ids"),
        store._database.reading("look") as connection,
    ):
        fetch(connection, statements.SOME_ANSWERS, values)


def test_values_of_the_statement_itself_stay(store: SqlStore) -> None:
    """A constant beside a parameter, each time anew and for several rows at once."""
    given: ColumnElement[str] = func.replace(answers.c.payload_hash, "ab", "cd")
    change = (
        answers.update()
        .where(answers.c.request_id == bindparam("its_id"))
        .values(payload_hash=given)
    )
    rows = [{"its_id": "q0001"}, {"its_id": "q0002"}]
    with store._database.writing("change") as connection:
        assert execute(connection, change, {"its_id": "q0000"}).rowcount == 2
        execute_many(connection, change, rows)
    changed = (
        select(answers.c.request_id, literal(7).label("seven"))
        .where(column("payload_hash") == "cd" * 32, answers.c.tenant == BRAND)
        .order_by(answers.c.request_id)
    )
    with store._database.reading("look") as connection:
        found = fetch(connection, changed, {})
    assert found == [("q0000", 7), ("q0001", 7), ("q0002", 7)]


@pytest.mark.parametrize("count", [1, 2, 49, 50, 51, 99, 100, 137, 399, 400, 401, 857])
def test_rows_are_inserted_as_one_by_one(store: SqlStore, count: int) -> None:
    """
    Around the rows of each statement, and two: each row as given, and each once (R41).

    The first two are there already: the insert says that they stay as they are.
    """
    rows = [
        {
            "tenant": BRAND,
            "request_id": f"q{_STORED - 2 + number:04}",
            "payload_hash": f"hash {number}",
            "answered_us": number,
            "answer": bytes([number % 256]),
        }
        for number in range(count)
    ]
    with store._database.writing("insert") as connection:
        before = connection.execute(select(answers)).all()
        write_rows(connection, statements.KEEP_ANSWERS, rows)
        after = connection.execute(select(answers)).all()
    new = [tuple(row.values()) for row in rows[2:]]
    assert sorted(map(tuple, after)) == sorted([*map(tuple, before), *new])


@pytest.mark.parametrize("count", [50, 400, 457])
def test_no_row_is_sent_twice(store: SqlStore, count: int) -> None:
    """Of rows that are all new, by an insert that refuses a second one."""
    rows = [
        {
            "tenant": BRAND,
            "request_id": f"new{number:04}",
            "payload_hash": "hash",
            "answered_us": number,
            "answer": b"",
        }
        for number in range(count)
    ]
    with store._database.writing("insert") as connection:
        write_rows(connection, insert(answers), rows)
        after = connection.execute(select(func.count()).select_from(answers)).scalar()
    assert after == 2 * _STORED + count
