"""Chunks are read within bounds, whatever somebody sends."""

from __future__ import annotations

import random
import re
from typing import Any

import pyarrow as pa
import pytest

from matcher.domain.errors import InvalidValueError
from server.api.bulk import arrow_chunk
from server.api.bulk.arrow_chunk import (
    CHUNK_BYTES_MAX,
    CHUNK_ROWS_MAX,
    UNPACKED_BYTES_MAX,
    read_chunk,
)
from tests.scenarios.arrow_tables import chunk_of

TABLE = pa.table(
    {
        "text": [f"row {number}" for number in range(300)],
        "code": pa.array(["a", "b", "c"] * 100).dictionary_encode(),
        "number": list(range(300)),
        "flag": [True, False, None] * 100,
    }
)


def _refused(data: bytes) -> str:
    with pytest.raises(InvalidValueError) as caught:
        read_chunk("demands", data)
    (violation,) = caught.value.violations
    assert violation.field == "demands"
    return str(violation)


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_what_was_written_is_read(compression: str | None) -> None:
    """Plain or packed, in one batch or several, dictionaries included."""
    assert read_chunk("demands", chunk_of(TABLE, compression)).equals(TABLE)
    split = pa.concat_tables([TABLE.slice(0, 7), TABLE.slice(7)])
    assert read_chunk("demands", chunk_of(split, compression)).equals(TABLE)


def test_a_schema_alone_is_an_empty_table() -> None:
    """No rows are no fault."""
    assert read_chunk("demands", chunk_of(TABLE.slice(0, 0))).num_rows == 0


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_bomb_is_refused_before_it_unpacks(compression: str) -> None:
    """60 MB of one letter are some kilobytes on the wire; nothing is allocated."""
    bomb = chunk_of(pa.table({"text": ["x" * 1_000] * 60_000}), compression)
    assert len(bomb) < CHUNK_BYTES_MAX
    before = pa.total_allocated_bytes()
    message = _refused(bomb)
    assert pa.total_allocated_bytes() - before < 2 * len(bomb)
    assert f"at most {UNPACKED_BYTES_MAX:,} bytes once unpacked" in message


def test_a_dictionary_that_is_a_bomb_is_refused() -> None:
    """Its values are packed in a message of their own, which counts as well."""
    values = pa.array(["y" * 40_000 * (1 + number % 2) for number in range(1_000)])
    indices = pa.array([0], pa.int16())
    bomb = pa.table({"text": pa.DictionaryArray.from_arrays(indices, values)})
    assert "once unpacked" in _refused(chunk_of(bomb, "zstd"))


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"nothing": pa.nulls(CHUNK_ROWS_MAX + 1)}),
        pa.concat_tables([pa.table({"nothing": pa.nulls(CHUNK_ROWS_MAX)})] * 2),
        pa.table(
            {
                "text": pa.DictionaryArray.from_arrays(
                    pa.array([0], pa.int32()), pa.array([""] * (CHUNK_ROWS_MAX + 1))
                )
            }
        ),
    ],
    ids=["one batch", "two batches", "a dictionary"],
)
def test_too_many_rows_are_refused(table: Any) -> None:
    """One more than the maximum; nulls take no bytes, so that bytes do not say it."""
    assert f"at most {CHUNK_ROWS_MAX:,} rows" in _refused(chunk_of(table))


def test_too_many_bytes_are_refused() -> None:
    """One more than the maximum."""
    assert "4,194,305 bytes" in _refused(b"\0" * (CHUNK_BYTES_MAX + 1))
    assert "0 bytes" in _refused(b"")


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_stream_that_breaks_off_is_refused(compression: str | None) -> None:
    """At each byte, between two messages too, where Arrow sees a shorter stream."""
    data = chunk_of(TABLE, compression)
    for length in range(1, len(data)):
        _refused(data[:length])


def test_what_follows_a_stream_is_refused() -> None:
    """A second stream, or anything else: its rows would be lost without a word."""
    data = chunk_of(TABLE)
    assert f"{len(data):,} bytes behind the mark" in _refused(data + data)
    assert "breaks off" in _refused(data + b"\0" * 8)


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_flipped_bytes_break_nothing(compression: str | None) -> None:
    """Each is refused as an invalid value, or read as a table that is valid in full."""
    data = chunk_of(TABLE, compression)
    draws = random.Random(35)
    refused = 0
    for _ in range(1_500):
        changed = bytearray(data)
        for _ in range(draws.randint(1, 3)):
            changed[draws.randrange(len(changed))] = draws.randrange(256)
        try:
            read_chunk("demands", bytes(changed)).validate(full=True)
        except InvalidValueError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("data", [b"abc", b"\0" * 64, b"\xff" * 64, b"PAR1" * 16])
def test_what_is_no_stream_is_refused(data: bytes) -> None:
    """Text, zeros, a Parquet file."""
    assert re.search("an Arrow IPC stream", _refused(data))


def test_text_that_is_no_utf_8_is_refused() -> None:
    """Arrow does not look at it by itself."""
    raw = pa.array([b"\xff\xfe"], pa.binary())
    text = pa.StringArray.from_buffers(1, raw.buffers()[1], raw.buffers()[2])
    assert "UTF8" in _refused(chunk_of(pa.table({"text": text})))


def test_the_bounds_are_those_of_the_contract() -> None:
    """The client cuts by the same numbers, and the schema states them."""
    from nearturn import arrow_chunks  # noqa: PLC0415 - the other side of the wire

    assert arrow_chunks.CHUNK_BYTES_MAX == arrow_chunk.CHUNK_BYTES_MAX
    assert arrow_chunks.CHUNK_ROWS_MAX == arrow_chunk.CHUNK_ROWS_MAX
