"""What a shard needs in memory, read from one snapshot of the store."""

from __future__ import annotations

from contextlib import closing
from typing import TypeVar

from sqlalchemy import Connection

from matcher.domain.guardrail import GuardrailMetric
from matcher.domain.ids import TenantId
from matcher.domain.match_limit import LimitKey, LimitScope
from matcher.engine.archive import LiveRows
from matcher.engine.records import (
    GuardrailDay,
    MatchCount,
    SkuDay,
    VolumeHour,
    WarehouseDay,
)
from server.storage import codec, count_statements, statements
from server.storage.codec import DocumentCodec
from server.storage.counters import read_counters
from server.storage.prepared import execute, fetch
from server.storage.shadow_rows import load_units
from server.storage.statements import Documents

T = TypeVar("T")


def load_live_rows(connection: Connection, tenant: TenantId) -> LiveRows:
    """
    Read the live rows of one tenant, each kind in the order of its ids.

    Parameters
    ----------
    connection
        Connection whose statements all see the same commit.
    tenant
        Tenant; one without rows gives empty ones.

    Returns
    -------
    LiveRows
        Read by index: the time goes with what is live, not with what is stored.
    """

    def read(statement: Documents, kind: DocumentCodec[T]) -> list[T]:
        # Closed also where one does not read back: a cursor of PostgreSQL's would stay.
        with closing(execute(connection, statement, own)) as rows:
            return [kind.decode(document) for (document,) in rows]

    own = {"tenant": tenant}

    demands = read(statements.LIVE_DEMANDS, codec.DEMANDS)
    demands += read(statements.CLOSED_LIVE_DEMANDS, codec.DEMANDS)
    demands.sort(key=lambda record: record.demand.demand_id)
    returns = read(statements.LIVE_RETURNS, codec.RETURNS)
    returns.sort(key=lambda record: record.item.return_id)
    days = fetch(connection, count_statements.RECENT_WAREHOUSE_DAYS, own)
    hours = fetch(connection, count_statements.RECENT_VOLUME_HOURS, own)
    counts = fetch(connection, count_statements.RECENT_MATCH_COUNTS, own)
    watched = fetch(connection, count_statements.RECENT_GUARDRAIL_DAYS, own)
    ordered = fetch(connection, count_statements.RECENT_SKU_DAYS, own)
    counters = read_counters(connection, tenant)
    return LiveRows(
        demands=tuple(demands),
        returns=tuple(returns),
        matches=tuple(read(statements.LIVE_MATCHES, codec.MATCHES)),
        policies=tuple(read(statements.ALL_POLICIES, codec.POLICIES)),
        program=next(iter(read(statements.PROGRAM, codec.PROGRAMS)), None),
        volume_hours=tuple(VolumeHour(*row) for row in hours),
        match_counts=tuple(
            MatchCount(LimitKey(LimitScope(scope), *rest), count)
            for scope, *rest, count in counts
        ),
        guardrail_days=tuple(
            GuardrailDay(category, GuardrailMetric(metric), *rest)
            for category, metric, *rest in watched
        ),
        sku_days=tuple(SkuDay(*row) for row in ordered),
        warehouses=tuple(read(statements.ALL_WAREHOUSES, codec.WAREHOUSES)),
        service_areas=tuple(read(statements.ALL_SERVICE_AREAS, codec.SERVICE_AREAS)),
        drop_off_points=tuple(
            read(statements.ALL_DROP_OFF_POINTS, codec.DROP_OFF_POINTS)
        ),
        warehouse_days=tuple(WarehouseDay(*row) for row in days),
        decision_count=counters.decision_count,
        match_count=counters.match_count,
        round_count=counters.round_count,
        shadows=tuple(read(statements.OPEN_SHADOWS, codec.SHADOWS)),
        shadowed=tuple(read(statements.SHADOWED_RETURNS, codec.RETURNS)),
        shadow_units=load_units(connection, tenant),
    )
