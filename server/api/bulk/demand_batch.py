"""Demands of a chunk, as columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.domain.demand import Demand
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng
from matcher.domain.made_by_column import made_by_column
from server.api.bulk.column_reader import ColumnReader
from server.api.bulk.column_rules import DEMAND_RULES
from server.api.bulk.row_fault import RowFault
from server.api.bulk.text_values import TextValues

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DemandBatch:
    """
    The rows of one chunk; what stands in a bad one says nothing.

    ``bad`` are the rows that break a rule of ``nearturn.v1.Demand``, and ``faults``
    says how.
    """

    demand_ids: TextValues
    lat: FloatArray
    lng: FloatArray
    skus: TextValues
    categories: TextValues
    quantity: IntArray
    ship_by_us: IntArray
    min_condition: NDArray[np.int8]
    accepts_returned_item: BoolArray
    segments: TextValues
    priority: NDArray[np.int8]
    bad: BoolArray
    faults: list[RowFault]

    def __len__(self) -> int:
        return len(self.lat)

    def good(self) -> DemandBatch:
        """Return the good rows alone, in their order."""
        if not self.bad.any():
            return self
        good = ~self.bad
        kept: dict[str, Any] = {"faults": []}
        for each in fields(self):
            values = getattr(self, each.name)
            if isinstance(values, TextValues):
                kept[each.name] = values.kept(good)
            elif each.name != "faults":
                kept[each.name] = values[good]
        return DemandBatch(**kept)

    def demands(self) -> list[Demand]:
        """Return the good rows as values of their own, in their order."""
        rows = self.good()
        lat, lng = rows.lat.tolist(), rows.lng.tolist()
        conditions = tuple(Condition)
        # The rules of columns are no laxer than the checks of a demand.
        return made_by_column(
            Demand,
            len(lat),
            rows.demand_ids.texts(),
            made_by_column(LatLng, len(lat), lat, lng),
            rows.skus.texts(),
            rows.categories.texts(),
            rows.quantity.tolist(),
            rows.ship_by_us.tolist(),
            map(conditions.__getitem__, rows.min_condition.tolist()),
            rows.accepts_returned_item.tolist(),
            rows.segments.texts(),
            rows.priority.tolist(),
        )


def read_demands(field: str, table: Any) -> DemandBatch:
    """
    Check a chunk of demands, column by column.

    Parameters
    ----------
    field
        Which field of the request it came in, for errors.
    table
        The chunk, a ``pyarrow.Table``.

    Raises
    ------
    InvalidValueError
        If the columns are not those of demands. Bad rows are no error.
    """
    reader = ColumnReader(table, DEMAND_RULES, field)
    return DemandBatch(
        demand_ids=reader.texts("demand_id"),
        lat=reader.numbers("location.latitude")[0],
        lng=reader.numbers("location.longitude")[0],
        skus=reader.texts("sku"),
        categories=reader.texts("category"),
        quantity=reader.integers("quantity"),
        ship_by_us=reader.instants("ship_by_time")[0],
        min_condition=reader.labels("min_condition"),
        accepts_returned_item=reader.flags("accepts_returned_item"),
        segments=reader.texts("segment"),
        priority=reader.integers("priority").astype(np.int8),
        bad=reader.bad,
        faults=reader.faults,
    )
