"""One piece of work for the engine thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matcher.domain.ids import TenantId
from matcher.engine.commands import Command
from matcher.engine.shard import Shard


@dataclass(frozen=True, slots=True)
class Work:
    """
    What to do with a tenant's shard, and how to say what came of it.

    ``run`` takes the shard and the instant and returns the value that the caller
    gets after the commit. With a ``request_id`` that value is the response as bytes,
    kept in the same transaction; a repetition gets it without running again.
    ``command`` is what it will apply, if anything, so that look-ups can be shared.
    """

    tenant: TenantId
    run: Callable[[Shard, int], object]
    request_id: str = ""
    payload_hash: str = ""
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The value that a work gave, or the exception that it ended with."""

    value: object = None
    error: BaseException | None = None
