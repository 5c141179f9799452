"""Return items of a chunk: checked as columns, then made one by one for the gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from matcher.domain.ids import ReturnId
from matcher.domain.item import (
    Condition,
    Fact,
    ItemAttributes,
    ReturnReason,
    Verification,
    VerificationStatus,
)
from matcher.domain.latlng import LatLng
from matcher.domain.return_item import (
    Channel,
    ReturnItem,
    ReturnPath,
    TransitState,
)
from server.api.bulk.column_reader import BoolArray, ColumnReader
from server.api.bulk.column_rules import RETURN_RULES
from server.api.bulk.row_fault import RowFault

T = TypeVar("T")

_FACTS = [name for name in RETURN_RULES if name.startswith("attributes.")]
_EVIDENCE = [name for name in RETURN_RULES if name.startswith("verification.")]


class ReturnBatch:
    """
    The rows of one chunk of return items.

    Attributes
    ----------
    bad
        Rows that break a rule of ``nearturn.v1.ReturnItem``, ``bool (n,)``.
    faults
        What is wrong with them.

    Raises
    ------
    InvalidValueError
        If the columns are not those of return items. Bad rows are no error.
    """

    def __init__(self, field: str, table: Any) -> None:
        reader = ColumnReader(table, RETURN_RULES, field)
        self._values = _columns(reader)
        self._evidence = _evidence_columns(reader)
        self._has_evidence = reader.has_any(_EVIDENCE)
        self.bad: BoolArray = reader.bad
        self.faults: list[RowFault] = reader.faults

    def __len__(self) -> int:
        return len(self.bad)

    def items(self) -> list[ReturnItem]:
        """Return the good rows, in their order."""
        good = ~self.bad
        evidence = _verifications(self._evidence, self._has_evidence, good)
        columns = [_kept(column, good) for column in self._values.values()]
        return [
            _item(dict(zip(self._values, row, strict=True)), verification)
            for *row, verification in zip(*columns, evidence, strict=True)
        ]


def _columns(reader: ColumnReader) -> dict[str, Sequence[Any]]:
    columns: dict[str, Any] = {
        name: reader.texts(name).texts()
        for name in ("return_id", "order_id", "customer_id", "sku", "category")
    }
    columns["lat"] = reader.numbers("location.latitude")[0]
    columns["lng"] = reader.numbers("location.longitude")[0]
    columns["segment"] = reader.texts("segment").texts()
    for name, kind in (
        ("reason", ReturnReason),
        ("condition", Condition),
        ("channel", Channel),
        ("transit_state", TransitState),
        ("preferred_path", ReturnPath),
    ):
        columns[name] = _members(reader, name, kind)
    facts = [_members(reader, name, Fact) for name in _FACTS]
    # Most rows state the same few combinations of facts.
    known: dict[tuple[Fact, ...], ItemAttributes] = {}
    columns["attributes"] = [
        known.get(row) or known.setdefault(row, ItemAttributes(*row))
        for row in zip(*facts, strict=True)
    ]
    columns["customer_consents"] = reader.flags("customer_consents")
    columns["value_micros"] = reader.integers("value_micros")
    columns["weight_grams"] = reader.integers("weight_grams")
    # 0 is not stated: the item comes back alone.
    columns["order_return_count"] = np.maximum(reader.integers("order_return_count"), 1)
    columns["decide_by_us"] = reader.instants("decide_by_time")[0]
    columns["refund_due_us"] = _optional(*reader.instants("refund_due_time"))
    columns["season_end_us"] = _optional(*reader.instants("season_end_time"))
    return columns


def _evidence_columns(reader: ColumnReader) -> dict[str, Sequence[Any]]:
    prefix = "verification"
    columns: dict[str, Any] = {
        "status": _members(reader, f"{prefix}.status", VerificationStatus)
    }
    for name in ("method", "source", "source_version", "evidence_id"):
        columns[name] = reader.texts(f"{prefix}.{name}").texts()
    columns["confidence"] = _optional(*reader.numbers(f"{prefix}.confidence"))
    columns["verify_us"] = _optional(*reader.instants(f"{prefix}.verify_time"))
    columns["expire_us"] = _optional(*reader.instants(f"{prefix}.expire_time"))
    return columns


def _verifications(
    columns: dict[str, Sequence[Any]], known: BoolArray, good: BoolArray
) -> Iterator[Verification | None]:
    kept = [_kept(column, good) for column in columns.values()]
    for has_evidence, *row in zip(known[good].tolist(), *kept, strict=True):
        yield Verification(*row) if has_evidence else None


def _item(values: dict[str, Any], verification: Verification | None) -> ReturnItem:
    location = LatLng(values.pop("lat"), values.pop("lng"))
    return_id = ReturnId(values.pop("return_id"))
    return ReturnItem(
        return_id=return_id, location=location, verification=verification, **values
    )


def _members(reader: ColumnReader, name: str, kind: type[T]) -> list[T]:
    members = list(kind)  # type: ignore[call-overload]
    return [members[number] for number in reader.labels(name).tolist()]


def _optional(values: Any, known: BoolArray) -> list[Any]:
    pairs = zip(values.tolist(), known.tolist(), strict=True)
    return [value if is_known else None for value, is_known in pairs]


def _kept(column: Any, good: BoolArray) -> list[Any]:
    if isinstance(column, np.ndarray):
        found: list[Any] = column[good].tolist()
        return found
    if good.all():
        return list(column)
    return [
        value for value, is_good in zip(column, good.tolist(), strict=True) if is_good
    ]
