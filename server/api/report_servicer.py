"""ReportService: what came of a rollout, where demand is, what one more is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message

from matcher.domain.demand import Demand
from matcher.domain.errors import InvalidValueError, NotFoundError
from matcher.domain.ids import DemandId, RoundId
from matcher.domain.instant import utc_text
from matcher.engine.proof import Proof, unpack
from matcher.report.density import DemandFact, cell_densities, sku_demands
from matcher.report.facts import RolloutQuery
from matcher.report.prices import PriceView, price_method, shadow_prices
from matcher.report.rollout import rollout_report
from nearturn.v1 import match_limit_pb2
from nearturn.v1 import report_service_pb2 as pb
from server.api.context import ApiContext
from server.api.convert.report import (
    from_cell_density,
    from_rollout_report,
    from_shadow_price,
    from_sku_demand,
)
from server.api.convert.times import optional_us, to_us
from server.api.paging import after_key, page_of, page_size, page_token
from server.api.program_log import program_log
from server.storage.store import Store

_SKU_COUNT = 20
_RATE_SPAN_US = 7 * 86_400_000_000
_WINDOW_DAYS = 28
_RESOLUTION = 7
_EVENTS_AT_ONCE = 1_000

R = TypeVar("R")
M = TypeVar("M", bound=Message)


class ReportServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def GetRolloutReport(
        self, request: pb.GetRolloutReportRequest
    ) -> pb.GetRolloutReportResponse:
        """Report on a policy version."""
        return await self._context.runtime.read(
            lambda store: self._rollout(store, request)
        )

    async def GetDensity(self, request: pb.GetDensityRequest) -> pb.GetDensityResponse:
        """List the cells with open demand."""
        resolution = _resolution(request)
        listing = f"GetDensity {resolution} {request.sku!r} {request.category!r}"

        def read(store: Store) -> pb.GetDensityResponse:
            kept = [
                each
                for each in store.demand_facts(self._context.tenant)
                if _is_asked(each, request.category, request.sku)
            ]
            found = cell_densities(kept, resolution)
            page, token = _listed(listing, request, found, from_cell_density)
            return pb.GetDensityResponse(cells=page, next_page_token=token)

        return await self._context.runtime.read(read)

    async def ListSkuDemands(
        self, request: pb.ListSkuDemandsRequest
    ) -> pb.ListSkuDemandsResponse:
        """List the SKUs with demand."""
        days = request.window_days or _WINDOW_DAYS
        listing = f"ListSkuDemands {days} {request.category!r}"
        now_us = self._context.runtime.now_us()

        def read(store: Store) -> pb.ListSkuDemandsResponse:
            kept = [
                each
                for each in store.demand_facts(self._context.tenant)
                if _is_asked(each, request.category)
            ]
            found = sku_demands(kept, days, now_us)
            page, token = _listed(listing, request, found, from_sku_demand)
            return pb.ListSkuDemandsResponse(skus=page, next_page_token=token)

        return await self._context.runtime.read(read)

    async def GetShadowPrices(
        self, request: pb.GetShadowPricesRequest
    ) -> pb.GetShadowPricesResponse:
        """List the marginal prices of a round."""
        return await self._context.runtime.read(
            lambda store: self._prices(store, request)
        )

    def _rollout(
        self, store: Store, request: pb.GetRolloutReportRequest
    ) -> pb.GetRolloutReportResponse:
        tenant, now_us = self._context.tenant, self._context.runtime.now_us()
        record = store.policy(tenant, request.policy_version)
        if record is None:
            name = str(request.policy_version or "active")
            raise NotFoundError("policy", name)
        end_us = optional_us(request, "end_time")
        query = RolloutQuery(
            policy_version=record.policy.version,
            start_us=to_us(request, "start_time"),
            # What is submitted at this very instant has been.
            end_us=now_us + 1 if end_us is None else end_us,
            sku_count=request.sku_count or _SKU_COUNT,
            rate_span_us=to_us(request, "rate_span") or _RATE_SPAN_US,
        )
        if query.end_us <= query.start_us:
            raise InvalidValueError(
                "end_time",
                utc_text(query.end_us),
                f"after start_time, {utc_text(query.start_us)}",
            )
        facts = store.rollout_facts(tenant, query)
        report = rollout_report(
            query,
            facts,
            record.policy,
            program_log(store, tenant),
            now_us,
            store.count_shadows(tenant, policy_version=query.policy_version),
        )
        return from_rollout_report(query, report)

    def _prices(
        self, store: Store, request: pb.GetShadowPricesRequest
    ) -> pb.GetShadowPricesResponse:
        tenant, resolution = self._context.tenant, _resolution(request)
        view = PriceView(request.view) or PriceView.CELL
        listing = f"GetShadowPrices {request.round_id!r} {view} {resolution}"
        # A list that has begun stays with its round, should another one come.
        begun, _, start = after_key(listing, request.page_token).rpartition(" ")
        round_id = request.round_id or begun or store.latest_round(tenant)
        record = store.round(tenant, RoundId(round_id)) if round_id else None
        if record is None:
            raise NotFoundError("round", request.round_id or "latest")
        proof = unpack(record.proof)
        prices = shadow_prices(
            proof, view, self._demands(store, view, proof), resolution
        )
        prefix = f"{record.round_id} "
        page, token = _page(
            prices,
            int(start or "0"),
            page_size(request.page_size),
            from_shadow_price,
            lambda place: page_token(listing, f"{prefix}{place}"),
        )
        return pb.GetShadowPricesResponse(
            round_id=record.round_id,
            prices=page,
            next_page_token=token,
            method=price_method(proof),
            gap_micros=proof.gap,
            objective=match_limit_pb2.Objective.Value(f"OBJECTIVE_{proof.objective}"),
        )

    def _demands(
        self, store: Store, view: PriceView, proof: Proof
    ) -> dict[str, Demand]:
        if view in (PriceView.RETURN, PriceView.LIMIT):
            return {}
        ids = [DemandId(each) for each in proof.demand_ids]
        found = store.archive(self._context.tenant).demands(ids)
        return {str(name): record.demand for name, record in found.items()}


def _resolution(request: pb.GetDensityRequest | pb.GetShadowPricesRequest) -> int:
    return request.resolution if request.HasField("resolution") else _RESOLUTION


def _is_asked(demand: DemandFact, category: str, sku: str = "") -> bool:
    return category in ("", demand.category) and sku in ("", demand.sku)


def _listed(
    listing: str,
    request: pb.GetDensityRequest | pb.ListSkuDemandsRequest,
    found: Sequence[R],
    convert: Callable[[R], M],
) -> tuple[list[M], str]:
    return _page(
        found,
        int(after_key(listing, request.page_token) or "0"),
        page_size(request.page_size),
        convert,
        lambda place: page_token(listing, str(place)),
    )


def _page(
    found: Sequence[R],
    start: int,
    size: int,
    convert: Callable[[R], M],
    token: Callable[[int], str],
) -> tuple[list[M], str]:
    # By place: the list is made anew for each page, so what changes meanwhile may
    # move an entry over the edge of one.
    return page_of(
        range(start, min(start + size + 1, len(found))),
        size,
        lambda place: convert(found[place]),
        lambda place: token(place + 1),
    )
