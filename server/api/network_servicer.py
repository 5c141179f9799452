"""NetworkService: warehouses, service areas and drop-off points."""

from __future__ import annotations

import asyncio
from typing import cast

from google.protobuf.message import Message

from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.ids import DropOffPointId, ServiceAreaId, WarehouseId
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.answers import Answer
from matcher.engine.commands import (
    DeleteDropOffPoint,
    DeleteServiceArea,
    DeleteWarehouse,
    UpsertDropOffPoint,
    UpsertServiceArea,
    UpsertWarehouse,
)
from matcher.geo import check_service_area
from nearturn.v1 import network_pb2
from nearturn.v1 import network_service_pb2 as pb
from server.api.context import ApiContext, within
from server.api.convert.drop_off_point import from_drop_off_point, to_drop_off_point
from server.api.convert.network import (
    from_service_area,
    from_warehouse,
    to_service_area,
    to_warehouse,
)
from server.api.paging import (
    BULKY_PAGE_SIZE_MAX,
    after_key,
    page_of,
    page_size,
    page_token,
)


class NetworkServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def UpsertWarehouse(self, request: pb.UpsertWarehouseRequest) -> bytes:
        """Store or change a warehouse."""
        warehouse = within("warehouse", to_warehouse, request.warehouse)

        def respond(answer: Answer) -> Message:
            stored = from_warehouse(cast(Warehouse, answer))
            return pb.UpsertWarehouseResponse(warehouse=stored)

        return await self._context.execute(
            request, UpsertWarehouse(warehouse, request.warehouse.etag), respond
        )

    async def ListWarehouses(
        self, request: pb.ListWarehousesRequest
    ) -> pb.ListWarehousesResponse:
        """List warehouses by id."""
        tenant = self._context.tenant
        after = after_key("ListWarehouses", request.page_token)
        size = page_size(request.page_size)
        found = await self._context.runtime.read(
            lambda store: store.list_warehouses(tenant, after_id=after, limit=size + 1)
        )
        page, token = page_of(
            found,
            size,
            from_warehouse,
            lambda warehouse: page_token("ListWarehouses", warehouse.warehouse_id),
        )
        return pb.ListWarehousesResponse(warehouses=page, next_page_token=token)

    async def DeleteWarehouse(self, request: pb.DeleteWarehouseRequest) -> bytes:
        """Delete a warehouse."""
        command = DeleteWarehouse(WarehouseId(request.warehouse_id), request.etag)
        return await self._context.execute(
            request, command, lambda _: pb.DeleteWarehouseResponse()
        )

    async def UpsertServiceArea(self, request: pb.UpsertServiceAreaRequest) -> bytes:
        """Store or change a service area."""
        # A megabyte of GeoJSON would hold up the event loop.
        area = await asyncio.to_thread(
            within, "service_area", _checked_area, request.service_area
        )

        def respond(answer: Answer) -> Message:
            stored = from_service_area(cast(ServiceArea, answer))
            return pb.UpsertServiceAreaResponse(service_area=stored)

        return await self._context.execute(
            request, UpsertServiceArea(area, request.service_area.etag), respond
        )

    async def ListServiceAreas(
        self, request: pb.ListServiceAreasRequest
    ) -> pb.ListServiceAreasResponse:
        """List service areas by id."""
        tenant = self._context.tenant
        after = after_key("ListServiceAreas", request.page_token)
        size = page_size(request.page_size, BULKY_PAGE_SIZE_MAX)
        found = await self._context.runtime.read(
            lambda store: store.list_service_areas(
                tenant, after_id=after, limit=size + 1
            )
        )
        page, token = page_of(
            found,
            size,
            from_service_area,
            lambda area: page_token("ListServiceAreas", area.service_area_id),
        )
        return pb.ListServiceAreasResponse(service_areas=page, next_page_token=token)

    async def DeleteServiceArea(self, request: pb.DeleteServiceAreaRequest) -> bytes:
        """Delete a service area."""
        command = DeleteServiceArea(
            ServiceAreaId(request.service_area_id), request.etag
        )
        return await self._context.execute(
            request, command, lambda _: pb.DeleteServiceAreaResponse()
        )

    async def UpsertDropOffPoint(self, request: pb.UpsertDropOffPointRequest) -> bytes:
        """Store or change a drop-off point."""
        point = within("drop_off_point", to_drop_off_point, request.drop_off_point)

        def respond(answer: Answer) -> Message:
            stored = from_drop_off_point(cast(DropOffPoint, answer))
            return pb.UpsertDropOffPointResponse(drop_off_point=stored)

        return await self._context.execute(
            request, UpsertDropOffPoint(point, request.drop_off_point.etag), respond
        )

    async def ListDropOffPoints(
        self, request: pb.ListDropOffPointsRequest
    ) -> pb.ListDropOffPointsResponse:
        """List drop-off points by id."""
        tenant = self._context.tenant
        after = after_key("ListDropOffPoints", request.page_token)
        size = page_size(request.page_size)
        found = await self._context.runtime.read(
            lambda store: store.list_drop_off_points(
                tenant, after_id=after, limit=size + 1
            )
        )
        page, token = page_of(
            found,
            size,
            from_drop_off_point,
            lambda point: page_token("ListDropOffPoints", point.drop_off_point_id),
        )
        return pb.ListDropOffPointsResponse(drop_off_points=page, next_page_token=token)

    async def DeleteDropOffPoint(self, request: pb.DeleteDropOffPointRequest) -> bytes:
        """Delete a drop-off point."""
        command = DeleteDropOffPoint(
            DropOffPointId(request.drop_off_point_id), request.etag
        )
        return await self._context.execute(
            request, command, lambda _: pb.DeleteDropOffPointResponse()
        )


def _checked_area(message: network_pb2.ServiceArea) -> ServiceArea:
    area = to_service_area(message)
    check_service_area(area)
    return area
