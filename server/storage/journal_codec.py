"""A journal as JSON and its checkpoints as Arrow, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any, get_args

import msgspec
import pyarrow as pa

from matcher.engine.archive import LiveRows
from matcher.engine.commands import UpsertDemands
from matcher.engine.erasure import Subjects, Traces, erased_entry
from matcher.engine.journal import NOTHING_KNOWN, Checkpoint, Entry, Event, Known
from matcher.engine.records import (
    GuardrailDay,
    MatchCount,
    SkuDay,
    VolumeHour,
    WarehouseDay,
)
from matcher.engine.shadow_records import ShadowUnits
from server.storage import arrow_rows, codec, packed_text
from server.storage.codec import DocumentCodec, StoredDocumentError
from server.storage.written_demands import WrittenDemands

#: Segments of older stores: one row per entry. ``known`` is empty where nothing was.
SEGMENT = pa.schema(
    [
        pa.field("instant", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("document", pa.string(), nullable=False),
        pa.field("known", pa.string(), nullable=False),
        pa.field("is_planning_down", pa.bool_(), nullable=False),
    ]
)

#: One row per row that was live, by kind.
CHECKPOINT = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("document", pa.string(), nullable=False),
    ]
)

_EVENTS: dict[str, DocumentCodec[Any]] = {
    kind.__name__: DocumentCodec(kind) for kind in get_args(Event)
}
_KNOWN = DocumentCodec(Known)

# The same rows, as a segment is written now; null where nothing was known.
_ROWS = msgspec.json.Decoder(list[tuple[int, str, msgspec.Raw, msgspec.Raw, bool]])
_NOTHING = "null"

# What every message of Arrow begins with.
_ARROW = b"\xff\xff\xff\xff"

# The kinds of rows of a checkpoint by the field of LiveRows that holds them.
_LIVE: dict[str, DocumentCodec[Any]] = {
    "policies": codec.POLICIES,
    "warehouses": codec.WAREHOUSES,
    "service_areas": codec.SERVICE_AREAS,
    "drop_off_points": codec.DROP_OFF_POINTS,
    "volume_hours": DocumentCodec(VolumeHour),
    "match_counts": DocumentCodec(MatchCount),
    "guardrail_days": DocumentCodec(GuardrailDay),
    "sku_days": DocumentCodec(SkuDay),
    "warehouse_days": DocumentCodec(WarehouseDay),
    "demands": codec.DEMANDS,
    "returns": codec.RETURNS,
    "matches": codec.MATCHES,
    "shadows": codec.SHADOWS,
    "shadowed": codec.RETURNS,
    "shadow_units": DocumentCodec(ShadowUnits),
}


def pack_entries(entries: Sequence[Entry]) -> bytes:
    """Return entries of a journal in their order; the same ones give the same bytes."""
    return packed_text.pack(msgspec.json.encode([_row(entry) for entry in entries]))


def _row(entry: Entry) -> tuple[int, str, object, object, bool]:
    event: object = entry.event
    kind = type(event).__name__
    if isinstance(event, WrittenDemands):
        kind, event = UpsertDemands.__name__, msgspec.Raw(event.event)
    return entry.now_us, kind, event, entry.known or None, entry.is_planning_down


def segment_rows(data: bytes) -> Iterator[tuple[int, str, str, str, bool]]:
    """
    Yield the rows of a segment as :data:`SEGMENT` has them, documents still encoded.

    Raises
    ------
    StoredDocumentError
        If the bytes are no segment.
    """
    if data.startswith(_ARROW):
        yield from arrow_rows.unpack(SEGMENT, data)
        return
    try:
        for now_us, event, document, known, is_down in _ROWS.decode(
            packed_text.unpack(data)
        ):
            said = bytes(known).decode()
            rest = "" if said == _NOTHING else said, is_down
            yield now_us, event, bytes(document).decode(), *rest
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoredDocumentError(f"stored rows do not read back: {error}") from error


def unpack_entries(data: bytes) -> Iterator[Entry]:
    """
    Yield the entries that were packed.

    Raises
    ------
    StoredDocumentError
        If they do not read back.
    """
    for now_us, event, document, known, is_down in segment_rows(data):
        if event not in _EVENTS:
            raise StoredDocumentError(f"stored event {event!r} is not known")
        yield Entry(
            now_us,
            _EVENTS[event].decode(document),
            _KNOWN.decode(known) if known else NOTHING_KNOWN,
            is_down,
        )


def erase_entries(data: bytes, subjects: Subjects, traces: Traces) -> bytes | None:
    """
    Return a packed segment without the personal data of some rows.

    Parameters
    ----------
    data
        Entries that were packed.
    subjects
        The rows.
    traces
        Is told what was found.

    Returns
    -------
    bytes or None
        ``None`` if the segment names none of the rows.

    Raises
    ------
    StoredDocumentError
        If the entries do not read back.
    """
    named = _names(subjects)
    if not any(
        each in document or each in known
        for _, _, document, known, _ in segment_rows(data)
        for each in named
    ):
        return None
    entries = list(unpack_entries(data))
    for entry in entries:
        traces.note_event(entry.event)
        for decision in entry.known.decisions:
            traces.note_decision(decision)
    return pack_entries([erased_entry(entry, subjects) for entry in entries])


def _names(subjects: Subjects) -> list[str]:
    # The ids as they stand in a document.
    ids = (*subjects.return_ids, *subjects.demand_ids)
    return sorted(msgspec.json.encode(each).decode() for each in ids)


def pack_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the rows of a checkpoint; its instant and place are columns beside it."""
    kinds: list[str] = []
    documents: list[str] = []

    def add(kind: str, encode: Callable[[Any], str], values: Sequence[Any]) -> None:
        kinds.extend([kind] * len(values))
        documents.extend(map(encode, values))

    rows = checkpoint.rows
    for kind, its_codec in _LIVE.items():
        add(kind, its_codec.encode, getattr(rows, kind))
    if rows.program is not None:
        add("program", codec.PROGRAMS.encode, [rows.program])
    add("decisions", codec.DECISIONS.encode, checkpoint.decisions)
    for counter in _counters():
        add(counter, str, [getattr(rows, counter)])
    return arrow_rows.pack(CHECKPOINT, [kinds, documents])


def unpack_checkpoint(data: bytes, at_us: int, entry_count: int) -> Checkpoint:
    """
    Return the checkpoint that was packed.

    Raises
    ------
    StoredDocumentError
        If it does not read back.
    """
    found: dict[str, list[str]] = {}
    for kind, document in arrow_rows.unpack(CHECKPOINT, data):
        found.setdefault(kind, []).append(document)
    live: dict[str, Any] = {
        kind: tuple(its_codec.decode_all(found.get(kind, ())))
        for kind, its_codec in _LIVE.items()
    }
    programs = codec.PROGRAMS.decode_all(found.get("program", ()))
    live.update({name: int(found[name][0]) for name in _counters()})
    return Checkpoint(
        at_us,
        entry_count,
        LiveRows(**live, program=next(iter(programs), None)),
        tuple(codec.DECISIONS.decode_all(found.get("decisions", ()))),
    )


def _counters() -> list[str]:
    return [each.name for each in fields(LiveRows) if each.name.endswith("_count")]
