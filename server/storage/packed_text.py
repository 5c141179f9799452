"""Texts as they are stored: plain while they are short, by Zstandard otherwise."""

from __future__ import annotations

import pyarrow as pa

from server.storage.codec import StoredDocumentError

# A shorter one takes longer to compress than it saves.
_COMPRESSED_FROM = 1_024

# The first bytes of a frame (RFC 8878, section 3.1.1), with which no text begins.
_FRAME = b"\x28\xb5\x2f\xfd"

_ZSTANDARD = "zstd"


def pack(text: bytes) -> bytes:
    """Return a text as it is stored; the same text gives the same bytes."""
    if len(text) < _COMPRESSED_FROM:
        return text
    packed: bytes = pa.compress(text, codec=_ZSTANDARD, asbytes=True)
    return packed


def unpack(data: bytes) -> bytes:
    """
    Return the text that was packed.

    Raises
    ------
    StoredDocumentError
        If it was compressed, and does not read back.
    """
    if not data.startswith(_FRAME):
        return data
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), _ZSTANDARD) as stream:
            text: bytes = stream.read()
    except (pa.ArrowException, OSError) as error:
        raise StoredDocumentError(f"stored bytes do not read back: {error}") from error
    return text
