"""Rows of demands that are new and were written by the column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter, is_, lt
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from matcher.domain.demand import Demand
from matcher.engine.changes import Changes
from matcher.engine.records import DemandRecord
from server.storage import codec
from server.storage.written_demands import WrittenDemands

# What a record is before anything has happened to it.
_FIRST_VERSION = 1

_ID: Any = attrgetter("demand_id")
_DEMAND: Any = attrgetter("demand")
_VERSION: Any = attrgetter("version")
_CREATED: Any = attrgetter("created_us")


class DemandLoad(NamedTuple):
    """
    Rows of demands that differ in id and document only, in the order of their ids.

    Parameters
    ----------
    first
        One of the records: the others have the same in all columns but those two.
    ids, documents
        By row.
    """

    first: DemandRecord
    ids: Sequence[str]
    documents: Sequence[str]


def demand_loads(changes: Changes) -> tuple[list[DemandLoad], list[DemandRecord]]:
    """
    Return the changed demands that came as texts, and the records of all others.

    Each stands in one of the two: in the latter, if anything else happened in the same
    commit to a demand of its command.
    """
    changed = changes.demands
    loads: list[DemandLoad] = []
    loaded: set[str] = set()
    for command in _written(changes):
        found = [*map(changed.get, map(_ID, command.demands))]
        if records := _new(found, command.demands):
            loads.append(_load(records, command.documents))
            loaded.update(loads[-1].ids)
    if len(loaded) == len(changed):
        return loads, []
    return loads, [each for key, each in changed.items() if key not in loaded]


def _written(changes: Changes) -> Iterator[WrittenDemands]:
    for entry in changes.journal:
        if isinstance(entry.event, WrittenDemands):
            yield entry.event


def _new(
    found: Sequence[DemandRecord | None], demands: Sequence[Demand]
) -> list[DemandRecord]:
    # The records of a command's very demands, if all were entered at one instant and
    # not touched since; else nothing.
    records = [each for each in found if each is not None]
    is_new = (
        len(records) == len(demands)
        and {*map(_VERSION, records)} == {_FIRST_VERSION}
        and len({*map(_CREATED, records)}) == 1
        and all(map(is_, map(_DEMAND, records), demands))
    )
    return records if is_new else []


def _load(records: Sequence[DemandRecord], texts: Any) -> DemandLoad:
    # What stands around the demand in one document stands around it in all of them.
    first = records[0]
    before, found, behind = codec.DEMANDS.encode(first).partition(texts[0].as_py())
    assert found, "the text of a demand is what its document holds"
    documents = pc.binary_join_element_wise(before, texts, behind, "")
    ids = [*map(_ID, map(_DEMAND, records))]
    if not all(map(lt, ids, ids[1:])):
        # In the order of the index, so that each of its pages is met once. Arrow
        # compares bytes, as the database does.
        keys = pa.array(ids, pa.string())
        order = pc.sort_indices(keys)
        ids, documents = keys.take(order).to_pylist(), documents.take(order)
    return DemandLoad(first, ids, documents.to_pylist())
