"""The chunks of a snapshot's demands, joined into one set of columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from matcher.domain.errors import InvalidValueError
from matcher.engine.demand_columns import DemandColumns
from matcher.index.text_hash import HashArray, may_repeat
from server.api.bulk.demand_batch import DemandBatch
from server.api.bulk.text_values import TextValues

IntArray = NDArray[np.int64]


class TextCodes:
    """Numbers of different texts, in the order of their coming."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def __call__(self, texts: TextValues) -> NDArray[np.int32]:
        """Return the number of each row's text."""
        index, different = texts.encoded()
        codes = self._codes
        numbers = [codes.setdefault(each, len(codes)) for each in different]
        return np.array(numbers, np.int32)[index]

    def texts(self) -> tuple[str, ...]:
        """Return the texts by number."""
        return tuple(self._codes)


class DemandStage:
    """Demands of a snapshot that come chunk by chunk, all of them good."""

    def __init__(self) -> None:
        self._skus = TextCodes()
        self._categories = TextCodes()
        self._parts: list[tuple[DemandBatch, NDArray[np.int32], NDArray[np.int32]]] = []
        self._hashes: list[HashArray] = []
        self.count = 0

    def add(self, batch: DemandBatch) -> None:
        """Take a chunk without bad rows."""
        codes = self._skus(batch.skus), self._categories(batch.categories)
        self._hashes.append(batch.demand_ids.hashes())
        self._parts.append((batch, *codes))
        self.count += len(batch)

    def columns(self) -> DemandColumns:
        """
        Return all that came.

        Raises
        ------
        InvalidValueError
            If an id comes twice; the error names its second place.
        """
        batches = [batch for batch, _, _ in self._parts]
        ids = _texts(batch.demand_ids for batch in batches)
        if self._hashes and may_repeat(np.concatenate(self._hashes)):
            _check_once(ids)

        def joined(name: str) -> Any:
            parts = [getattr(batch, name) for batch in batches]
            return np.concatenate(parts) if parts else np.empty(0, np.int64)

        empty = np.empty(0, np.int32)
        return DemandColumns(
            demand_ids=_ArrowTexts(ids),
            lat=joined("lat").astype(np.float64, copy=False),
            lng=joined("lng").astype(np.float64, copy=False),
            sku=np.concatenate([empty, *(sku for _, sku, _ in self._parts)]),
            skus=self._skus.texts(),
            category=np.concatenate([empty, *(each for _, _, each in self._parts)]),
            categories=self._categories.texts(),
            quantity=joined("quantity"),
            ship_by_us=joined("ship_by_us"),
            min_condition=joined("min_condition").astype(np.int8, copy=False),
            accepts_returned_item=joined("accepts_returned_item").astype(np.bool_),
            segments=_ArrowTexts(_texts(batch.segments for batch in batches)),
            priority=joined("priority").astype(np.int8, copy=False),
        )


class _ArrowTexts:
    """An Arrow column, read one by one."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, row: int, /) -> str:
        text: str = self._column[row].as_py()
        return text

    def by_text(
        self, rows: NDArray[np.int64], /
    ) -> tuple[NDArray[np.int64], list[str]]:
        # Arrow compares bytes of UTF-8, which is the order of Python's texts.
        texts = self._column.take(pa.array(rows))
        order = pc.sort_indices(texts)
        return rows[order.to_numpy()], texts.take(order).to_pylist()


def _texts(parts: Iterable[TextValues]) -> Any:
    return pa.chunked_array([part.array() for part in parts], pa.string())


def _check_once(ids: Any) -> None:
    # Few get here: an id that comes twice, or two that only seem to be one.
    seen: set[str] = set()
    for index, demand_id in enumerate(ids.to_pylist()):
        if demand_id in seen:
            raise InvalidValueError(
                f"demands[{index}].demand_id", demand_id, "each id once"
            )
        seen.add(demand_id)
