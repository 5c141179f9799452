"""Leases on a SQL database, and the fence in every transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from matcher.domain.ids import TenantId
from server.storage.database import Database
from server.storage.lease import FencedError, Lease, LeaseState
from server.storage.prepared import Asked, Found, execute, fetch
from server.storage.tables import leases as table

_STATE = select(table.c.epoch, table.c.holder, table.c.beat, table.c.address).where(
    table.c.tenant == bindparam("tenant_")
)
_FIRST = insert(table)

#: Lets a beat go on, if the lease is the last; parameters: tenant_, epoch_.
# The row is locked until the end of the transaction, whoever comes first: a lease that
# is taken over meanwhile is taken over before this, or after what is written here.
BEAT = (
    update(table)
    .where(table.c.tenant == bindparam("tenant_"), table.c.epoch == bindparam("epoch_"))
    .values(beat=table.c.beat + 1)
)
_NEXT = (
    update(table)
    .where(
        table.c.tenant == bindparam("tenant_"),
        table.c.epoch == bindparam("epoch_"),
        table.c.beat == bindparam("beat_"),
    )
    .values(
        epoch=table.c.epoch + 1,
        holder=bindparam("holder_"),
        beat=0,
        address=bindparam("address_"),
    )
)
_GIVE_BACK = BEAT.values(holder="", beat=table.c.beat + 1, address="")


class SqlLeases:
    """
    Implements :class:`server.storage.lease.Leases` on a database.

    Parameters
    ----------
    database
        Connections, the tables being at the head revision.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_alone(self) -> bool:
        """Whether no other process can have the store open."""
        return self._database.is_alone

    def state(self, tenant: TenantId) -> LeaseState | None:
        """Return a tenant's lease; ``None`` if there never was one."""
        rows = self._database.fetch("read a lease", _STATE, {"tenant_": tenant})
        return _state_of(tenant, rows)

    def take(
        self,
        tenant: TenantId,
        holder: str,
        seen: LeaseState | None,
        address: str = "",
    ) -> Lease | None:
        """Give out the next lease of a tenant, unless it is another by now."""
        with self._database.writing("take a lease") as connection:
            if seen is None:
                if _state(connection, tenant) is not None:
                    return None
                first = {"epoch": 1, "holder": holder, "beat": 0, "address": address}
                execute(connection, _FIRST, {"tenant": tenant, **first})
                return Lease(tenant, 1)
            found = execute(
                connection,
                _NEXT,
                {
                    **_parameters(seen.lease),
                    "beat_": seen.beat,
                    "holder_": holder,
                    "address_": address,
                },
            )
            return Lease(tenant, seen.lease.epoch + 1) if found.rowcount else None

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Let the beats go on; return those leases that are no longer the last."""
        asked = beats(leases)
        with self._database.writing_knowing("renew leases", asked) as (_, found):
            pairs = zip(leases, found, strict=True)
            return [each for each, beaten in pairs if not beaten.row_count]

    def give_back(self, leases: Sequence[Lease]) -> None:
        """Let the next one have them at once; those that are not the last stay."""
        with self._database.writing("give leases back") as connection:
            for each in leases:
                execute(connection, _GIVE_BACK, _parameters(each))


def beats(leases: Sequence[Lease]) -> list[Asked]:
    """Return what lets the beats of leases go on, where they are the last."""
    return [Asked(BEAT, _parameters(each)) for each in leases]


def fence(
    connection: Connection, leases: Sequence[Lease], found: Sequence[Found]
) -> None:
    """
    Let a transaction go on only under leases that are the last of their tenants.

    Parameters
    ----------
    connection
        In the transaction.
    leases
        All that it is under.
    found
        What their :func:`beats` found, with which the transaction began: nobody
        takes a lease over between them and the commit.

    Raises
    ------
    FencedError
        If one of them is not; it names who has the tenant's shard now.
    """
    for lease, beaten in zip(leases, found, strict=True):
        if not beaten.row_count:
            now = _state(connection, lease.tenant)
            if now is None:
                raise FencedError(lease, "")
            raise FencedError(lease, now.holder, now.address)


def _state(connection: Connection, tenant: TenantId) -> LeaseState | None:
    return _state_of(tenant, fetch(connection, _STATE, {"tenant_": tenant}))


def _state_of(tenant: TenantId, rows: Sequence[tuple[Any, ...]]) -> LeaseState | None:
    for epoch, holder, beat, address in rows:
        return LeaseState(Lease(tenant, epoch), holder, beat, address)
    return None


def _parameters(lease: Lease) -> dict[str, object]:
    return {"tenant_": lease.tenant, "epoch_": lease.epoch}
