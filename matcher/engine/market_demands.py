"""What a market asks of the demands that it is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from matcher.domain.ids import DemandId
from matcher.domain.policy import CategoryRule
from matcher.domain.return_item import ReturnItem
from matcher.engine.network import Network
from matcher.engine.records import DemandRecord
from matcher.index import Neighbours

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class DemandRows(NamedTuple):
    """Some demands in the order of their ids: rows, ids, and their records."""

    rows: IntArray
    ids: Sequence[str]
    records: Sequence[DemandRecord]


class MarketDemands(Protocol):
    """
    Demands with open units and consent, as arrays by row.

    Nothing that leaves a market may depend on the order of the rows.
    """

    served: NDArray[np.bool_]
    min_condition: NDArray[np.int8]
    ship_by_us: IntArray
    open_count: NDArray[np.int32]
    priority: NDArray[np.int8]

    def __len__(self) -> int: ...

    def by_id(self, rows: IntArray) -> DemandRows:
        """Return the demands of some rows, each of them in use."""

    def row(self, demand_id: DemandId) -> int:
        """Return the row of a demand, ``-1`` if it is not open."""

    def key_of(self, item: ReturnItem, rule: CategoryRule) -> int:
        """Return the number of the match key that a rule gives an item."""

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

    def nearest_m(self, keys: IntArray, lat: FloatArray, lng: FloatArray) -> IntArray:
        """Return the distance to the nearest demand of each key, ``-1`` if none."""

    def outbound_micros(self, rows: IntArray, standard_micros: int) -> IntArray:
        """Price shipping each row's demand from stock, ``int64`` micros."""


class SkuOrders(NamedTuple):
    """The orders of one SKU in a snapshot, from buyers who consent."""

    unit_count: int
    order_count: int


class PlannedDemands(Protocol):
    """All demands of a snapshot, whatever holds them."""

    def orders_by_sku(self) -> Mapping[str, SkuOrders]:
        """Return what is ordered of each SKU that somebody would take returned."""

    def market(
        self,
        network: Network,
        asking: Iterable[tuple[ReturnItem, CategoryRule]],
        *,
        now_us: int,
    ) -> MarketDemands:
        """
        Return those that may be matched, none of which was promised a unit.

        What nobody of ``asking`` has the match key of need not be found.
        """
