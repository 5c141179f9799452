"""The open demands of a shard: the live index, and what judging a pair needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId
from matcher.domain.policy import CategoryRule, MatchKey
from matcher.domain.return_item import ReturnItem
from matcher.engine.market_demands import DemandRows
from matcher.engine.network import Network, Places
from matcher.engine.records import DemandRecord
from matcher.index import DemandIndex, Neighbours

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_NO_ROW = -1
_FIRST_SIZE = 1024

T = TypeVar("T", bound=np.generic)


class OpenDemands:
    """
    Demands with open units and consent, by match key and place.

    Every demand has one row of the attribute arrays and two slots of the index:
    under its SKU and under its category, so that a policy may ask for either.
    Rows are reused; nothing that leaves this class may depend on their order.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._index = DemandIndex()
        self._keys: dict[tuple[MatchKey, str], int] = {}
        self._row_of: dict[DemandId, int] = {}
        self._slots: dict[DemandId, tuple[int, int]] = {}
        self._free: list[int] = []
        self._records: list[DemandRecord | None] = []
        # Every state that came or went since somebody last asked.
        self._changed: list[Demand] = []
        self._row_of_slot = np.full(_FIRST_SIZE, _NO_ROW, np.int32)
        self.lat = np.zeros(_FIRST_SIZE, np.float64)
        self.lng = np.zeros(_FIRST_SIZE, np.float64)
        self.open_count = np.zeros(_FIRST_SIZE, np.int32)
        self.min_condition = np.zeros(_FIRST_SIZE, np.int8)
        self.priority = np.zeros(_FIRST_SIZE, np.int8)
        self.ship_by_us = np.zeros(_FIRST_SIZE, np.int64)
        self.served = np.zeros(_FIRST_SIZE, np.bool_)
        self._outbound_micros = np.zeros(_FIRST_SIZE, np.int64)
        self._outbound_known = np.zeros(_FIRST_SIZE, np.bool_)

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def index_bytes(self) -> int:
        """Memory of the index."""
        return self._index.memory_bytes

    def record(self, row: int) -> DemandRecord:
        """Return the record of a row in use."""
        record = self._records[row]
        assert record is not None, f"row {row} is not in use"
        return record

    def by_id(self, rows: IntArray) -> DemandRows:
        """Return the demands of some rows, each of them in use."""
        found = [(self.record(row), row) for row in rows.tolist()]
        found.sort(key=lambda pair: pair[0].demand.demand_id)
        records = tuple(record for record, _ in found)
        return DemandRows(
            np.array([row for _, row in found], np.int64),
            tuple(record.demand.demand_id for record in records),
            records,
        )

    def row(self, demand_id: DemandId) -> int:
        """Return the row of a demand, ``-1`` if it is not open."""
        return self._row_of.get(demand_id, _NO_ROW)

    def key(self, match_key: MatchKey, value: str) -> int:
        """Return the number of a match key, the next one if it is new."""
        return self._keys.setdefault((match_key, value), len(self._keys))

    def key_of(self, item: ReturnItem, rule: CategoryRule) -> int:
        """Return the number of the match key that a rule gives an item."""
        by_sku = rule.match_key is MatchKey.SKU
        return self.key(rule.match_key, item.sku if by_sku else item.category)

    def count(self, key: int) -> int:
        """Return how many open demands have a match key."""
        return self._index.count(key)

    def touch(self, demand: Demand) -> None:
        """Count a demand as changed, though its record is the same."""
        self._changed.append(demand)

    def take_changed(self) -> list[Demand]:
        """
        Return what demands were and became since this was last asked.

        A demand that moved is there with its old place and its new one.
        """
        changed, self._changed = self._changed, []
        return changed

    def shipping_after(self, after_us: int, *, until_us: int) -> list[Demand]:
        """Return the open demands that ship after one instant and not after another."""
        is_within = (self.ship_by_us > after_us) & (self.ship_by_us <= until_us)
        rows = np.nonzero(is_within)[0].tolist()
        records = (self._records[row] for row in rows)
        return [record.demand for record in records if record is not None]

    def update(self, records: Iterable[DemandRecord]) -> None:
        """
        Take the new state of demands: index them, change them or drop them.

        A demand is kept exactly while it has open units and its buyer consents.
        """
        entering: list[DemandRecord] = []
        leaving: list[DemandId] = []
        for record in {r.demand.demand_id: r for r in records}.values():
            demand = record.demand
            row = self._row_of.get(demand.demand_id)
            is_open = demand.accepts_returned_item and record.open_count > 0
            if row is None:
                if is_open:
                    entering.append(record)
            elif is_open and self.record(row).demand == demand:
                if self.record(row).version != record.version:
                    self._changed.append(demand)
                self._records[row] = record
                self.open_count[row] = record.open_count
            else:
                self._changed.append(self.record(row).demand)
                leaving.append(demand.demand_id)
                if is_open:
                    entering.append(record)
        if leaving:
            self._remove(leaving)
        if entering:
            self._insert(entering)

    def set_network(self, network: Network) -> None:
        """Take a changed network: areas and shipping prices are found anew."""
        areas_changed = network.areas is not self._network.areas
        self._network = network
        self._outbound_known[:] = False
        if not areas_changed:
            return
        rows = np.fromiter(self._row_of.values(), np.int64, len(self._row_of))
        self.served[rows] = network.in_service_area(self.lat[rows], self.lng[rows])

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
        found = self._index.within(keys, lat, lng, radius_m, threads=threads)
        return found, self._row_of_slot[found.slots]

    def nearest_m(self, keys: IntArray, lat: FloatArray, lng: FloatArray) -> IntArray:
        """Return the distance to the nearest demand of each key, ``-1`` if none."""
        return self._index.nearest(keys, lat, lng)[1]

    def outbound_micros(self, rows: IntArray, standard_micros: int) -> IntArray:
        """Price shipping each row's demand from stock, ``int64`` micros."""
        used = np.unique(rows)
        unknown = used[~self._outbound_known[used]]
        if len(unknown):
            categories = [self.record(row).demand.category for row in unknown.tolist()]
            places = Places(self.lat[unknown], self.lng[unknown], categories)
            self._outbound_micros[unknown] = self._network.cheapest_outbound(places)
            self._outbound_known[unknown] = True
        micros = self._outbound_micros[rows]
        return np.where(micros < 0, standard_micros, micros)

    def _insert(self, records: Sequence[DemandRecord]) -> None:
        rows = self._take_rows(len(records))
        demands = [record.demand for record in records]
        self._changed.extend(demands)
        self.lat[rows] = [demand.location.lat for demand in demands]
        self.lng[rows] = [demand.location.lng for demand in demands]
        self.open_count[rows] = [record.open_count for record in records]
        self.min_condition[rows] = [int(demand.min_condition) for demand in demands]
        self.priority[rows] = [demand.priority for demand in demands]
        self.ship_by_us[rows] = [demand.ship_by_us for demand in demands]
        lat, lng = self.lat[rows], self.lng[rows]
        self.served[rows] = self._network.in_service_area(lat, lng)
        self._outbound_known[rows] = False
        by_sku = [self.key(MatchKey.SKU, demand.sku) for demand in demands]
        by_category = [
            self.key(MatchKey.CATEGORY, demand.category) for demand in demands
        ]
        slots = self._index.insert(
            np.array(by_sku + by_category, np.int64),
            np.concatenate((lat, lat)),
            np.concatenate((lng, lng)),
        )
        self._own(slots, np.concatenate((rows, rows)))
        pairs = slots.reshape(2, -1).T.tolist()
        for record, row, pair in zip(records, rows.tolist(), pairs, strict=True):
            demand_id = record.demand.demand_id
            self._records[row] = record
            self._row_of[demand_id] = row
            self._slots[demand_id] = (pair[0], pair[1])

    def _remove(self, ids: Sequence[DemandId]) -> None:
        slots = [slot for demand_id in ids for slot in self._slots.pop(demand_id)]
        self._index.remove(np.array(slots, np.int64))
        for demand_id in ids:
            row = self._row_of.pop(demand_id)
            self._records[row] = None
            self._free.append(row)

    def _take_rows(self, count: int) -> IntArray:
        reused = [self._free.pop() for _ in range(min(count, len(self._free)))]
        first = len(self._records)
        fresh = count - len(reused)
        self._records.extend([None] * fresh)
        self._grow(len(self._records))
        return np.array(reused + list(range(first, first + fresh)), np.int64)

    def _grow(self, size: int) -> None:
        if size <= len(self.lat):
            return
        for name in (
            "lat",
            "lng",
            "open_count",
            "min_condition",
            "priority",
            "ship_by_us",
            "served",
            "_outbound_micros",
            "_outbound_known",
        ):
            setattr(self, name, _doubled(getattr(self, name), size))

    def _own(self, slots: IntArray, rows: IntArray) -> None:
        highest = int(slots.max()) + 1
        if highest > len(self._row_of_slot):
            self._row_of_slot = _doubled(self._row_of_slot, highest)
        self._row_of_slot[slots] = rows


def _doubled(array: NDArray[T], size: int) -> NDArray[T]:
    grown = np.zeros(max(size, 2 * len(array)), array.dtype)
    grown[: len(array)] = array
    return grown
