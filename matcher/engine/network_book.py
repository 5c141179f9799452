"""The warehouses and service areas of a shard, and what each warehouse took today."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from matcher.domain.decision import WarehouseRoute
from matcher.domain.errors import NotFoundError
from matcher.domain.ids import ServiceAreaId, WarehouseId
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.network import Network
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

    def upsert_warehouse(self, warehouse: Warehouse) -> Warehouse:
        """Store or change a warehouse; routes already given stand."""
        self._warehouses[warehouse.warehouse_id] = warehouse
        self._ledger.changes.warehouses[warehouse.warehouse_id] = warehouse
        self._rebuild(self.network.areas)
        return warehouse

    def delete_warehouse(self, warehouse_id: WarehouseId) -> None:
        """Delete a warehouse, or raise :class:`NotFoundError`."""
        if self._warehouses.pop(warehouse_id, None) is None:
            raise NotFoundError("warehouse", warehouse_id)
        self._ledger.changes.warehouses[warehouse_id] = None
        self._rebuild(self.network.areas)

    def upsert_area(self, area: ServiceArea) -> ServiceArea:
        """
        Store or change a service area.

        Raises
        ------
        InvalidValueError
            If its GeoJSON is not an area.
        """
        check_service_area(area)
        self._areas[area.service_area_id] = area
        self._ledger.changes.service_areas[area.service_area_id] = area
        self._rebuild(ServiceAreas.of(self._areas.values()))
        return area

    def delete_area(self, area_id: ServiceAreaId) -> None:
        """Delete a service area, or raise :class:`NotFoundError`."""
        if self._areas.pop(area_id, None) is None:
            raise NotFoundError("service area", area_id)
        self._ledger.changes.service_areas[area_id] = None
        self._rebuild(ServiceAreas.of(self._areas.values()))

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
