"""Bugs that the lives of a cluster have to find, each a promise that is not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from server.runtime.shard_host import ShardHost
from server.runtime.watch import GroupTimes
from server.runtime.work import Done, Work
from server.storage.lease import Lease
from server.storage.store import StoredAnswer
from tests.simulation.cluster.disk import Audited, Disk


class AnswersBeforeCommit(ShardHost):
    """Answers a group once it has run, and commits it with the next one."""

    _late: tuple[Any, ...] | None = None

    def process(
        self, group: Sequence[Work], times: GroupTimes | None = None
    ) -> list[Done]:
        """Commit what was answered before, then run this and answer."""
        if self._late is not None:
            late, self._late = self._late, None
            super()._commit(*late)
        return super().process(group, times)

    def _commit(self, *late: Any) -> None:
        self._late = late


class Unfenced(Disk):
    """Writes for whoever says that it owns a shard."""

    def write(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: Sequence[StoredAnswer],
        leases: Sequence[Lease],  # noqa: ARG002 - the bug
        audited: Sequence[Audited],
    ) -> None:
        """Write without a look at the leases."""
        super().write(changes, answers, (), audited)


class CapOutsideTheTransaction(Disk):
    """Writes what the volume cap has counted with the next transaction."""

    _late: dict[TenantId, Changes]

    def write(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: Sequence[StoredAnswer],
        leases: Sequence[Lease],
        audited: Sequence[Audited],
    ) -> None:
        """Write the counts of the transaction before, and keep those of this one."""
        late, self._late = getattr(self, "_late", {}), {}
        rows = []
        for tenant, each in changes:
            self._late[tenant] = Changes(volume_hours=each.volume_hours)
            before = late.get(tenant, Changes()).volume_hours
            rows.append((tenant, replace(each, volume_hours=before)))
        super().write(rows, answers, leases, audited)
