"""NetworkService: warehouses and service areas."""

from __future__ import annotations

from typing import cast

from google.protobuf.message import Message

from matcher.domain.ids import ServiceAreaId, WarehouseId
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.answers import Answer
from matcher.engine.commands import (
    DeleteServiceArea,
    DeleteWarehouse,
    UpsertServiceArea,
    UpsertWarehouse,
)
from matcher.geo import check_service_area
from nearturn.v1 import network_service_pb2 as pb
from server.api.context import ApiContext, within
from server.api.convert.network import (
    from_service_area,
    from_warehouse,
    to_service_area,
    to_warehouse,
)
from server.api.paging import after_key, page_size, page_token


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

        return await self._context.execute(request, UpsertWarehouse(warehouse), respond)

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
        page = found[:size]
        return pb.ListWarehousesResponse(
            warehouses=[from_warehouse(warehouse) for warehouse in page],
            next_page_token=page_token("ListWarehouses", page[-1].warehouse_id)
            if len(found) > size
            else "",
        )

    async def DeleteWarehouse(self, request: pb.DeleteWarehouseRequest) -> bytes:
        """Delete a warehouse."""
        command = DeleteWarehouse(WarehouseId(request.warehouse_id))
        return await self._context.execute(
            request, command, lambda _: pb.DeleteWarehouseResponse()
        )

    async def UpsertServiceArea(self, request: pb.UpsertServiceAreaRequest) -> bytes:
        """Store or change a service area."""
        area = within("service_area", to_service_area, request.service_area)
        within("service_area", lambda _: check_service_area(area), request)

        def respond(answer: Answer) -> Message:
            stored = from_service_area(cast(ServiceArea, answer))
            return pb.UpsertServiceAreaResponse(service_area=stored)

        return await self._context.execute(request, UpsertServiceArea(area), respond)

    async def ListServiceAreas(
        self, request: pb.ListServiceAreasRequest
    ) -> pb.ListServiceAreasResponse:
        """List service areas by id."""
        tenant = self._context.tenant
        after = after_key("ListServiceAreas", request.page_token)
        size = page_size(request.page_size)
        found = await self._context.runtime.read(
            lambda store: store.list_service_areas(
                tenant, after_id=after, limit=size + 1
            )
        )
        page = found[:size]
        return pb.ListServiceAreasResponse(
            service_areas=[from_service_area(area) for area in page],
            next_page_token=page_token("ListServiceAreas", page[-1].service_area_id)
            if len(found) > size
            else "",
        )

    async def DeleteServiceArea(self, request: pb.DeleteServiceAreaRequest) -> bytes:
        """Delete a service area."""
        command = DeleteServiceArea(ServiceAreaId(request.service_area_id))
        return await self._context.execute(
            request, command, lambda _: pb.DeleteServiceAreaResponse()
        )
