"""A shard in force, and one that has made its first match."""

from __future__ import annotations

import pytest

from tests.scenarios import (
    HOUR_US,
    NOW_US,
    RunningShard,
    demand,
    policy,
    return_item,
)


@pytest.fixture(name="shard")
def _shard() -> RunningShard:
    """Put a policy in force, and nothing else."""
    shard = RunningShard()
    shard.activate(policy())
    return shard


@pytest.fixture(name="matched")
def _matched(shard: RunningShard) -> RunningShard:
    """Match r1 with the only unit of d1, held for an hour."""
    shard.upsert(demand())
    shard.submit(return_item())
    shard.round()
    assert shard.match().hold_expire_us == NOW_US + HOUR_US
    return shard
