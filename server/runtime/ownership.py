"""Which shards this process decides for, and when it may have those of another."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from matcher.domain.errors import NotOwnerError
from matcher.domain.ids import TenantId
from server.runtime.clock import Clock
from server.storage.lease import FencedError, Lease, Leases, LeaseState


@dataclass(frozen=True, slots=True)
class _Seen:
    state: LeaseState
    since_us: int


class Ownership:
    """
    Takes leases of shards, renews them and gives them back. Safe to use from threads.

    A holder that lives lets its lease's beat go on. Whoever has watched a beat stand
    still for ``ttl_us``, by its own clock, takes the lease: no two clocks are compared.
    Taking it from one that only slept is safe, for what that one still tries to write
    is refused.

    Parameters
    ----------
    leases
        Those of the store. A store that no other process can have open needs no
        watching: whoever had it is gone.
    holder
        This process, as others will name it.
    ttl_us
        How long a beat stands still before the lease is taken, 1 or more.
    clock
        Gives microseconds since any instant; must not be set back.

    Attributes
    ----------
    address
        Where callers find this process, for those that others refuse; empty if it is
        not to be told.
    """

    def __init__(
        self, leases: Leases, holder: str, *, ttl_us: int, clock: Clock
    ) -> None:
        self._leases = leases
        self._holder = holder
        self._ttl_us = ttl_us
        self._clock = clock
        self.address = ""
        self._held: dict[TenantId, Lease] = {}
        self._seen: dict[TenantId, _Seen] = {}
        self._lock = threading.Lock()

    def holds(self, tenant: TenantId) -> bool:
        """Return whether this process took the tenant's lease and heard of no other."""
        return tenant in self._held

    def epochs(self) -> dict[TenantId, int]:
        """Return the epochs of the leases that this process took, by tenant."""
        # A copy in one step: the lock may be held for as long as the store takes.
        return {tenant: lease.epoch for tenant, lease in self._held.copy().items()}

    def lease(self, tenant: TenantId) -> Lease:
        """
        Return the lease under which this process writes for a tenant.

        Raises
        ------
        NotOwnerError
            If it has none.
        """
        held = self._held.get(tenant)
        if held is None:
            seen = self._seen.get(tenant)
            if seen is None:
                raise NotOwnerError(tenant, "")
            raise NotOwnerError(tenant, seen.state.holder, seen.state.address)
        return held

    def take(self, tenant: TenantId) -> bool:
        """
        Return whether this process has the tenant's lease, taking it if it may.

        To be called several times in ``ttl_us`` while it has not.
        """
        with self._lock:
            if tenant in self._held:
                return True
            state = self._leases.state(tenant)
            if not self._is_free(tenant, state):
                return False
            lease = self._leases.take(tenant, self._holder, state, self.address)
            if lease is None:
                self._see(tenant, self._leases.state(tenant))
                return False
            self._held[tenant] = lease
            self._seen.pop(tenant, None)
            return True

    def take_free(self, tenants: Sequence[TenantId]) -> None:
        """
        Take the leases that this process may have of some tenants, one after the other.

        Ends at one that has changed hands since the last look, or was never looked at:
        whoever took that is about to take the rest, if it wants them. So of servers
        that begin together, one gets them all; what it leaves is there the next time.
        """
        for tenant in tenants:
            before = self._seen.get(tenant)
            if self.take(tenant):
                continue
            seen = self._seen.get(tenant)
            if before is None or seen is None or before.state.lease != seen.state.lease:
                return

    def renew(self) -> list[TenantId]:
        """Let the beats go on; return the tenants whose leases are lost."""
        with self._lock:
            lost = self._leases.renew(list(self._held.values()))
            for lease in lost:
                del self._held[lease.tenant]
            return [lease.tenant for lease in lost]

    def check(self, leases: Sequence[Lease]) -> None:
        """
        Look whether some leases are still the last, where others can take them.

        Raises
        ------
        FencedError
            If one is not.
        """
        if self._leases.is_alone:
            return
        for lease in leases:
            state = self._leases.state(lease.tenant)
            if state is None:
                raise FencedError(lease, "")
            if state.lease != lease:
                raise FencedError(lease, state.holder, state.address)

    def lost(self, lease: Lease) -> None:
        """Take note that a write under a lease was refused."""
        with self._lock:
            if self._held.get(lease.tenant) == lease:
                del self._held[lease.tenant]

    def give_back(self) -> None:
        """Let another process have everything at once."""
        with self._lock:
            held, self._held = list(self._held.values()), {}
            if held:
                self._leases.give_back(held)

    def _is_free(self, tenant: TenantId, state: LeaseState | None) -> bool:
        if state is None or not state.holder or self._leases.is_alone:
            return True
        seen = self._see(tenant, state)
        return seen is not None and self._clock() - seen.since_us >= self._ttl_us

    def _see(self, tenant: TenantId, state: LeaseState | None) -> _Seen | None:
        # What was seen before, if nothing has moved since.
        seen = self._seen.get(tenant)
        if state is None or (seen is not None and seen.state == state):
            return seen
        self._seen[tenant] = _Seen(state, self._clock())
        return None
