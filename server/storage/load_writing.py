"""Rows of a load into the table of demands: a thousand of them in a statement."""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Insert, bindparam, column, select, true, values

from server.storage import row_writing, statements
from server.storage.demand_load import DemandLoad
from server.storage.prepared import run
from server.storage.rows import Row
from server.storage.tables import demands

# A statement binds two values for each; with few of them, threads that want the
# interpreter take it away after each statement.
_ROWS_AT_ONCE = 1_000

_SQLITE = "sqlite"


def write_load(connection: Connection, common: Row, load: DemandLoad) -> None:
    """
    Insert the rows of a load, each of them anew if it is there.

    Parameters
    ----------
    connection
        In a transaction.
    common
        What is the same in all rows: each column but id and document.
    load
        The rows; at least one.
    """
    count = len(load.ids)
    whole = 0
    if connection.dialect.name == _SQLITE:
        whole = count - count % _ROWS_AT_ONCE
        _write_whole(connection, common, load, whole)
    if whole < count:
        rest = [
            {**common, "demand_id": demand_id, "document": document}
            for demand_id, document in zip(
                load.ids[whole:], load.documents[whole:], strict=True
            )
        ]
        row_writing.write_rows(connection, statements.UPSERTS[demands], rest)


def _write_whole(
    connection: Connection, common: Row, load: DemandLoad, count: int
) -> None:
    driver: Any = connection.connection.driver_connection
    for start in range(0, count, _ROWS_AT_ONCE):
        at = slice(start, start + _ROWS_AT_ONCE)
        given = chain.from_iterable(zip(load.ids[at], load.documents[at], strict=True))
        named = dict(zip(_names(), given, strict=True))
        run(driver, connection.dialect, _insert(), {**common, **named})


@cache
def _names() -> tuple[str, ...]:
    return tuple(
        f"{name}_{at}" for at in range(_ROWS_AT_ONCE) for name in ("id", "document")
    )


@cache
def _insert() -> Insert:
    names = iter(_names())
    given = values(
        column("demand_id", demands.c.demand_id.type),
        column("document", demands.c.document.type),
        name="given",
    )
    pairs = zip(names, names, strict=True)
    data: list[Any] = [(bindparam(one), bindparam(two)) for one, two in pairs]
    rows = given.data(data).cte("given")
    all_columns = [
        rows.c[one.name] if one.name in rows.c else bindparam(one.name, type_=one.type)
        for one in demands.columns
    ]
    # Without a condition SQLite reads the ON of the conflict as that of a join.
    chosen = select(*all_columns).where(true())
    return statements.UPSERTS[demands].from_select(demands.columns.keys(), chosen)
