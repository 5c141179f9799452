"""The kinds of rows that have an id, each by how a store writes, reads and lists it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matcher.domain.ids import (
    DecisionId,
    DemandId,
    MatchId,
    ReturnId,
    RoundId,
    TenantId,
)
from matcher.domain.shadow import ShadowState
from matcher.engine.ledger import decision_id, match_id
from server.storage.store import Store
from tests.contract.store import rows


@dataclass(frozen=True)
class Kind:
    """One kind: ``row`` and ``changed`` differ in all but the id; ``get`` reads it."""

    name: str
    id: Any
    row: Callable[[], Any]
    changed: Callable[[], Any]
    get: Callable[[Store, TenantId, Any], Any]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Listed:
    """One kind that callers name: ``row(id)`` makes a row, ``page`` lists them."""

    name: str
    row: Callable[[str], Any]
    id_of: Callable[[Any], str]
    page: Callable[[Store, TenantId, str, int], list[Any]]

    def __str__(self) -> str:
        return self.name


def _only(found: list[Any], wanted: str, id_of: Callable[[Any], str]) -> Any:
    return next((each for each in found if id_of(each) == wanted), None)


LISTED = (
    Listed(
        "demand",
        rows.demand_row,
        lambda row: row.demand.demand_id,
        lambda store, tenant, after_id, limit: store.list_demands(
            tenant, state=None, after_id=after_id, limit=limit
        ),
    ),
    Listed(
        "return_item",
        rows.return_row,
        lambda row: row.item.return_id,
        lambda store, tenant, after_id, limit: store.list_returns(
            tenant, state=None, after_id=after_id, limit=limit
        ),
    ),
    Listed(
        "warehouse",
        rows.warehouse_row,
        lambda row: row.warehouse_id,
        lambda store, tenant, after_id, limit: store.list_warehouses(
            tenant, after_id=after_id, limit=limit
        ),
    ),
    Listed(
        "service_area",
        rows.service_area_row,
        lambda row: row.service_area_id,
        lambda store, tenant, after_id, limit: store.list_service_areas(
            tenant, after_id=after_id, limit=limit
        ),
    ),
    Listed(
        "drop_off_point",
        rows.drop_off_point_row,
        lambda row: row.drop_off_point_id,
        lambda store, tenant, after_id, limit: store.list_drop_off_points(
            tenant, after_id=after_id, limit=limit
        ),
    ),
)
_DEMAND, _RETURN, _WAREHOUSE, _SERVICE_AREA, _DROP_OFF_POINT = LISTED

KINDS = (
    Kind(
        "demand",
        DemandId("d1"),
        rows.demand_row,
        lambda: rows.demand_row(held_count=0, version=4),
        lambda store, tenant, key: store.demand(tenant, key),
    ),
    Kind(
        "return_item",
        ReturnId("r1"),
        rows.return_row,
        lambda: rows.return_row(released_demand_ids=(), version=5),
        lambda store, tenant, key: store.return_item(tenant, key),
    ),
    Kind(
        "match",
        match_id(1),
        rows.match_row,
        lambda: rows.match_row(hold_expire_us=0, version=4),
        lambda store, tenant, key: store.match(tenant, MatchId(key)),
    ),
    Kind(
        "policy",
        1,
        rows.policy_row,
        lambda: rows.policy_row(activated_us=None),
        lambda store, tenant, key: store.policy(tenant, key),
    ),
    Kind(
        "warehouse",
        "w1",
        rows.warehouse_row,
        lambda: rows.warehouse_row(categories=()),
        lambda store, tenant, key: _only(
            _WAREHOUSE.page(store, tenant, "", 1_000), key, _WAREHOUSE.id_of
        ),
    ),
    Kind(
        "service_area",
        "a1",
        rows.service_area_row,
        lambda: rows.service_area_row(geojson='{"type": "Point"}'),
        lambda store, tenant, key: _only(
            _SERVICE_AREA.page(store, tenant, "", 1_000), key, _SERVICE_AREA.id_of
        ),
    ),
    Kind(
        "drop_off_point",
        "p1",
        rows.drop_off_point_row,
        lambda: rows.drop_off_point_row(opening_hours="", has_extended_hours=False),
        lambda store, tenant, key: _only(
            _DROP_OFF_POINT.page(store, tenant, "", 1_000), key, _DROP_OFF_POINT.id_of
        ),
    ),
    Kind(
        "round",
        RoundId("r-000000000001"),
        rows.round_row,
        lambda: rows.round_row(proof=b"", verified=False),
        lambda store, tenant, key: store.round(tenant, key),
    ),
    Kind(
        "shadow",
        ReturnId("r1"),
        rows.shadow_row,
        lambda: rows.shadow_row(state=ShadowState.SKIPPED, reasons=()),
        lambda store, tenant, key: store.shadow(tenant, key),
    ),
)

DECISION = Kind(
    "decision",
    decision_id(1),
    rows.decision_row,
    rows.decision_row,
    lambda store, tenant, key: store.decision(tenant, DecisionId(key)),
)
