"""Leases: one holder at a time, and a fence in every transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from matcher.domain.errors import UnavailableError
from matcher.domain.ids import TenantId
from server.storage.lease import FencedError, Lease, LeaseState
from server.storage.store import Store
from tests.contract.store.conftest import Opener
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    answer_row,
    changes_of,
    demand_row,
)


def _state(store: Store, tenant: TenantId = BRAND) -> LeaseState:
    found = store.leases().state(tenant)
    assert found is not None
    return found


def _take(store: Store, holder: str, tenant: TenantId = BRAND) -> Lease:
    leases = store.leases()
    taken = leases.take(tenant, holder, leases.state(tenant))
    assert taken is not None
    return taken


def test_first_lease_has_epoch_one(store: Store) -> None:
    """Before anybody took it there is none; the holder and its epoch are kept."""
    assert store.leases().state(BRAND) is None
    assert _take(store, "a") == Lease(BRAND, 1)
    assert _state(store) == LeaseState(Lease(BRAND, 1), "a", 0)
    assert store.leases().state(OTHER) is None


def test_a_lease_says_where_its_holder_is(store: Store) -> None:
    """Kept by beats, told to whoever is fenced, and gone with the holder."""
    leases = store.leases()
    old = leases.take(BRAND, "a", None, "one:1")
    assert old is not None
    assert leases.renew([old]) == []
    assert _state(store).address == "one:1"
    new = leases.take(BRAND, "b", _state(store), "two:2")
    assert new is not None
    with pytest.raises(FencedError, match="with server b at two:2") as caught:
        store.commit([(BRAND, changes_of(demand_row()))], leases=[old])
    assert (caught.value.holder, caught.value.address) == ("b", "two:2")
    leases.give_back([new])
    assert _state(store).address == ""


def test_a_lease_is_no_data(store: Store) -> None:
    """A tenant of whom there is a lease and nothing else is not listed."""
    _take(store, "a")
    assert store.tenants() == []


def test_each_holder_has_an_epoch_of_its_own(store: Store, opener: Opener) -> None:
    """Epochs grow by one, a holder that takes its own again included, for good."""
    assert [_take(store, each).epoch for each in ("a", "b", "b")] == [1, 2, 3]
    store.close()
    again = opener()
    try:
        assert _state(again).lease.epoch == 3
        assert _take(again, "c").epoch == 4
    finally:
        again.close()


@pytest.mark.parametrize("is_first", [True, False])
def test_of_many_that_saw_the_same_one_gets_it(store: Store, is_first: bool) -> None:
    """Eight threads want what they all saw: one has it, the others have nothing."""
    if not is_first:
        _take(store, "z")
    seen = store.leases().state(BRAND)
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda at: store.leases().take(BRAND, f"{at}", seen), range(8))
        )
    (got,) = [at for at, lease in enumerate(found) if lease is not None]
    assert _state(store) == LeaseState(found[got], f"{got}", 0)


def test_a_beat_in_between_keeps_the_lease(store: Store) -> None:
    """Whoever saw a lease before its holder's next write does not get it."""
    lease = _take(store, "a")
    seen = _state(store)
    store.commit([(BRAND, changes_of(demand_row()))], leases=[lease])
    assert store.leases().take(BRAND, "b", seen) is None
    assert _state(store) == LeaseState(lease, "a", 1)


def test_every_write_and_renewal_is_a_beat(store: Store) -> None:
    """Commits of rows, of answers alone, and renewals each let the beat go on."""
    lease = _take(store, "a")
    store.commit([(BRAND, changes_of(demand_row()))], leases=[lease])
    store.commit([], [answer_row()], [lease])
    assert store.leases().renew([lease]) == []
    assert _state(store).beat == 3


def test_an_old_lease_writes_nothing(store: Store) -> None:
    """FencedError names the holder of now; neither rows nor answers are stored."""
    old, other = _take(store, "a"), _take(store, "a", OTHER)
    new = _take(store, "b")
    with pytest.raises(FencedError, match="with server b") as caught:
        store.commit(
            [(BRAND, changes_of(demand_row())), (OTHER, changes_of(demand_row()))],
            [answer_row()],
            [other, old],
        )
    assert caught.value.lease == old
    assert store.tenants() == []
    assert store.answer(BRAND, "q1") is None
    assert _state(store, OTHER).beat == 0
    store.commit([(BRAND, changes_of(demand_row()))], [answer_row()], [new])
    assert store.tenants() == [BRAND]


def test_renewal_says_what_is_lost(store: Store) -> None:
    """A lease that somebody else has is returned, the others go on."""
    old, other = _take(store, "a"), _take(store, "a", OTHER)
    _take(store, "b")
    assert store.leases().renew([old, other]) == [old]
    assert (_state(store).beat, _state(store, OTHER).beat) == (0, 1)
    assert store.leases().renew([]) == []


def test_given_back_has_no_holder(store: Store) -> None:
    """The lease stays the last, without a holder; an older one gives nothing back."""
    old = _take(store, "a")
    new = _take(store, "b")
    store.leases().give_back([old])
    assert _state(store).holder == "b"
    store.leases().give_back([new])
    assert _state(store) == LeaseState(new, "", 1)


def test_closed_store_gives_out_nothing(store: Store) -> None:
    """Every method is UNAVAILABLE once the store is shut."""
    lease = _take(store, "a")
    leases = store.leases()
    store.close()
    for call in (
        lambda: leases.state(BRAND),
        lambda: leases.take(BRAND, "b", None),
        lambda: leases.renew([lease]),
        lambda: leases.give_back([lease]),
    ):
        with pytest.raises(UnavailableError, match="closed"):
            call()
