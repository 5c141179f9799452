"""Demands whose JSON is at hand are stored as any others are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from sqlalchemy import select

from matcher.domain.demand import Demand, DemandState
from matcher.engine.changes import Changes
from matcher.engine.commands import UpsertDemands
from matcher.engine.journal import Entry
from matcher.engine.records import DemandRecord
from server.storage import load_writing, tables
from server.storage.demand_load import demand_loads
from server.storage.opening import open_store
from server.storage.written_demands import WrittenDemands
from tests.contract.store.rows import BRAND, OTHER
from tests.scenarios import NOW_US, demand

NewUrl = Callable[[], str]
Command = UpsertDemands


def _plain(demands: Sequence[Demand]) -> UpsertDemands:
    return UpsertDemands(tuple(demands), ("",) * len(demands))


def _written(demands: Sequence[Demand]) -> WrittenDemands:
    plain = _plain(demands)
    texts = [msgspec.json.encode(each).decode() for each in demands]
    return WrittenDemands(
        plain.demands,
        plain.etags,
        pa.array(texts, pa.string()),
        msgspec.json.encode(plain),
    )


def _record(value: Demand, at_us: int = NOW_US) -> DemandRecord:
    return DemandRecord(value, DemandState.OPEN, 0, 0, 1, at_us, at_us)


def _entered(*commands: Command) -> Changes:
    # What a shard hands over once it has stored them, a microsecond apart.
    changes = Changes()
    for at_us, command in enumerate(commands, NOW_US):
        changes.journal.append(Entry(at_us, command))
        for each in command.demands:
            changes.demands[each.demand_id] = _record(each, at_us)
    return changes


def _demands(numbers: Iterable[int], prefix: str = "d") -> list[Demand]:
    return [demand(f"{prefix}{number:05}", quantity=number + 1) for number in numbers]


def _stored(url: str, *changes: Changes) -> tuple[list[Any], list[Any]]:
    with closing(open_store(url)) as store:
        # Another tenant's row of the same id stays as it is.
        store.commit([(OTHER, _entered(_plain(_demands([0]))))])
        for each in changes:
            store.commit([(BRAND, each)])
        with store._database.reading("look") as connection:
            rows = connection.execute(
                select(tables.demands).order_by("tenant", "demand_id")
            ).all()
            journal = connection.execute(
                select(tables.journal).order_by("tenant", "number")
            ).all()
    return [tuple(row) for row in rows], [tuple(row) for row in journal]


@pytest.mark.parametrize("count", [1, 2, 6, 7, 8, 14, 23])
def test_rows_and_journal_are_those_of_a_plain_command(
    new_store_url: NewUrl, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Around one and two statements of seven rows, and to the byte (I5, I12)."""
    monkeypatch.setattr(load_writing, "_ROWS_AT_ONCE", 7)
    load_writing._names.cache_clear()
    load_writing._insert.cache_clear()
    values = _demands(range(count))
    try:
        found = _stored(new_store_url(), _entered(_written(values)))
    finally:
        load_writing._names.cache_clear()
        load_writing._insert.cache_clear()
    assert found == _stored(new_store_url(), _entered(_plain(values)))
    assert len(found[0]) == count + 1


def test_a_thousand_are_one_statement(new_store_url: NewUrl) -> None:
    """As many as an import has, in no order, and a few more."""
    values = _demands((number * 613) % 2_003 for number in range(2_003))
    found = _stored(new_store_url(), _entered(_written(values)))
    assert found == _stored(new_store_url(), _entered(_plain(values)))


def test_ids_are_in_the_order_of_their_bytes() -> None:
    """As the database sorts them: Z before a, a before e with an accent (I5)."""
    values = [demand(each) for each in ("é", "a", "Z", "\U0001f600", "\ufb01")]
    (load,), others = demand_loads(_entered(_written(values)))
    assert list(load.ids) == sorted(load.ids, key=str.encode)
    assert not others
    for demand_id, document in zip(load.ids, load.documents, strict=True):
        assert f'"demand_id":"{demand_id}"' in document


def test_several_commands_of_one_commit(new_store_url: NewUrl) -> None:
    """Two written ones and a plain one, each with its own instant."""
    parts = [_demands(range(5), prefix) for prefix in ("c", "b", "a")]
    written = _entered(_written(parts[0]), _plain(parts[1]), _written(parts[2]))
    loads, others = demand_loads(written)
    assert [load.first.created_us for load in loads] == [NOW_US, NOW_US + 2]
    assert [each.demand for each in others] == parts[1]
    plain = _entered(*map(_plain, parts))
    assert _stored(new_store_url(), written) == _stored(new_store_url(), plain)


LATER = {
    "one was held": lambda one: replace(one, version=2, held_count=1),
    "one was changed": lambda one: replace(
        one, version=2, demand=replace(one.demand, priority=9)
    ),
    "one was erased": lambda one: replace(
        one, demand=replace(one.demand, segment="gone")
    ),
    "one came earlier": lambda one: replace(one, created_us=NOW_US - 1),
}


@pytest.mark.parametrize("name", LATER)
def test_what_has_changed_since_is_stored_as_it_is(
    new_store_url: NewUrl, name: str
) -> None:
    """The text of a command is not that of what became of it (I12)."""
    values = _demands(range(5))
    both = _entered(_written(values)), _entered(_plain(values))
    for changes in both:
        key = values[3].demand_id
        changes.demands[key] = LATER[name](changes.demands[key])
    loads, others = demand_loads(both[0])
    assert not loads
    assert others == list(both[0].demands.values())
    assert _stored(new_store_url(), both[0]) == _stored(new_store_url(), both[1])


def test_what_was_there_before_is_written_anew(new_store_url: NewUrl) -> None:
    """A row that the archive did not tell of is replaced, as by any other command."""
    old, new = _demands(range(5)), [replace(each, priority=5) for each in _demands([2])]
    found = _stored(new_store_url(), _entered(_plain(old)), _entered(_written(new)))
    assert found == _stored(
        new_store_url(), _entered(_plain(old)), _entered(_plain(new))
    )


def test_an_unchanged_demand_has_no_row() -> None:
    """A command that names one that is there already, the same, changes the others."""
    values = _demands(range(3))
    changes = _entered(_written(values))
    del changes.demands[values[1].demand_id]
    loads, others = demand_loads(changes)
    assert not loads
    assert [each.demand for each in others] == [values[0], values[2]]


def test_nothing_at_all() -> None:
    """No command, and one without demands."""
    assert demand_loads(Changes()) == ([], [])
    assert demand_loads(_entered(_written([]))) == ([], [])
