"""Columns of texts: checked as bytes, made into Python's only where somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import ID_LENGTH_MAX, check_id
from matcher.index.text_hash import HashArray, text_hashes

BoolArray = NDArray[np.bool_]
Int32Array = NDArray[np.int32]

# What is printable in ASCII, first and last.
_SPACE, _TILDE = 0x20, 0x7E

# 80 characters are shown of a value, of 4 bytes at most each.
_SHOWN_LENGTH = 80
_SHOWN_BYTES = 4 * _SHOWN_LENGTH


@dataclass(frozen=True, slots=True, eq=False)
class TextValues:
    """
    Texts by row.

    ``values`` is an Arrow array of strings without nulls. ``index`` says which of them
    each row has, ``int32 (n,)``; ``None`` where each row has its own.
    """

    values: Any
    index: Int32Array | None = None

    @classmethod
    def of(cls, column: Any) -> TextValues:
        """Return the texts of an Arrow array of texts; none is the empty one."""
        if not pa.types.is_dictionary(column.type):
            return cls(_filled(column))
        values = pa.concat_arrays(
            [_filled(column.dictionary), pa.array([""], pa.string())]
        )
        index = column.indices.cast(pa.int32()).fill_null(len(values) - 1)
        return cls(values, index.to_numpy(zero_copy_only=False))

    @classmethod
    def empty(cls, count: int) -> TextValues:
        """Return as many empty texts."""
        return cls(pa.array([""], pa.string()), np.zeros(count, np.int32))

    def __len__(self) -> int:
        return len(self.values) if self.index is None else len(self.index)

    def __getitem__(self, row: int, /) -> str:
        at = row if self.index is None else int(self.index[row])
        text: str = self.values[at].as_py()
        return text

    def shown(self, row: int) -> str:
        """Return a row's text as errors show it, cut to 80 characters."""
        scalar = self.values[row if self.index is None else int(self.index[row])]
        raw = scalar.as_buffer()
        start = raw.slice(0, min(raw.size, _SHOWN_BYTES)).to_pybytes()
        text = repr(start.decode(errors="ignore"))
        if len(text) <= _SHOWN_LENGTH:
            return text
        length = pc.utf8_length(scalar).as_py()
        return f"{text[:_SHOWN_LENGTH]}... ({length:,} characters)"

    def checked(self, *, allow_empty: bool) -> tuple[TextValues, BoolArray | None]:
        """
        Look for rows that hold no identifier.

        Bytes are looked at all at once; the texts that are not plain ASCII, or too
        long, one by one, by the very rule of the domain.

        Returns
        -------
        tuple
            The texts, empty where there is none that may be used, so that each is short
            whatever a dictionary repeats; and those rows, ``None`` if there are none.
        """
        bad = _faulty(self.values, allow_empty=allow_empty)
        if bad is None:
            return self, None
        cleaned = TextValues(pc.if_else(pa.array(bad), "", self.values), self.index)
        rows = bad if self.index is None else bad[self.index]
        return cleaned, rows if rows.any() else None

    def encoded(self) -> tuple[Int32Array, Sequence[str]]:
        """Return which of the different texts each row has, and those."""
        if self.index is None:
            column = self.values.dictionary_encode()
            index = column.indices.to_numpy(zero_copy_only=False)
            return index, column.dictionary.to_pylist()
        return self.index, self.values.to_pylist()

    def hashes(self) -> HashArray:
        """Return a hash of each row's text."""
        offsets, data = _bytes(self.values)
        found = text_hashes(offsets, data)
        return found if self.index is None else found[self.index]

    def kept(self, rows: BoolArray) -> TextValues:
        """Return the texts of some rows."""
        if self.index is None:
            return TextValues(self.values.filter(pa.array(rows)))
        return TextValues(self.values, self.index[rows])

    def array(self) -> Any:
        """Return the texts as an Arrow array, one for each row."""
        return self.values if self.index is None else self.values.take(self.index)

    def texts(self) -> list[str]:
        """Return each row's text; rows with the same entry of a dictionary share it."""
        texts: list[str] = self.values.to_pylist()
        if self.index is not None:
            texts = np.array(texts, np.object_)[self.index].tolist()
        return texts


def _filled(column: Any) -> Any:
    column = column.cast(pa.string()) if column.type != pa.string() else column
    return pc.fill_null(column, "") if column.null_count else column


def _faulty(values: Any, *, allow_empty: bool) -> BoolArray | None:
    # Suspects first: a length in bytes out of range, or a byte that is not printable.
    count = len(values)
    if not count:
        return None
    at, data = _bytes(values)
    size = np.diff(at)
    shortest = 0 if allow_empty else 1
    is_plain = not len(data) or (data.min() >= _SPACE and data.max() <= _TILDE)
    if is_plain and size.min() >= shortest and size.max() <= ID_LENGTH_MAX:
        return None
    odd = np.concatenate(([0], np.cumsum((data < _SPACE) | (data > _TILDE))))
    suspect = (odd[at[1:]] > odd[at[:-1]]) | (size < shortest) | (size > ID_LENGTH_MAX)
    bad = np.zeros(count, np.bool_)
    rows = np.nonzero(suspect)[0]
    texts = values.take(pa.array(rows)).to_pylist()
    bad[rows] = [not _is_id(text, allow_empty=allow_empty) for text in texts]
    return bad if bad.any() else None


def _bytes(values: Any) -> tuple[Int32Array, NDArray[np.uint8]]:
    # Where each text of an array begins in its bytes, with the end, and those.
    if not len(values):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[values.offset :][: len(values) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], data


def _is_id(text: str, *, allow_empty: bool) -> bool:
    try:
        check_id("text", text, allow_empty=allow_empty)
    except InvalidValueError:
        return False
    return True
