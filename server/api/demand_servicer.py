"""DemandService: the open orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

from google.protobuf.message import Message

from matcher.domain.demand import DemandState
from matcher.domain.errors import NotFoundError
from matcher.domain.ids import DemandId
from matcher.engine.answers import Answer
from matcher.engine.commands import CancelDemand, UpsertDemands
from matcher.engine.records import DemandRecord
from nearturn.v1 import demand_service_pb2 as pb
from server.api.bulk.demand_import import demand_import
from server.api.bulk.row_import import RowImport
from server.api.context import ApiContext, all_within, single, within
from server.api.convert.demand import from_demand, to_demand
from server.api.paging import after_key, page_of, page_size, page_token


class DemandServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._import = RowImport(context, demand_import())

    async def UpsertDemand(self, request: pb.UpsertDemandRequest) -> bytes:
        """Store or change a demand."""
        demand = within("demand", to_demand, request.demand)

        def respond(answer: Answer) -> Message:
            (record,) = cast(Sequence[DemandRecord], answer)
            return pb.UpsertDemandResponse(demand=from_demand(record))

        with single("demands[0]", "demand"):
            return await self._context.execute(
                request, UpsertDemands((demand,), (request.demand.etag,)), respond
            )

    async def BatchUpsertDemands(self, request: pb.BatchUpsertDemandsRequest) -> bytes:
        """Store or change demands, all or none."""
        demands = await asyncio.to_thread(
            all_within, "demands", to_demand, request.demands
        )
        etags = tuple(demand.etag for demand in request.demands)

        def respond(answer: Answer) -> Message:
            records = cast(Sequence[DemandRecord], answer)
            return pb.BatchUpsertDemandsResponse(
                demands=[from_demand(record) for record in records]
            )

        return await self._context.execute(
            request, UpsertDemands(demands, etags), respond
        )

    async def ImportDemands(
        self, requests: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """Store demands by the column, chunk by chunk."""
        async for answer in self._import.run(requests):
            yield answer

    async def GetDemandImport(
        self, request: pb.GetDemandImportRequest
    ) -> pb.GetDemandImportResponse:
        """Tell how far an import came."""
        number = await self._import.last_chunk(request.import_id)
        return pb.GetDemandImportResponse(last_chunk_number=number)

    async def GetDemand(self, request: pb.GetDemandRequest) -> pb.GetDemandResponse:
        """Read a demand."""
        tenant, demand_id = self._context.tenant, DemandId(request.demand_id)
        record = await self._context.runtime.read(
            lambda store: store.demand(tenant, demand_id)
        )
        if record is None:
            raise NotFoundError("demand", demand_id)
        return pb.GetDemandResponse(demand=from_demand(record))

    async def ListDemands(
        self, request: pb.ListDemandsRequest
    ) -> pb.ListDemandsResponse:
        """List demands by id."""
        tenant = self._context.tenant
        listing = f"ListDemands {request.state}"
        after = after_key(listing, request.page_token)
        size = page_size(request.page_size)
        state = DemandState(request.state) if request.state else None
        records = await self._context.runtime.read(
            lambda store: store.list_demands(
                tenant, state=state, after_id=after, limit=size + 1
            )
        )
        page, token = page_of(
            records,
            size,
            from_demand,
            lambda record: page_token(listing, record.demand.demand_id),
        )
        return pb.ListDemandsResponse(demands=page, next_page_token=token)

    async def CancelDemand(self, request: pb.CancelDemandRequest) -> bytes:
        """Cancel a demand."""

        def respond(answer: Answer) -> Message:
            record = cast(DemandRecord, answer)
            return pb.CancelDemandResponse(demand=from_demand(record))

        command = CancelDemand(DemandId(request.demand_id), request.etag)
        return await self._context.execute(request, command, respond)
