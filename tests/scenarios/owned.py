"""Shards of a store that a test has to itself."""

from __future__ import annotations

import itertools

from matcher.domain.ids import TenantId
from server.runtime.ownership import Ownership
from server.storage.store import Store


def owning(store: Store, tenant: TenantId) -> Ownership:
    """Take a tenant's lease, whoever had it; every look is a microsecond later."""
    clock = itertools.count().__next__
    ownership = Ownership(store.leases(), "test", ttl_us=1, clock=clock)
    while not ownership.take(tenant):
        pass
    return ownership
