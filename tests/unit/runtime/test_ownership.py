"""When a server may decide for a shard, with clocks that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.errors import NotOwnerError
from matcher.domain.ids import TenantId
from server.runtime.ownership import Ownership
from server.storage.lease import Lease
from server.storage.opening import open_store
from server.storage.sql_leases import SqlLeases
from server.storage.sql_store import SqlStore

TENANT, OTHER = TenantId("brand"), TenantId("other")
TTL_US = 5_000_000


class SharedLeases(SqlLeases):
    """Leases of a real store, as of one that other processes can open too."""

    is_alone = False


class HandClock:
    """A clock that tests move."""

    now_us = 0

    def __call__(self) -> int:
        """Return where it stands."""
        return self.now_us


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


@pytest.fixture(name="clock")
def _clock() -> HandClock:
    return HandClock()


def _server(store: SqlStore, name: str, clock: HandClock) -> Ownership:
    leases = SharedLeases(store._database)
    return Ownership(leases, name, ttl_us=TTL_US, clock=clock)


def test_a_free_shard_is_taken_at_once(store: SqlStore, clock: HandClock) -> None:
    """Nobody ever had it: the first to ask does, and is asked no further."""
    first = _server(store, "a", clock)
    with pytest.raises(NotOwnerError, match="no owner yet"):
        first.lease(TENANT)
    assert first.take(TENANT)
    assert first.take(TENANT)
    assert first.lease(TENANT).epoch == 1
    assert not first.holds(OTHER)


def test_a_living_holder_is_left_alone(store: SqlStore, clock: HandClock) -> None:
    """As long as its beat goes on, however long that is; the error names it."""
    first, second = _server(store, "a", clock), _server(store, "b", clock)
    first.take(TENANT)
    for _ in range(10):
        assert not second.take(TENANT)
        clock.now_us += TTL_US - 1
        assert not second.take(TENANT)
        assert first.renew() == []
    with pytest.raises(NotOwnerError, match="with server a"):
        second.lease(TENANT)


def test_a_silent_holder_is_replaced(store: SqlStore, clock: HandClock) -> None:
    """Not a microsecond early by the watcher's clock, whenever it began to watch."""
    first, second = _server(store, "a", clock), _server(store, "b", clock)
    first.take(TENANT)
    clock.now_us += 10 * TTL_US
    assert not second.take(TENANT)
    clock.now_us += TTL_US - 1
    assert not second.take(TENANT)
    clock.now_us += 1
    assert second.take(TENANT)
    # The first one does not know yet, and learns it at its next renewal or write.
    assert first.holds(TENANT)
    assert first.renew() == [TENANT]
    assert not first.holds(TENANT)
    assert not first.take(TENANT)


def test_of_two_that_watch_one_gets_it(store: SqlStore, clock: HandClock) -> None:
    """The other sees a new lease, and begins to watch that."""
    _server(store, "a", clock).take(TENANT)
    watchers = [_server(store, each, clock) for each in ("b", "c")]
    assert [each.take(TENANT) for each in watchers] == [False, False]
    clock.now_us += TTL_US
    assert [each.take(TENANT) for each in watchers] == [True, False]
    clock.now_us += TTL_US - 1
    assert not watchers[1].take(TENANT)


def test_what_is_given_back_is_free_at_once(store: SqlStore, clock: HandClock) -> None:
    """A holder that ends in order leaves nobody waiting."""
    first, second = _server(store, "a", clock), _server(store, "b", clock)
    first.take(TENANT)
    assert not second.take(TENANT)
    first.give_back()
    assert not first.holds(TENANT)
    assert second.take(TENANT)
    first.give_back()
    assert second.renew() == []


def test_a_refused_write_is_noted_once(store: SqlStore, clock: HandClock) -> None:
    """The loss of an old lease does not take away one that came after it."""
    first = _server(store, "a", clock)
    first.take(TENANT)
    old = first.lease(TENANT)
    first.lost(old)
    assert not first.holds(TENANT)
    first.take(TENANT)
    clock.now_us += TTL_US
    assert first.take(TENANT)
    first.lost(old)
    assert first.lease(TENANT).epoch == 2


def test_a_store_of_ones_own_is_not_watched(store: SqlStore, clock: HandClock) -> None:
    """Whoever had an embedded store is gone if it can be opened."""
    _server(store, "a", clock).take(TENANT)
    again = Ownership(store.leases(), "b", ttl_us=TTL_US, clock=clock)
    assert again.take(TENANT)
    assert again.lease(TENANT).epoch == 2


def test_of_two_that_begin_together_one_gets_all(
    store: SqlStore, clock: HandClock
) -> None:
    """One of them has the first shard when the other comes: that one takes no other."""
    first, second = _server(store, "a", clock), _server(store, "b", clock)
    first.take(TENANT)
    second.take_free([TENANT, OTHER])
    first.take_free([TENANT, OTHER])
    assert [sorted(each.epochs()) for each in (first, second)] == [[TENANT, OTHER], []]


def test_of_two_that_take_over_together_one_gets_all(
    store: SqlStore, clock: HandClock
) -> None:
    """Both have watched both shards of one that fell silent; one is a step ahead."""
    _server(store, "a", clock).take_free([TENANT, OTHER])
    watchers = [_server(store, each, clock) for each in ("b", "c")]
    for _ in range(2):
        for each in watchers:
            each.take_free([TENANT, OTHER])
    clock.now_us += TTL_US
    watchers[0].take(TENANT)
    watchers[1].take_free([TENANT, OTHER])
    watchers[0].take_free([TENANT, OTHER])
    assert [len(each.epochs()) for each in watchers] == [2, 0]


class OutrunLeases(SharedLeases):
    """Leases that somebody else takes in the very moment."""

    def take(self, *asked: Any, **more: Any) -> Lease | None:
        """Let the other one be first, once."""
        tenant, _, seen, *_ = asked
        if tenant == TENANT:
            super().take(tenant, "quicker", seen)
        return super().take(*asked, **more)


def test_who_is_outrun_takes_nothing_else(store: SqlStore, clock: HandClock) -> None:
    """It saw the first shard free and so did another: that one will have both."""
    _server(store, "a", clock).take_free([TENANT, OTHER])
    outrun = OutrunLeases(store._database)
    second = Ownership(outrun, "b", ttl_us=TTL_US, clock=clock)
    for _ in range(2):
        second.take_free([TENANT, OTHER])
    clock.now_us += TTL_US
    second.take_free([TENANT, OTHER])
    assert second.epochs() == {}
    with pytest.raises(NotOwnerError, match="with server quicker"):
        second.lease(TENANT)


def test_what_another_leaves_is_taken_in_the_end(
    store: SqlStore, clock: HandClock
) -> None:
    """It has one shard, lives, and wants no other: the second look passes it over."""
    first, second = _server(store, "a", clock), _server(store, "b", clock)
    first.take(TENANT)
    second.take_free([TENANT, OTHER])
    first.renew()
    second.take_free([TENANT, OTHER])
    assert sorted(second.epochs()) == [OTHER]
