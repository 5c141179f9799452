"""What a group of work costs does not depend on how many tenants are served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from matcher.engine.changes import Changes
from matcher.engine.commands import Tick, UpsertDemands
from matcher.engine.limits import ShardLimits
from matcher.engine.shard import Shard
from matcher.engine.shard_sizes import ShardSizes
from server.runtime.ownership import Ownership
from server.runtime.shard_host import ShardHost, _Lost
from server.runtime.work import Work
from server.storage.opening import open_store
from tests.contract.api_target import HandClock
from tests.scenarios.entities import SECOND_US, demand

TENANTS = [TenantId(f"t-{number}") for number in range(5)]
ONE, OTHER = TENANTS[2], TENANTS[0]
LIMITS = ShardLimits()


@pytest.fixture
def clock() -> HandClock:
    """Return a clock at noon."""
    return HandClock()


@pytest.fixture
def host(tmp_path: Path, clock: HandClock) -> Iterator[ShardHost]:
    """Give a host of five tenants."""
    with closing(open_store(f"sqlite:///{tmp_path / 'test.db'}")) as store:
        ownership = Ownership(store.leases(), "test", ttl_us=1, clock=lambda: 0)
        assert all(map(ownership.take, TENANTS))
        host = ShardHost(store, clock, ownership, lambda _: LIMITS)
        host.start(TENANTS)
        yield host


def _demand(tenant: TenantId, name: str, ship_by_us: int) -> Work:
    command = UpsertDemands((demand(name, ship_by_us=ship_by_us),), ("",))
    return Work(tenant, lambda shard, now_us: shard.apply(command, now_us))


def test_a_group_asks_nobody_elses_shard_for_anything(
    host: ShardHost, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two tenants' work the others' shards hear nothing (R68)."""
    asked: list[str] = []
    take_changes, sizes = Shard.take_changes, Shard.sizes

    def noting_changes(shard: Shard) -> Changes:
        asked.append(shard._tenant)
        return take_changes(shard)

    def noting_sizes(shard: Shard) -> ShardSizes:
        asked.append(shard._tenant)
        return sizes(shard)

    monkeypatch.setattr(Shard, "take_changes", noting_changes)
    monkeypatch.setattr(Shard, "sizes", noting_sizes)
    ends_us = clock.now_us + SECOND_US
    for done in host.process(
        [_demand(ONE, "d", ends_us), _demand(OTHER, "d", ends_us)]
    ):
        assert done.error is None
    assert set(asked) == {ONE, OTHER}
    assert len(asked) == 4


def test_only_shards_with_something_due_are_unsettled(
    host: ShardHost, clock: HandClock
) -> None:
    """Who has nothing due is not in the group that time alone makes."""
    host.process([_demand(ONE, "d", clock.now_us + SECOND_US)])
    host.process([_demand(OTHER, "d", clock.now_us + 2 * SECOND_US)])
    assert host.unsettled() == []
    clock.now_us += SECOND_US
    assert host.unsettled() == [ONE]
    host.process([Work(ONE, lambda shard, now_us: shard.apply(Tick(), now_us))])
    assert host.unsettled() == []


def test_a_shard_that_has_to_be_built_is_unsettled(host: ShardHost) -> None:
    """What came due meanwhile is only known once it is there."""
    host._lose(ONE, UnavailableError("gone"), _Lost())
    assert host.unsettled() == [ONE]


def test_sizes_are_told_of_shards_in_memory_alone(
    host: ShardHost, clock: HandClock
) -> None:
    """Of one that was lost nothing is told until it is there again."""
    assert [*host.sizes()] == TENANTS
    host._lose(ONE, UnavailableError("gone"), _Lost())
    assert {*host.sizes()} == {*TENANTS} - {ONE}
    host.process([_demand(ONE, "d", clock.now_us + SECOND_US)])
    assert host.sizes()[ONE].demand_count == 1


def test_rounds_of_one_tenant_are_asked_of_its_shard_alone(host: ShardHost) -> None:
    """Nothing is due anywhere, and nobody else is looked at."""
    host._shards[OTHER] = None  # type: ignore[assignment]
    assert host.due_us(ONE) == ({}, {})


def test_other_limits_hold_from_the_next_group_on(
    host: ShardHost, clock: HandClock
) -> None:
    """The same limits are not looked at again; others are, and the first ones anew."""
    held = [ShardLimits(demand_count_max=1), ShardLimits(demand_count_max=2)]
    ends_us = clock.now_us + SECOND_US
    for limits, name, is_taken in (
        (held[0], "d1", True),
        (held[0], "d2", False),
        (held[1], "d2", True),
        (held[0], "d3", False),
        (LIMITS, "d3", True),
    ):
        host._limits = lambda _, limits=limits: limits  # type: ignore[misc]
        (done,) = host.process([_demand(ONE, name, ends_us)])
        assert (done.error is None) == is_taken, name
