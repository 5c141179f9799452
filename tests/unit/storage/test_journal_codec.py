"""Segments of a journal: small alone, compressed in numbers, readable when old."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from matcher.domain.demand import DemandState
from matcher.domain.ids import DemandId
from matcher.engine.commands import Tick, UpsertDemands
from matcher.engine.erasure import Subjects, Traces
from matcher.engine.journal import Entry, Known
from matcher.engine.records import DemandRecord
from matcher.simulate.params import ScenarioParams
from matcher.simulate.scenario import generate
from server.storage.codec import StoredDocumentError
from server.storage.journal_codec import (
    SEGMENT,
    erase_entries,
    pack_entries,
    segment_rows,
    unpack_entries,
)

_NOW_US = 1_772_452_800_000_000


def _entries(count: int) -> list[Entry]:
    params = ScenarioParams(demand_count=count + 1, return_count=1)
    demands = generate(params, np.random.default_rng(7), _NOW_US).demands
    closed = DemandRecord(demands[-1], DemandState.CANCELLED, 0, 0, 2, 1, _NOW_US)
    known = Known(demands=(closed,))
    return [
        Entry(
            _NOW_US + number,
            UpsertDemands((demand,), ("ü",)) if number % 3 else Tick(),
            known if number % 2 else Known(),
            is_planning_down=number % 5 == 1,
        )
        for number, demand in enumerate(demands[:-1])
    ]


def _old(entries: Sequence[Entry], compression: str | None) -> bytes:
    # As a store of before wrote them: columns, compressed from sixteen entries on.
    def text(value: object) -> str:
        return msgspec.json.encode(value).decode()

    columns: list[list[Any]] = [
        [each.now_us for each in entries],
        [type(each.event).__name__ for each in entries],
        [text(each.event) for each in entries],
        [text(each.known) if each.known else "" for each in entries],
        [each.is_planning_down for each in entries],
    ]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, SEGMENT, options=options) as writer:
        writer.write_batch(
            pa.RecordBatch.from_arrays(
                [
                    pa.array(values, field.type)
                    for values, field in zip(columns, SEGMENT, strict=True)
                ],
                schema=SEGMENT,
            )
        )
    return bytes(sink.getvalue())


@pytest.mark.parametrize("count", [0, 1, 2, 15, 400])
def test_entries_come_back(count: int) -> None:
    """With what they knew, in their order; and packed again as the same bytes."""
    entries = _entries(count)
    data = pack_entries(entries)
    assert list(unpack_entries(data)) == entries
    assert pack_entries(entries) == data


def test_one_entry_is_little_more_than_its_documents() -> None:
    """No description of columns beside it; many entries are compressed."""
    (one,) = _entries(2)[1:]
    documents = msgspec.json.encode(one.event), msgspec.json.encode(one.known)
    assert len(pack_entries([one])) < sum(map(len, documents)) + 60
    many = _entries(400)
    assert len(pack_entries(many)) < sum(len(pack_entries([each])) for each in many) / 5


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_segment_of_an_older_store_is_read(compression: str | None) -> None:
    """Row by row as one that is written now, and erased in the same way."""
    entries = _entries(20)
    old, new = _old(entries, compression), pack_entries(entries)
    assert list(segment_rows(old)) == list(segment_rows(new))
    assert list(unpack_entries(old)) == entries
    event = entries[1].event
    assert isinstance(event, UpsertDemands)
    subjects = Subjects(frozenset(), frozenset([event.demands[0].demand_id]))
    cleared = erase_entries(old, subjects, Traces(subjects))
    assert cleared is not None
    assert cleared == erase_entries(new, subjects, Traces(subjects))
    nobody = Subjects(frozenset(), frozenset([DemandId("nobody")]))
    assert erase_entries(old, nobody, Traces(nobody)) is None
    assert erase_entries(new, nobody, Traces(nobody)) is None


@pytest.mark.parametrize("count", [1, 400])
def test_segment_that_was_cut_or_changed_is_refused(count: int) -> None:
    """Wherever it ends."""
    data = pack_entries(_entries(count))
    for size in range(1, len(data), max(1, len(data) // 200)):
        with pytest.raises(StoredDocumentError, match="read back"):
            list(unpack_entries(data[:size]))
    with pytest.raises(StoredDocumentError, match="read back"):
        list(unpack_entries(b""))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[[1,"Nonsense",{},null,false]]', "'Nonsense' is not known"),
        (b'[[1,"Tick",{},null]]', "read back"),
        (b'[["1","Tick",{},null,false]]', "read back"),
        (b'[[1,"Tick",{},null,false]]]', "read back"),
        (b'[[1,"Ti\xffck",{},null,false]]', "read back"),
        (b'[[1,"UpsertDemands",{"demands":[{"sku":"\xff"}]},null,false]]', "read back"),
        (b'[[1,"Tick",{},{"demands":1},false]]', "read back"),
    ],
)
def test_what_is_no_entry_is_refused(data: bytes, said: str) -> None:
    """Damage and versions to come end in an error that says what is wrong."""
    with pytest.raises(StoredDocumentError, match=said):
        list(unpack_entries(data))
