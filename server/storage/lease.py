"""Who may write for a shard: one holder at a time, told apart by epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from matcher.domain.errors import NotOwnerError
from matcher.domain.ids import TenantId


@dataclass(frozen=True, slots=True)
class Lease:
    """
    The right to write for a tenant's shard, until the next one is given out.

    ``epoch`` is 1 for the first holder and grows with each: the fencing token of
    Kleppmann's "How to do distributed locking" (2016).
    """

    tenant: TenantId
    epoch: int


class FencedError(NotOwnerError):
    """
    A write under a lease that somebody else has taken over.

    Nothing of it is stored, and nothing under that lease ever will be.
    """

    def __init__(self, lease: Lease, holder: str, address: str = "") -> None:
        super().__init__(lease.tenant, holder, address)
        self.lease = lease


@dataclass(frozen=True, slots=True)
class LeaseState:
    """
    A lease as the store has it.

    Parameters
    ----------
    lease
        The last one that was given out.
    holder
        Who got it; empty once it has been given back.
    beat
        Grows with every write and renewal: a holder whose beat stands still may be
        dead.
    address
        Where callers find the holder; empty if it did not say.
    """

    lease: Lease
    holder: str
    beat: int
    address: str = ""


class Leases(Protocol):
    """
    The leases of a store.

    Whoever writes for a tenant does so under its lease, which the transaction itself
    looks at: a holder that was paused, or cut off, and comes back writes nothing.

    Raises
    ------
    UnavailableError
        From any method, as those of :class:`server.storage.store.Store`.
    """

    @property
    def is_alone(self) -> bool:
        """Whether no other process can have the store open."""

    def state(self, tenant: TenantId) -> LeaseState | None:
        """Return a tenant's lease; ``None`` if there never was one."""

    def take(
        self,
        tenant: TenantId,
        holder: str,
        seen: LeaseState | None,
        address: str = "",
    ) -> Lease | None:
        """
        Give out the next lease of a tenant to a holder, who is called at an address.

        ``seen`` is the state in which the caller found it, ``None`` for none at all.
        Returns ``None`` if it is another by now: of many that have seen the same, one
        gets the lease.
        """

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Let the beats go on; return those leases that are no longer the last."""

    def give_back(self, leases: Sequence[Lease]) -> None:
        """Let the next one have them at once; those that are not the last stay."""
