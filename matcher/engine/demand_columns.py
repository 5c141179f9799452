"""The demands of a snapshot as columns; a demand is made when somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from matcher.domain.demand import Demand, DemandState
from matcher.domain.ids import DemandId
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng
from matcher.domain.policy import CategoryRule, MatchKey
from matcher.domain.return_item import ReturnItem
from matcher.engine.market_demands import DemandRows, SkuOrders
from matcher.engine.network import Network, Places
from matcher.engine.records import DemandRecord
from matcher.index import DemandIndex, Neighbours

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_NO_KEY = -1


class Texts(Protocol):
    """A column of texts that are made one by one, when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> str: ...

    def by_text(self, rows: IntArray, /) -> tuple[IntArray, list[str]]:
        """Return some rows in the order of their texts, and those."""


@dataclass(frozen=True, slots=True, eq=False)
class DemandColumns:
    """
    Demands by column, each id once; every value is one that a ``Demand`` accepts.

    Parameters
    ----------
    demand_ids, segments
        Texts, ``(n,)``.
    skus, categories
        The different values; ``sku`` and ``category`` are positions in them,
        ``int32 (n,)``.
    lat, lng
        Degrees, ``float64 (n,)``.
    quantity, ship_by_us
        ``int64 (n,)``.
    min_condition, priority
        ``int8 (n,)``.
    accepts_returned_item
        ``bool (n,)``.
    """

    demand_ids: Texts
    lat: FloatArray
    lng: FloatArray
    sku: NDArray[np.int32]
    skus: Sequence[str]
    category: NDArray[np.int32]
    categories: Sequence[str]
    quantity: IntArray
    ship_by_us: IntArray
    min_condition: NDArray[np.int8]
    accepts_returned_item: NDArray[np.bool_]
    segments: Texts
    priority: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.lat)

    def demand(self, row: int) -> Demand:
        """Return one row as a value of its own."""
        return Demand(
            demand_id=DemandId(self.demand_ids[row]),
            location=LatLng(float(self.lat[row]), float(self.lng[row])),
            sku=self.skus[self.sku[row]],
            category=self.categories[self.category[row]],
            quantity=int(self.quantity[row]),
            ship_by_us=int(self.ship_by_us[row]),
            min_condition=Condition(self.min_condition[row]),
            accepts_returned_item=bool(self.accepts_returned_item[row]),
            segment=self.segments[row],
            priority=int(self.priority[row]),
        )

    def orders_by_sku(self) -> Mapping[str, SkuOrders]:
        """Return what is ordered of each SKU that somebody would take returned."""
        rows = self.accepts_returned_item
        sku, size = self.sku[rows], len(self.skus)
        orders = np.bincount(sku, minlength=size)
        # Sums of up to 2 million times 1 million: a double holds each of them exactly.
        units = np.bincount(sku, self.quantity[rows], size).astype(np.int64)
        counts = zip(units.tolist(), orders.tolist(), strict=True)
        return {
            sku: SkuOrders(*each)
            for sku, each in zip(self.skus, counts, strict=True)
            if each[1]
        }

    def market(
        self,
        network: Network,
        asking: Iterable[tuple[ReturnItem, CategoryRule]],
        *,
        now_us: int,
    ) -> ColumnarDemands:
        """Return those that may be matched, none of which was promised a unit."""
        return ColumnarDemands(self, network, asking, now_us)


class _Records(Sequence[DemandRecord]):
    """Records of some rows; none is kept, for few are looked at."""

    def __init__(self, columns: DemandColumns, rows: IntArray, now_us: int) -> None:
        self._columns = columns
        self._rows = rows
        self._now_us = now_us

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> DemandRecord: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[DemandRecord]: ...

    def __getitem__(self, at: int | slice) -> DemandRecord | Sequence[DemandRecord]:
        if isinstance(at, slice):
            return _Records(self._columns, self._rows[at], self._now_us)
        demand = self._columns.demand(int(self._rows[at]))
        now_us = self._now_us
        return DemandRecord(demand, DemandState.OPEN, 0, 0, 1, now_us, now_us)


