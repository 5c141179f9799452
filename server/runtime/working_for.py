"""For which tenant the present task works."""

from __future__ import annotations

from contextvars import ContextVar

from matcher.domain.ids import TenantId

#: Whom work is for that no tenant asked for.
NOBODY = TenantId("")

_TENANT: ContextVar[TenantId] = ContextVar("working_for", default=NOBODY)


def set_working_for(tenant: TenantId) -> None:
    """Say for whom this task works from here on, and what it starts."""
    _TENANT.set(tenant)


def working_for() -> TenantId:
    """Return for whom this task works; :data:`NOBODY` for the server itself."""
    return _TENANT.get()
