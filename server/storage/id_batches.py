"""Many ids in few statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from sqlalchemy import ARRAY, Boolean, any_, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: Ids per statement; SQLite takes at most 32,766 parameters in one.
IDS_MAX = 1_000

#: Parameter of a statement that is a list of ids; it has one at most.
IDS = "ids"

#: What a compiler is told of how many there are.
ID_COUNT = "id_count"

_LISTED_MAX = 100


class OneOfIds(FunctionElement[bool]):
    """
    Whether a column is one of the ids that the parameter ``ids`` lists.

    PostgreSQL takes more than a hundred as one array: a thousand parameters took it and
    its driver 7 to 10 ms a statement, where the array takes 2 to 3. Of an array that it
    does not see it guesses the length, and finds a few ids by a worse plan than in a
    list: 0.4 ms instead of 0.2 for one.
    """

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> Self:  # noqa: ARG002 - as its base
        """Return itself: SQLite, told `... = 1`, would look at every row."""
        return self


@compiles(OneOfIds)
def _as_list(element: OneOfIds, compiler: SQLCompiler, **options: Any) -> str:
    (key,) = element.clauses
    return compiler.process(key.in_(bindparam(IDS, expanding=True)), **options)


@compiles(OneOfIds, "postgresql")
def _as_array(element: OneOfIds, compiler: SQLCompiler, **options: Any) -> str:
    if options.get(ID_COUNT, 0) <= _LISTED_MAX:
        return _as_list(element, compiler, **options)
    (key,) = element.clauses
    ids: Any = bindparam(IDS, type_=ARRAY(key.type))
    return compiler.process(key == any_(ids), **options)


def id_batches(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield ids in order, each once, so many at a time that a statement takes them."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), IDS_MAX):
        yield ordered[start : start + IDS_MAX]
