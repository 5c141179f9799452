"""One real store under several servers, that fails where it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TypeAlias

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from server.storage.audit_entry import AuditEntry
from server.storage.database import Database
from server.storage.lease import Lease
from server.storage.sql_store import SqlStore
from server.storage.store import StoredAnswer

#: An entry of the audit log, and whose it is.
Audited: TypeAlias = tuple[TenantId, AuditEntry]


class Fault(Enum):
    """What becomes of a commit."""

    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()
    FAILED = auto()
    UNKNOWN = auto()


class CrashError(BaseException):
    """The process is gone; nothing in it may catch this."""


class Disk(SqlStore):
    """
    A store that tells of each commit, and may fail at the next.

    Parameters
    ----------
    database
        A real one; other servers of the test use it too.
    committed
        Told of what each commit stored, and under which leases.
    """

    def __init__(
        self,
        database: Database,
        committed: Callable[[Sequence[Changes], Sequence[Lease]], None],
    ) -> None:
        database.is_alone = False
        super().__init__(database)
        self._committed = committed
        self.next_fault: Fault | None = None

    def commit(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: Sequence[StoredAnswer] = (),
        leases: Sequence[Lease] = (),
        audited: Sequence[Audited] = (),
    ) -> None:
        """Commit, unless the fault that is due says otherwise."""
        fault, self.next_fault = self.next_fault, None
        if fault is Fault.CRASH_BEFORE:
            raise CrashError
        if fault is Fault.FAILED:
            raise UnavailableError("the disk is full")
        self.write(changes, answers, leases, audited)
        self._committed([each for _, each in changes], leases)
        if fault is Fault.CRASH_AFTER:
            raise CrashError
        if fault is Fault.UNKNOWN:
            raise UnavailableError("the connection broke during the commit")

    def write(
        self,
        changes: Sequence[tuple[TenantId, Changes]],
        answers: Sequence[StoredAnswer],
        leases: Sequence[Lease],
        audited: Sequence[Audited],
    ) -> None:
        """Write as the store does."""
        super().commit(changes, answers, leases, audited)