class ColumnarDemands:
    """
    Demands of a one-shot plan, indexed where some return item has their match key.

    The rows are those of the columns; whose buyer does not consent is not indexed.
    """

    def __init__(
        self,
        columns: DemandColumns,
        network: Network,
        asking: Iterable[tuple[ReturnItem, CategoryRule]],
        now_us: int,
    ) -> None:
        self._columns = columns
        self._network = network
        self._now_us = now_us
        self._sku_key = {sku: key for key, sku in enumerate(columns.skus)}
        self._category_key = {
            category: len(self._sku_key) + code
            for code, category in enumerate(columns.categories)
        }
        self.served = network.in_service_area(columns.lat, columns.lng)
        self.min_condition = columns.min_condition
        self.ship_by_us = columns.ship_by_us
        self.open_count = columns.quantity.astype(np.int32)
        self.priority = columns.priority
        self._index = DemandIndex()
        self._count = int(np.count_nonzero(columns.accepts_returned_item))
        asked = {self.key_of(item, rule) for item, rule in asking} - {_NO_KEY}
        keys = (MatchKey.SKU, MatchKey.CATEGORY)
        parts = [self._insert(each, asked) for each in keys]
        self._row_of_slot = np.concatenate([np.empty(0, np.int32), *parts])
        self._is_sorted = False

    def __len__(self) -> int:
        return self._count

    def by_id(self, rows: IntArray) -> DemandRows:
        """Return the demands of some rows; each record is made when it is asked for."""
        ordered, ids = self._columns.demand_ids.by_text(rows)
        return DemandRows(ordered, ids, _Records(self._columns, ordered, self._now_us))

    def row(self, demand_id: DemandId) -> int:
        """Return the row of a demand, ``-1`` if it is not there; one after another."""
        ids = self._columns.demand_ids
        found = (row for row in range(len(ids)) if ids[row] == demand_id)
        row = next(found, -1)
        return row if row < 0 or self._columns.accepts_returned_item[row] else -1

    def key_of(self, item: ReturnItem, rule: CategoryRule) -> int:
        """Return the number of an item's match key, ``-1`` if no demand has it."""
        if rule.match_key is MatchKey.SKU:
            return self._sku_key.get(item.sku, _NO_KEY)
        return self._category_key.get(item.category, _NO_KEY)

    def within(
        self,
        keys: IntArray,
        lat: FloatArray,
        lng: FloatArray,
        radius_m: IntArray,
        *,
        threads: int = 1,
    ) -> tuple[Neighbours, NDArray[np.int32]]:
        """Return the demands in each circle, and the row of each one found."""
        if not self._is_sorted:
            self._index.sort(threads=threads)
            self._is_sorted = True
        found = self._index.within(keys, lat, lng, radius_m, threads=threads)
        return found, self._row_of_slot[found.slots]

    def nearest_m(self, keys: IntArray, lat: FloatArray, lng: FloatArray) -> IntArray:
        """Return the distance to the nearest demand of each key, ``-1`` if none."""
        return self._index.nearest(keys, lat, lng)[1]

    def outbound_micros(self, rows: IntArray, standard_micros: int) -> IntArray:
        """Price shipping each row's demand from stock, ``int64`` micros."""
        used, place = np.unique(rows, return_inverse=True)
        columns = self._columns
        categories = [columns.categories[at] for at in columns.category[used].tolist()]
        places = Places(columns.lat[used], columns.lng[used], categories)
        micros = self._network.cheapest_outbound(places)[place]
        return np.where(micros < 0, standard_micros, micros)

    def _insert(self, match_key: MatchKey, asked: Set[int]) -> NDArray[np.int32]:
        # The index is new, so that its slots rise by one; which row has each.
        columns = self._columns
        is_sku = match_key is MatchKey.SKU
        code, first, size = (
            (columns.sku, 0, len(columns.skus))
            if is_sku
            else (columns.category, len(columns.skus), len(columns.categories))
        )
        is_asked = np.zeros(size, np.bool_)
        is_asked[[key - first for key in asked if 0 <= key - first < size]] = True
        if not is_asked.any():
            return np.empty(0, np.int32)
        rows = np.nonzero(columns.accepts_returned_item & is_asked[code])[0]
        self._index.insert(code[rows] + first, columns.lat[rows], columns.lng[rows])
        return rows.astype(np.int32)
