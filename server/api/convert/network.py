"""Warehouses and service areas between contract and domain."""

from __future__ import annotations

from matcher.domain.etag import content_etag
from matcher.domain.ids import ServiceAreaId, WarehouseId
from matcher.domain.warehouse import ServiceArea, Warehouse
from nearturn.v1 import network_pb2
from server.api.convert.demand import from_latlng, to_latlng


def to_warehouse(message: network_pb2.Warehouse) -> Warehouse:
    """Return a warehouse."""
    return Warehouse(
        warehouse_id=WarehouseId(message.warehouse_id),
        location=to_latlng(message.location),
        daily_capacity=message.daily_capacity,
        categories=tuple(message.categories),
        inbound_base_micros=message.inbound_base_micros,
        inbound_per_km_micros=message.inbound_per_km_micros,
        processing_micros=message.processing_micros,
        outbound_base_micros=message.outbound_base_micros,
        outbound_per_km_micros=message.outbound_per_km_micros,
    )


def from_warehouse(warehouse: Warehouse) -> network_pb2.Warehouse:
    """Return a warehouse as a message."""
    return network_pb2.Warehouse(
        warehouse_id=warehouse.warehouse_id,
        location=from_latlng(warehouse.location),
        daily_capacity=warehouse.daily_capacity,
        categories=warehouse.categories,
        inbound_base_micros=warehouse.inbound_base_micros,
        inbound_per_km_micros=warehouse.inbound_per_km_micros,
        processing_micros=warehouse.processing_micros,
        outbound_base_micros=warehouse.outbound_base_micros,
        outbound_per_km_micros=warehouse.outbound_per_km_micros,
        etag=content_etag(warehouse),
    )


def to_service_area(message: network_pb2.ServiceArea) -> ServiceArea:
    """Return a service area."""
    return ServiceArea(ServiceAreaId(message.service_area_id), message.geojson)


def from_service_area(area: ServiceArea) -> network_pb2.ServiceArea:
    """Return a service area as a message."""
    return network_pb2.ServiceArea(
        service_area_id=area.service_area_id,
        geojson=area.geojson,
        etag=content_etag(area),
    )
