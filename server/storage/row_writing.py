"""Rows into a table, as fast as the database takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    LargeBinary,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects import postgresql

from server.storage.prepared import driver_of, execute_many, insert_many
from server.storage.rows import Row

#: Rows of one statement: PostgreSQL keeps them in memory as a text of at most 1 GiB.
_ROWS_AT_ONCE = 10_000

_POSTGRES = "postgresql"


@contextmanager
def sending(connection: Connection) -> Iterator[None]:
    """
    Send statements without waiting for the answer to each, where the database can.

    Parameters
    ----------
    connection
        In a transaction. Only statements that give no rows, until the end.

    Raises
    ------
    psycopg.Error
        At the end at the latest, if any of them failed; later ones did nothing then.
    """
    if connection.dialect.name != _POSTGRES:
        yield
        return
    with driver_of(connection).pipeline():
        yield


def send_until_commit(connection: Connection) -> None:
    """
    Send statements from here on, and wait for all of them together with the commit.

    As :func:`sending` is, but that its end is the commit's.
    """
    if connection.dialect.name == _POSTGRES:
        driver_of(connection).send_until_commit()


def write_rows(connection: Connection, statement: Insert, rows: Sequence[Row]) -> None:
    """
    Execute an insert of a whole table's columns for each of some rows.

    Parameters
    ----------
    connection
        In a transaction.
    statement
        What to insert, and what to do where a row is there already.
    rows
        Each with all columns; at least one. Bytes in no columns but those of bytes.
    """
    for sent, values in parcels(connection.dialect.name, statement, rows):
        if connection.dialect.name == _POSTGRES:
            execute_many(connection, sent, values)
        else:
            insert_many(connection, sent, values)


def parcels(
    dialect_name: str, statement: Insert, rows: Sequence[Row]
) -> Iterator[tuple[Insert, Sequence[Row]]]:
    """
    Yield what is sent to a database for the rows of an insert.

    Notes
    -----
    PostgreSQL takes the rows as one JSON text: one statement whatever their number, so
    it is planned once and waited for once. Bytes are written in base 64.
    """
    if dialect_name != _POSTGRES:
        yield statement, rows
        return
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        text = msgspec.json.encode(rows[start : start + _ROWS_AT_ONCE]).decode()
        yield _from_json(statement), [{"rows": text}]


@cache
def _from_json(statement: Insert) -> Insert:
    target = statement.table
    assert isinstance(target, Table)
    given = func.json_to_recordset(
        cast(bindparam("rows", type_=Text()), postgresql.JSON())
    )
    rows = given.table_valued(
        *(
            column(one.name, Text() if _is_bytes(one) else one.type)
            for one in target.columns
        )
    ).render_derived(name="given", with_types=True)
    values = [
        # As msgspec writes bytes.
        func.decode(rows.c[one.name], "base64") if _is_bytes(one) else rows.c[one.name]
        for one in target.columns
    ]
    return statement.from_select(list(target.columns.keys()), select(*values))


def _is_bytes(one: ColumnElement[object]) -> bool:
    return isinstance(one.type, LargeBinary)
