"""Whose rows a store has."""

from __future__ import annotations

from sqlalchemy import Connection

from matcher.domain.ids import TenantId
from server.storage import statements


def tenants_of(connection: Connection) -> list[TenantId]:
    """Return the tenants that have any row, in the order of their ids."""
    found: list[TenantId] = []
    while (tenant := _next_after(connection, found)) is not None:
        found.append(tenant)
    return found


def _next_after(connection: Connection, found: list[TenantId]) -> TenantId | None:
    last = found[-1] if found else ""
    tenant: str | None = connection.execute(
        statements.NEXT_TENANT, {"tenant": last}
    ).scalar_one()
    return None if tenant is None else TenantId(tenant)
