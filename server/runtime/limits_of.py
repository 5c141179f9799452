"""What each tenant's shard may hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from matcher.domain.ids import TenantId
from matcher.engine.limits import ShardLimits

#: Gives the limits of a tenant's shard as they are now: how much it may hold may
#: change while it runs, how early it acts may not.
LimitsOf: TypeAlias = Callable[[TenantId], ShardLimits]

_NO_COUNT_MAX = 2**63 - 1


def same_limits(limits: ShardLimits | None = None) -> LimitsOf:
    """Give every tenant the same limits; those of a shard by default."""
    found = limits or ShardLimits()
    return lambda _: found


def past_limits(limits: ShardLimits) -> ShardLimits:
    """Return limits to live a past again that kept to others: it refuses nothing."""
    return replace(limits, demand_count_max=_NO_COUNT_MAX, pool_count_max=_NO_COUNT_MAX)
