"""A place that takes returns, and the regions in which the programme runs."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import ServiceAreaId, WarehouseId, check_id
from matcher.domain.latlng import LatLng

DAILY_CAPACITY_MAX = 1_000_000_000
BASE_MICROS_MAX = 10**12
PER_KM_MICROS_MAX = 10**9


@dataclass(frozen=True, slots=True)
class Warehouse:
    """
    A warehouse with its prices, in micros, and what it takes per UTC day.

    An empty ``categories`` takes every category.
    """

    warehouse_id: WarehouseId
    location: LatLng
    daily_capacity: int
    categories: tuple[str, ...] = ()
    inbound_base_micros: int = 0
    inbound_per_km_micros: int = 0
    processing_micros: int = 0
    outbound_base_micros: int = 0
    outbound_per_km_micros: int = 0

    def __post_init__(self) -> None:
        check_id("warehouse_id", self.warehouse_id)
        for index, category in enumerate(self.categories):
            check_id(f"categories[{index}]", category)
        ranges = {
            "daily_capacity": DAILY_CAPACITY_MAX,
            "inbound_base_micros": BASE_MICROS_MAX,
            "inbound_per_km_micros": PER_KM_MICROS_MAX,
            "processing_micros": BASE_MICROS_MAX,
            "outbound_base_micros": BASE_MICROS_MAX,
            "outbound_per_km_micros": PER_KM_MICROS_MAX,
        }
        for name, high in ranges.items():
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise InvalidValueError(name, value, f"0 to {high:,}")


@dataclass(frozen=True, slots=True)
class ServiceArea:
    """A region of the tenant: an id and a GeoJSON geometry as text (RFC 7946)."""

    service_area_id: ServiceAreaId
    geojson: str

    def __post_init__(self) -> None:
        check_id("service_area_id", self.service_area_id)
