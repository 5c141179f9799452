"""One piece of work for the engine thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from matcher.domain.ids import TenantId
from matcher.engine.commands import Command
from matcher.engine.shard import Shard
from server.storage.audit_entry import AuditEntry


@dataclass(frozen=True, slots=True)
class Work:
    """
    What to do with a tenant's shard, and how to say what came of it.

    ``run`` takes the shard and the instant and returns the value that the caller
    gets after the commit. With a ``request_id`` that value is the response as bytes,
    kept in the same transaction; a repetition gets it without running again.
    ``command`` is what it will apply, if anything, so that look-ups can be shared.
    ``noted`` is what it adds to the audit log, which ``run`` may fill. ``is_quick``
    says that it takes less than a thousandth of a second.
    """

    tenant: TenantId
    run: Callable[[Shard, int], object]
    request_id: str = ""
    payload_hash: str = ""
    command: Command | None = None
    noted: list[AuditEntry] = field(default_factory=list)
    is_quick: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The value that a work gave, or the exception that it ended with."""

    value: object = None
    error: BaseException | None = None
