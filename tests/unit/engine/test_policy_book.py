"""Policy versions: numbered, immutable, at most one in force."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.errors import NotFoundError
from matcher.domain.policy import PolicyState
from matcher.domain.policy_change import Dimension
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.policy_book import PolicyBook
from tests.scenarios import NOW_US, SIGNED, MemoryStore, policy


def _book() -> tuple[PolicyBook, Ledger]:
    ledger = Ledger(MemoryStore(), LiveRows())
    return PolicyBook(ledger, LiveRows()), ledger


def test_no_policy_at_first() -> None:
    """Nothing is in force until somebody says so (R27)."""
    book, _ = _book()
    assert book.active is None


def test_created_is_not_in_force() -> None:
    """Numbers are the book's own, 1 then 2, whatever the document says."""
    book, ledger = _book()
    records = [
        book.create(policy(version=77), NOW_US, validate_only=False) for _ in range(2)
    ]
    assert [record.policy.version for record in records] == [1, 2]
    assert {record.state for record in records} == {PolicyState.CREATED}
    assert book.active is None
    assert ledger.take_changes().policies == {1: records[0], 2: records[1]}


def test_only_checked_is_not_stored() -> None:
    """The answer is what would be stored; the next number stays free."""
    book, ledger = _book()
    first = book.create(policy(), NOW_US, validate_only=True)
    assert not ledger.take_changes()
    assert book.create(policy(), NOW_US, validate_only=False) == first
    with pytest.raises(NotFoundError):
        book.activate(2, tuple(Dimension), SIGNED, NOW_US)


def test_activating_retires_the_one_before() -> None:
    """1, then 2, then 1 again: a rollback is an activation (R30)."""
    book, ledger = _book()
    for number in (1, 2):
        book.create(policy(description=str(number)), NOW_US, validate_only=False)
    for now_us, version in enumerate((1, 2, 1), NOW_US):
        record = book.activate(version, tuple(Dimension), SIGNED, now_us)
        assert (record.state, record.activated_us) == (PolicyState.ACTIVE, now_us)
        assert book.active is not None
        assert book.active.version == version
    states = {v: r.state for v, r in ledger.take_changes().policies.items()}
    assert states == {1: PolicyState.ACTIVE, 2: PolicyState.RETIRED}


def test_activating_again_changes_nothing() -> None:
    """The instant of the first activation stands."""
    book, ledger = _book()
    book.create(policy(), NOW_US, validate_only=False)
    first = book.activate(1, tuple(Dimension), SIGNED, NOW_US)
    ledger.take_changes()
    assert book.activate(1, tuple(Dimension), SIGNED, NOW_US + 5) == first
    assert not ledger.take_changes()


def test_an_unknown_version_is_not_found() -> None:
    """The one in force stays in force."""
    book, ledger = _book()
    book.create(policy(), NOW_US, validate_only=False)
    book.activate(1, tuple(Dimension), SIGNED, NOW_US)
    ledger.take_changes()
    with pytest.raises(NotFoundError):
        book.activate(2, tuple(Dimension), SIGNED, NOW_US)
    assert book.active is not None
    assert not ledger.take_changes()


def test_a_restart_knows_what_is_in_force() -> None:
    """The active version and the next number come from the rows (I12)."""
    book, ledger = _book()
    for _ in range(3):
        book.create(policy(), NOW_US, validate_only=False)
    book.activate(2, tuple(Dimension), SIGNED, NOW_US)
    rows = LiveRows(policies=tuple(ledger.take_changes().policies.values()))
    again = PolicyBook(Ledger(MemoryStore(), rows), rows)
    assert again.active == replace(policy(), version=2)
    assert again.create(policy(), NOW_US, validate_only=True).policy.version == 4
