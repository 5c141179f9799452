"""The warehouses and service areas of a shard, and what each warehouse took today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from matcher.domain.decision import WarehouseRoute
from matcher.domain.errors import NotFoundError
from matcher.domain.etag import check_etag, content_etag
from matcher.domain.ids import ServiceAreaId, WarehouseId
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.network import Network, places_of
from matcher.engine.records import WarehouseDay
from matcher.geo import ServiceAreas, check_service_area

DAY_US = 86_400_000_000


class NetworkBook:
    """The stored network, and the units routed to each warehouse on the UTC day."""

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        self._warehouses = {w.warehouse_id: w for w in rows.warehouses}
        self._areas = {area.service_area_id: area for area in rows.service_areas}
        self._days = {(d.warehouse_id, d.day): d for d in rows.warehouse_days}
        self.network = Network(
            self._warehouses.values(), ServiceAreas.of(self._areas.values())
        )

    def upsert_warehouse(self, warehouse: Warehouse, etag: str = "") -> Warehouse:
        """
        Store or change a warehouse; routes already given stand.

        Raises
        ------
        VersionMismatchError
            If the etag is stale.
        """
        warehouse_id = warehouse.warehouse_id
        old = self._warehouses.get(warehouse_id)
        check_etag("warehouse", warehouse_id, _etag(old), etag)
        self._warehouses[warehouse_id] = warehouse
        self._ledger.changes.warehouses[warehouse_id] = warehouse
        self._rebuild(self.network.areas)
        return warehouse

    def delete_warehouse(self, warehouse_id: WarehouseId, etag: str = "") -> None:
        """
        Delete a warehouse; routes already given stand.

        Raises
        ------
        NotFoundError
            If there is no such warehouse.
        VersionMismatchError
            If the etag is stale.
        """
        warehouse = self._warehouses.get(warehouse_id)
        if warehouse is None:
            raise NotFoundError("warehouse", warehouse_id)
        check_etag("warehouse", warehouse_id, _etag(warehouse), etag)
        del self._warehouses[warehouse_id]
        self._ledger.changes.warehouses[warehouse_id] = None
        self._rebuild(self.network.areas)

    def upsert_area(self, area: ServiceArea, etag: str = "") -> ServiceArea:
        """
        Store or change a service area.

        Raises
        ------
        InvalidValueError
            If its GeoJSON is not an area.
        VersionMismatchError
            If the etag is stale.
        """
        check_service_area(area)
        check_etag(
            "service area",
            area.service_area_id,
            _etag(self._areas.get(area.service_area_id)),
            etag,
        )
        self._areas[area.service_area_id] = area
        self._ledger.changes.service_areas[area.service_area_id] = area
        self._rebuild(ServiceAreas.of(self._areas.values()))
        return area

    def delete_area(self, area_id: ServiceAreaId, etag: str = "") -> None:
        """
        Delete a service area.

        Raises
        ------
        NotFoundError
            If there is no such area.
        VersionMismatchError
            If the etag is stale.
        """
        area = self._areas.get(area_id)
        if area is None:
            raise NotFoundError("service area", area_id)
        check_etag("service area", area_id, _etag(area), etag)
        del self._areas[area_id]
        self._ledger.changes.service_areas[area_id] = None
        self._rebuild(ServiceAreas.of(self._areas.values()))

    def routed(
        self, items: Sequence[ReturnItem], standard_micros: int, now_us: int
    ) -> list[WarehouseRoute]:
        """Route items together, and count them against the day of ``now_us``."""
        if not items:
            return []
        routes = self.network.route(
            places_of(items), self.remaining(now_us), standard_micros
        )
        self.take(routes, now_us)
        return routes

    def open_routes(
        self, items: Sequence[ReturnItem], standard_micros: int, now_us: int
    ) -> list[WarehouseRoute]:
        """Return the route that stays open to each item; nothing is counted."""
        if not items:
            return []
        choice = self.network.cheapest_inbound(
            places_of(items), self.remaining(now_us), standard_micros
        )
        return [self.network.stated(choice, row) for row in range(len(items))]

    def remaining(self, now_us: int) -> NDArray[np.int64]:
        """Return the units each warehouse still takes on the day of ``now_us``."""
        day = now_us // DAY_US
        routed = [
            self._routed_count(warehouse.warehouse_id, day)
            for warehouse in self.network.warehouses
        ]
        return self.network.daily_capacity - np.array(routed, np.int64)

    def take(self, routes: Iterable[WarehouseRoute], now_us: int) -> None:
        """Count routes against the day of ``now_us``; the standard route has none."""
        day = now_us // DAY_US
        for route in routes:
            if not route.warehouse_id:
                continue
            key = (route.warehouse_id, day)
            count = self._routed_count(*key) + 1
            self._days[key] = WarehouseDay(route.warehouse_id, day, count)
            self._ledger.changes.warehouse_days[key] = self._days[key]
        self._days = {k: v for k, v in self._days.items() if k[1] >= day - 1}

    def _routed_count(self, warehouse_id: WarehouseId, day: int) -> int:
        counted = self._days.get((warehouse_id, day))
        return counted.routed_count if counted else 0

    def _rebuild(self, areas: ServiceAreas) -> None:
        self.network = Network(self._warehouses.values(), areas)


def _etag(stored: Warehouse | ServiceArea | None) -> str:
    # What does not exist has none that anybody could have read.
    return content_etag(stored) if stored is not None else ""
