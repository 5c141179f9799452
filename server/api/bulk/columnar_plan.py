"""PlanColumnar: a snapshot in chunks, planned once, and its routes in chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from matcher.domain.errors import InvalidValueError, LimitExceededError
from matcher.domain.policy import Policy
from matcher.domain.return_item import ReturnItem
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.demand_columns import DemandColumns
from matcher.engine.plan import Plan
from matcher.engine.snapshot import Snapshot
from nearturn.v1 import match_service_pb2 as pb
from server.api.bulk.arrow_chunk import read_chunk
from server.api.bulk.demand_batch import read_demands
from server.api.bulk.demand_stage import DemandStage
from server.api.bulk.return_batch import ReturnBatch
from server.api.bulk.route_batch import price_streams, route_streams
from server.api.bulk.row_fault import refuse_rows
from server.api.context import all_within, within
from server.api.convert.decision import from_prices, from_round
from server.api.convert.network import to_service_area, to_warehouse
from server.api.convert.policy import to_policy
from server.api.convert.times import optional_us
from server.api.handler import parsed
from server.api.validation import check
from server.runtime.runtime import Runtime

#: What one plan may be asked over.
RETURN_COUNT_MAX = 1_000_000
DEMAND_COUNT_MAX = 2_000_000

#: Snapshots that may be on their way in at once: each is kept in memory.
PLANS_AT_ONCE_MAX = 4


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the plan is made under."""

    policy: Policy
    warehouses: tuple[Warehouse, ...]
    service_areas: tuple[ServiceArea, ...]
    now_us: int


@dataclass(slots=True)
class _Arrived:
    """What has come of one snapshot so far."""

    terms: _Terms | None = None
    demands: DemandStage = field(default_factory=DemandStage)
    return_items: list[ReturnItem] = field(default_factory=list)

    def take(self, request: pb.PlanColumnarRequest, now_us: int) -> None:
        """Take one part."""
        part = request.WhichOneof("part")
        if part is not None and (part == "terms") == (self.terms is not None):
            raise InvalidValueError("terms", part, "the first part, and no other")
        if part == "demands":
            self._take_demands(request.demands)
        elif part == "return_items":
            self._take_return_items(request.return_items)
        else:
            check(request)
            self.terms = within(
                "terms", lambda terms: _terms(terms, now_us), request.terms
            )

    def _take_demands(self, data: bytes) -> None:
        table = read_chunk("demands", data)
        total = self.demands.count + table.num_rows
        if total > DEMAND_COUNT_MAX:
            raise LimitExceededError("demands of a plan", total, DEMAND_COUNT_MAX)
        batch = read_demands("demands", table)
        refuse_rows("demands", self.demands.count, batch.faults)
        self.demands.add(batch)

    def _take_return_items(self, data: bytes) -> None:
        table = read_chunk("return_items", data)
        total = len(self.return_items) + table.num_rows
        if total > RETURN_COUNT_MAX:
            raise LimitExceededError("return items of a plan", total, RETURN_COUNT_MAX)
        batch = ReturnBatch("return_items", table)
        refuse_rows("return_items", len(self.return_items), batch.faults)
        self.return_items += batch.items()


class ColumnarPlans:
    """
    Plans that come as streams.

    Parameters
    ----------
    runtime
        Plans them, one at a time.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._count = 0

    async def plan(
        self, requests: AsyncIterator[bytes]
    ) -> AsyncIterator[pb.PlanColumnarResponse]:
        """
        Take a snapshot, and yield its routes, prices and summary.

        Raises
        ------
        InvalidValueError
            If a part, a column or a row is not acceptable.
        LimitExceededError
            If there are too many rows, or too many such calls at once.
        """
        if self._count >= PLANS_AT_ONCE_MAX:
            raise LimitExceededError(
                "columnar plans at once", self._count + 1, PLANS_AT_ONCE_MAX
            )
        self._count += 1
        try:
            plan = await self._planned(await self._arrived(requests))
            # Made piece by piece beside the event loop: whoever reads slowly holds
            # none but the next.
            parts = _answers(plan)
            while (part := await asyncio.to_thread(next, parts, None)) is not None:
                yield part
        finally:
            self._count -= 1

    async def _arrived(self, requests: AsyncIterator[bytes]) -> _Arrived:
        # One part is worked on while the next is on its way.
        arrived = _Arrived()
        working: asyncio.Future[None] | None = None
        try:
            async for raw in requests:
                if working is not None:
                    await working
                working = asyncio.ensure_future(
                    asyncio.to_thread(_take, arrived, raw, self._runtime.now_us())
                )
            if working is not None:
                await working
        except BaseException:
            if working is not None:
                await asyncio.wait([working])
            raise
        return arrived

    async def _planned(self, arrived: _Arrived) -> Plan:
        terms = arrived.terms
        if terms is None:
            raise InvalidValueError("terms", None, "the first part")
        if not arrived.return_items:
            raise InvalidValueError("return_items", None, "1 to 1,000,000 rows")
        snapshot, columns = await asyncio.to_thread(_snapshot, arrived, terms)
        return await self._runtime.plan(
            snapshot, terms.policy, terms.now_us, demands=columns
        )


def _take(arrived: _Arrived, raw: bytes, now_us: int) -> None:
    arrived.take(parsed(pb.PlanColumnarRequest, raw), now_us)


def _terms(message: pb.PlanTerms, now_us: int) -> _Terms:
    stated_us = optional_us(message, "evaluation_time")
    return _Terms(
        within("policy", to_policy, message.policy),
        all_within("warehouses", to_warehouse, message.warehouses),
        all_within("service_areas", to_service_area, message.service_areas),
        now_us if stated_us is None else stated_us,
    )


def _snapshot(arrived: _Arrived, terms: _Terms) -> tuple[Snapshot, DemandColumns]:
    columns = arrived.demands.columns()
    snapshot = Snapshot(
        tuple(arrived.return_items), (), terms.warehouses, terms.service_areas
    )
    return snapshot, columns


def _answers(plan: Plan) -> Iterator[pb.PlanColumnarResponse]:
    for routes in route_streams(plan):
        yield pb.PlanColumnarResponse(routes=routes)
    for prices in price_streams(plan):
        yield pb.PlanColumnarResponse(demand_prices=prices)
    groups = plan.solved.groups
    yield pb.PlanColumnarResponse(
        summary=pb.PlanSummary(
            summary=from_round(plan.summary),
            acting_summary=from_round(plan.acting) if plan.acting else None,
            limit_prices=from_prices(
                [key.text for key in groups.keys] if groups else [],
                plan.assignment.limit_price,
            ),
        )
    )
