"""Who waits for the next commit of a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from matcher.domain.ids import TenantId


class Commits:
    """Events of each tenant, set once and then replaced."""

    def __init__(self) -> None:
        self._next: dict[TenantId, asyncio.Event] = {}

    def next(self, tenant: TenantId) -> asyncio.Event:
        """Return what is set after the tenant's next commit."""
        return self._next.setdefault(tenant, asyncio.Event())

    def tell(self, tenants: Iterable[TenantId]) -> None:
        """Let go on who waits for these tenants."""
        for tenant in tenants:
            event = self._next.pop(tenant, None)
            if event is not None:
                event.set()

    def tell_all(self) -> None:
        """Let everybody go on."""
        self.tell(list(self._next))
