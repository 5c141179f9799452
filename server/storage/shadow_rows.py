"""Rows of the shadows, and what they add up to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, select
from sqlalchemy.sql.elements import ColumnElement

from matcher.domain.ids import TenantId
from matcher.domain.reason import ReasonCode
from matcher.domain.shadow import ShadowCount, ShadowState
from matcher.engine.shadow_records import ShadowRecord, ShadowUnits
from server.storage import codec
from server.storage.prepared import fetch
from server.storage.tables import shadow_units, shadows

_UNITS = (
    select(shadow_units.c.demand_id, shadow_units.c.taken_count)
    .where(shadow_units.c.tenant == bindparam("tenant_"))
    .order_by(shadow_units.c.demand_id)
)


def shadow_row(tenant: TenantId, record: ShadowRecord) -> dict[str, object]:
    """Return the row of a shadow; its figures stand beside the document to be added."""
    result = record.result if record.state is ShadowState.MATCHED else None
    return {
        "tenant": tenant,
        "return_id": record.return_id,
        "state": int(record.state),
        "policy_version": record.policy_version,
        "category": record.category,
        "kept_out": int(record.kept_out),
        "saving_micros": result.saving_micros if result else 0,
        "distance_m": result.distance_m if result else 0,
        "waiting_us": result.waiting_us if result else 0,
        "document": codec.SHADOWS.encode(record),
    }


def units_row(tenant: TenantId, units: ShadowUnits) -> dict[str, object]:
    """Return the row of a demand's units."""
    return {
        "tenant": tenant,
        "demand_id": units.demand_id,
        "taken_count": units.taken_count,
    }


def _in_state(state: ShadowState) -> ColumnElement[int]:
    return func.sum(case((shadows.c.state == int(state), 1), else_=0))


def _counts(tenant: TenantId, policy_version: int | None) -> Select[Any]:
    group = (shadows.c.policy_version, shadows.c.category, shadows.c.kept_out)
    statement = (
        select(
            *group,
            func.count(),
            _in_state(ShadowState.OPEN),
            _in_state(ShadowState.MATCHED),
            _in_state(ShadowState.UNMATCHED),
            _in_state(ShadowState.SKIPPED),
            func.sum(shadows.c.saving_micros),
            func.sum(shadows.c.distance_m),
            func.sum(shadows.c.waiting_us),
        )
        .where(shadows.c.tenant == tenant)
        .group_by(*group)
        .order_by(*group)
    )
    if policy_version is not None:
        statement = statement.where(shadows.c.policy_version == policy_version)
    return statement


def count_shadows(
    connection: Connection, tenant: TenantId, policy_version: int | None
) -> list[ShadowCount]:
    """Return the counts of one policy version, or of all, in order."""
    rows = connection.execute(_counts(tenant, policy_version)).all()
    return [
        ShadowCount(row[0], row[1], ReasonCode(row[2]), *map(int, row[3:]))
        for row in map(tuple, rows)
    ]


def load_units(connection: Connection, tenant: TenantId) -> tuple[ShadowUnits, ...]:
    """Return the units that shadows would have had of live demands, by demand."""
    rows = fetch(connection, _UNITS, {"tenant_": tenant})
    return tuple(ShadowUnits(*row) for row in rows)
