"""How far a sink has the log: kept by tenant and sink, on every store."""

from __future__ import annotations

import pytest

from server.storage.lease import FencedError, LeaseState
from server.storage.store import Store
from tests.contract.store.conftest import Opener
from tests.contract.store.rows import (
    BRAND,
    INT64_MAX,
    OTHER,
    changes_of,
    decision_row,
    demand_row,
)

SINK, SECOND = "nats/ONE", "nats/TWO"


def test_a_new_sink_has_nothing(store: Store) -> None:
    """Whatever the log holds, a sink that nobody spoke of begins before it."""
    assert store.relayed(BRAND, SINK) == 0
    store.commit([(BRAND, changes_of(decision_row(1)))])
    assert store.relayed(BRAND, SINK) == 0


def test_each_tenant_and_sink_has_a_place_of_its_own(store: Store) -> None:
    """Three of four pairs are set: none shows the place of another."""
    store.keep_relayed(BRAND, SINK, 3)
    store.keep_relayed(BRAND, SECOND, 5)
    store.keep_relayed(OTHER, SINK, 7)
    found = [
        store.relayed(tenant, sink)
        for tenant in (BRAND, OTHER)
        for sink in (SINK, SECOND)
    ]
    assert found == [3, 5, 7, 0]


@pytest.mark.parametrize("sequence", [1, 9, INT64_MAX, 0])
def test_the_place_is_the_last_that_was_kept(store: Store, sequence: int) -> None:
    """Higher or lower: a sink may have to be given the log again."""
    store.keep_relayed(BRAND, SINK, 4)
    store.keep_relayed(BRAND, SINK, sequence)
    assert store.relayed(BRAND, SINK) == sequence


def test_the_place_is_moved_under_the_last_lease_only(store: Store) -> None:
    """One that slept through its succession moves it neither way; a beat is counted."""
    leases = store.leases()
    old = leases.take(BRAND, "a", None)
    assert old is not None
    store.keep_relayed(BRAND, SINK, 4, [old])
    new = leases.take(BRAND, "b", leases.state(BRAND))
    assert new is not None
    for sequence in (3, 9):
        with pytest.raises(FencedError, match="with server b"):
            store.keep_relayed(BRAND, SINK, sequence, [old])
    assert store.relayed(BRAND, SINK) == 4
    store.keep_relayed(BRAND, SINK, 5, [new])
    assert store.relayed(BRAND, SINK) == 5
    assert leases.state(BRAND) == LeaseState(new, "b", 1)


def test_the_place_outlives_the_store_that_kept_it(opener: Opener) -> None:
    """Closed and opened again, it goes on where it was; the tenant is known by it."""
    first = opener()
    first.keep_relayed(BRAND, SINK, 4)
    first.close()
    second = opener()
    assert second.relayed(BRAND, SINK) == 4
    assert second.tenants() == [BRAND]
    second.close()


def test_the_end_of_the_log_is_its_last_number(store: Store) -> None:
    """Counted by tenant; rows of other kinds leave it where it is."""
    assert store.log_end(BRAND) == 0
    store.commit([(BRAND, changes_of(decision_row(1), decision_row(2)))])
    store.commit([(BRAND, changes_of(demand_row()))])
    store.commit([(OTHER, changes_of(decision_row(1, "theirs")))])
    assert (store.log_end(BRAND), store.log_end(OTHER)) == (2, 1)
