"""How the runtime stands, in numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matcher.domain.ids import TenantId
from matcher.engine.shard_sizes import ShardSizes


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """
    How the runtime stands; read without waiting for anything.

    ``queue_lengths`` are of the tenants that have work waiting. ``sizes`` are as of the
    last group of each shard that is here; ``epochs`` are those of the leases that are
    held, of the ``wanted_count`` that it is to have.
    """

    queue_lengths: Mapping[TenantId, int]
    wanted_count: int
    epochs: Mapping[TenantId, int]
    sizes: Mapping[TenantId, ShardSizes]
