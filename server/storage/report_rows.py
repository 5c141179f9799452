"""What reports are made of, read from one snapshot of the store."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, Row

from matcher.domain.demand import DemandState
from matcher.domain.ids import TenantId
from matcher.domain.item import ReturnReason
from matcher.domain.item_outcome import Arrival, BuyerResponse
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.report.density import DemandFact
from matcher.report.facts import FactGroup, RolloutFacts, RolloutQuery, SkuFacts
from server.storage import report_statements
from server.storage.facts import UNKNOWN

_OPEN = (int(DemandState.OPEN), int(DemandState.HELD))
_CODES = {int(code) for code in ReasonCode}


class _Place(msgspec.Struct):
    lat: float
    lng: float


class _Order(msgspec.Struct):
    sku: str
    category: str
    location: _Place
    quantity: int
    accepts_returned_item: bool = False


class _DemandDocument(msgspec.Struct):
    # The few fields of a stored demand that a report looks at.
    demand: _Order
    state: int
    held_count: int
    fulfilled_count: int
    created_us: int


_DEMANDS = msgspec.json.Decoder(_DemandDocument)


def read_rollout_facts(
    connection: Connection, tenant: TenantId, query: RolloutQuery
) -> RolloutFacts:
    """Read what a rollout report is made of; statements see the same commit."""
    asked: dict[str, object] = {
        "tenant": tenant,
        "version": query.policy_version,
        "start_us": query.start_us,
        "end_us": query.end_us,
    }
    groups = connection.execute(report_statements.GROUPS, asked).all()
    promises = connection.execute(report_statements.PROMISES, asked).all()
    return RolloutFacts(
        groups=tuple(_group(row) for row in groups),
        skus=tuple(_skus(connection, asked, query)),
        distances_m=tuple(row.distance_m for row in promises),
        waits_us=tuple(row.waited_us for row in promises),
    )


def read_demand_facts(connection: Connection, tenant: TenantId) -> Iterator[DemandFact]:
    """Yield every demand whose buyer takes a returned item, closed ones too."""
    with connection.execute(report_statements.DEMANDS, {"tenant": tenant}) as rows:
        for document in rows.scalars():
            found = _DEMANDS.decode(document)
            if found.demand.accepts_returned_item:
                yield _demand_fact(found)


def _demand_fact(found: _DemandDocument) -> DemandFact:
    order = found.demand
    left = order.quantity - found.held_count - found.fulfilled_count
    return DemandFact(
        order.sku,
        order.category,
        order.location.lat,
        order.location.lng,
        left if found.state in _OPEN else 0,
        found.created_us,
    )


def _group(row: Row[tuple[object, ...]]) -> FactGroup:
    codes = [int(code) for code in row.fallback_codes.split(",") if code]
    return FactGroup(
        category=row.category,
        reason=ReturnReason(row.reason),
        state=ReturnState(row.state),
        is_verified=bool(row.is_verified),
        is_eligible=bool(row.is_eligible),
        # A code that nobody knows explains nothing.
        codes=tuple(ReasonCode(code) for code in codes if code in _CODES),
        arrival=Arrival(row.arrival),
        response=BuyerResponse(row.response),
        is_worse=None if row.is_worse == UNKNOWN else bool(row.is_worse),
        count=row.item_count,
        saving_micros=row.saving_micros,
        avoided_m=row.avoided_m,
        avoided_count=row.avoided_count,
    )


def _skus(
    connection: Connection, asked: dict[str, object], query: RolloutQuery
) -> Iterator[SkuFacts]:
    limited = {**asked, "limit": query.sku_count}
    busiest = connection.execute(report_statements.SKUS, limited).all()
    spans = {
        "tenant": asked["tenant"],
        "skus": [row.sku for row in busiest],
        "first_us": query.end_us - 2 * query.rate_span_us,
        "middle_us": query.end_us - query.rate_span_us,
        "end_us": query.end_us,
    }
    rates = {
        sku: (recent, previous)
        for sku, recent, previous in connection.execute(
            report_statements.SKU_RATES, spans
        )
    }
    for row in busiest:
        recent, previous = rates.get(row.sku, (0, 0))
        yield SkuFacts(
            sku=row.sku,
            submitted_count=row.submitted_count,
            matched_count=row.matched_count,
            confirmed_count=row.confirmed_count,
            complaint_count=row.complaint_count,
            not_as_verified_count=row.not_as_verified_count,
            recent_count=recent,
            previous_count=previous,
        )
