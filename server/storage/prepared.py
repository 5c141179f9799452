"""
Statements of Core that are compiled once and then run by the driver itself.

For what every call needs: making a statement anew costs more than a small one takes.
What the driver raises goes through as it is; :class:`server.storage.database.Database`
names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Insert, bindparam
from sqlalchemy.sql.expression import ClauseElement

from server.storage.id_batches import ID_COUNT, IDS, IDS_MAX

#: Lengths of a list of ids that are compiled; a shorter one repeats its last id.
_ID_COUNTS = (1, 10, 100, IDS_MAX)

# Rows of one insert, and the values of one where rows are many more: compiling it
# takes a twentieth of a second, once.
_ROWS_AT_ONCE = 50
_VALUES_AT_ONCE = 2_000

# Statements, times the lengths of their lists, times the databases of a process.
_KEPT = 1_000


class Asked(NamedTuple):
    """A statement, and the values of its parameters."""

    statement: ClauseElement
    values: Mapping[str, Any]


class Found(NamedTuple):
    """The rows that a statement gave, and how many rows it gave or changed."""

    rows: list[tuple[Any, ...]]
    row_count: int


class _Prepared(NamedTuple):
    text: str
    # What the driver takes with it, from values by name.
    bound: Callable[[Mapping[str, Any]], Any]
    id_names: Sequence[str]


def run(
    driver: Any,
    dialect: Dialect,
    statement: ClauseElement,
    values: Mapping[str, Any],
) -> Any:
    """
    Run a statement once, and return the driver's cursor.

    Parameters
    ----------
    driver
        A connection of the driver's own; in a transaction, if the statement writes.
    dialect, statement, values
        As for :func:`bound`.
    """
    return driver.execute(*bound(dialect, statement, values))


def bound(
    dialect: Dialect, statement: ClauseElement, values: Mapping[str, Any]
) -> tuple[str, Any]:
    """
    Return a statement and its values, each as the driver takes it.

    Parameters
    ----------
    dialect
        What the driver speaks.
    statement
        Of Core; kept compiled, so one of few.
    values
        By the names of its parameters, as the driver takes them. A list is named
        ``ids``: one id or more, and 1,000 at most.
    """
    ids = values.get(IDS)
    count = _id_count(len(ids)) if ids is not None else 0
    prepared = _prepared(statement, dialect, count)
    if ids is not None and prepared.id_names:
        padded = [*ids, *[ids[-1]] * (count - len(ids))]
        values = {**values, **dict(zip(prepared.id_names, padded, strict=True))}
    return prepared.text, prepared.bound(values)


def driver_of(connection: Connection) -> Any:
    """Return the connection of the driver's own that one of SQLAlchemy stands for."""
    return connection.connection.driver_connection


def execute(
    connection: Connection, statement: ClauseElement, values: Mapping[str, Any]
) -> Any:
    """Run a statement as :func:`run` does, on a connection of SQLAlchemy."""
    return run(driver_of(connection), connection.dialect, statement, values)


def fetch(
    connection: Connection, statement: ClauseElement, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Run a statement as :func:`execute` does, and return all rows that it gives."""
    rows: list[tuple[Any, ...]] = execute(connection, statement, values).fetchall()
    return rows


def execute_many(
    connection: Connection, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Run a statement for each of some rows; no list is among their values."""
    if len(rows) == 1:
        execute(connection, statement, rows[0])
        return
    text, values = many(connection.dialect, statement, rows)
    driver_of(connection).cursor().executemany(text, values)


def insert_many(
    connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]
) -> None:
    """
    Run an insert of a whole table's columns for each of some rows.

    Parameters
    ----------
    connection
        To SQLite, in a transaction.
    statement
        Without values of its own.
    rows
        Each with all columns.

    Notes
    -----
    Fifty rows a statement take two thirds of the time of one row a statement. Several
    hundred take little less, but the interpreter is free meanwhile: between two
    statements others want its lock, and give it back when they like.
    """
    driver = driver_of(connection)
    one = _prepared(statement, connection.dialect, 0)
    most = max(_VALUES_AT_ONCE // len(statement.table.columns), _ROWS_AT_ONCE)
    begin = 0
    for count in (most, _ROWS_AT_ONCE):
        end = len(rows) - (len(rows) - begin) % count
        if begin < end:
            several = _prepared(_of_several(statement, count), connection.dialect, 0)
        for start in range(begin, end, count):
            part = map(one.bound, rows[start : start + count])
            driver.execute(several.text, [*chain.from_iterable(part)])
        begin = end
    if begin < len(rows):
        execute_many(connection, statement, rows[begin:])


@lru_cache(_KEPT)
def _of_several(statement: Insert, count: int) -> Insert:
    # Its parameters are those of the rows, in the order of both.
    names = statement.table.columns.keys()
    return statement.values(
        [{name: bindparam(f"{name}_{at}") for name in names} for at in range(count)]
    )


def many(
    dialect: Dialect, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Any]]:
    """Return a statement and some rows, each as the driver takes it."""
    prepared = _prepared(statement, dialect, 0)
    return prepared.text, [*map(prepared.bound, rows)]


def _id_count(count: int) -> int:
    assert 1 <= count <= _ID_COUNTS[-1], f"{count} ids in one statement"
    return next(each for each in _ID_COUNTS if each >= count)


@lru_cache(_KEPT)
def _prepared(statement: ClauseElement, dialect: Dialect, id_count: int) -> _Prepared:
    counted = {ID_COUNT: id_count}
    compiled: Any = statement.compile(dialect=dialect, compile_kwargs=counted)
    given: dict[str, Any] = dict(compiled.params)
    if id_count:
        given[IDS] = [""] * id_count
    state = compiled.construct_expanded_state(given)
    # Values that stand in the statement itself.
    constant = {name: one for name, one in state.parameters.items() if one is not None}
    # None where the list is one parameter.
    id_names = state.parameter_expansion.get(IDS, ())
    for name in (IDS, *id_names):
        constant.pop(name, None)
    return _Prepared(state.statement, _bound(state.positiontup, constant), id_names)


def _bound(
    names: Sequence[str] | None, constant: Mapping[str, Any]
) -> Callable[[Mapping[str, Any]], Any]:
    if names is None:
        return lambda values: {**constant, **values} if constant else values
    if constant or len(names) < 2:
        return lambda values: [{**constant, **values}[name] for name in names]
    return itemgetter(*names)
