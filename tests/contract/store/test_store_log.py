"""The decision log and the numbers that are given out, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from matcher.domain.ids import ReturnId, TenantId
from matcher.domain.match import HoldState
from matcher.engine.changes import Changes
from server.storage.audit_entry import AuditAction, AuditEntry
from server.storage.store import LoggedDecision, Store
from tests.contract.store.conftest import Opener
from tests.contract.store.rows import (
    BRAND,
    OTHER,
    changes_of,
    decision_row,
    demand_row,
    match_row,
    program_event_row,
    program_row,
    round_row,
)


def test_log_is_numbered_without_gaps(store: Store) -> None:
    """Commits of 2, 0 and 3 decisions give 1 to 5 in their order, by tenant."""
    decisions = [decision_row(number) for number in (1, 2, 3, 4, 5)]
    store.commit([(BRAND, changes_of(*decisions[:2]))])
    store.commit([(OTHER, changes_of(decision_row(1, "theirs")))])
    store.commit([(BRAND, changes_of(demand_row()))])
    store.commit([(BRAND, changes_of(*decisions[2:]))])
    assert store.decisions_after(BRAND, 0, 99) == [
        LoggedDecision(sequence, decision)
        for sequence, decision in enumerate(decisions, 1)
    ]
    assert store.decisions_after(OTHER, 0, 99) == [
        LoggedDecision(1, decision_row(1, "theirs"))
    ]


def test_log_keeps_the_order_of_the_commit(store: Store) -> None:
    """Ids that fall within a commit of two entries keep the order they came in."""
    falling = [decision_row(number) for number in (9, 8, 7)]
    store.commit([(BRAND, changes_of(*falling[:2])), (BRAND, changes_of(falling[2]))])
    logged = store.decisions_after(BRAND, 0, 99)
    assert [entry.decision for entry in logged] == falling
    assert [entry.sequence for entry in logged] == [1, 2, 3]


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        (0, 2, [1, 2]),
        (2, 2, [3, 4]),
        (4, 2, [5]),
        (5, 2, []),
        (99, 2, []),
        (0, 0, []),
        (-1, 9, [1, 2, 3, 4, 5]),
        (3, 2**31, [4, 5]),
    ],
)
def test_log_goes_on_behind_a_cursor(
    store: Store, after: int, limit: int, expected: list[int]
) -> None:
    """A reader with any cursor gets the next entries of five, at most as asked."""
    store.commit([(BRAND, changes_of(*map(decision_row, range(1, 6))))])
    found = store.decisions_after(BRAND, after, limit)
    assert [entry.sequence for entry in found] == expected


def test_decisions_of_a_return_are_oldest_first(store: Store) -> None:
    """Three of one item, with another's between them, in the order of the log."""
    mine = decision_row(1, "r1"), decision_row(3, "r1"), decision_row(4, "r1")
    theirs = decision_row(2, "r2")
    store.commit([(BRAND, changes_of(mine[0], theirs))])
    store.commit([(BRAND, changes_of(*mine[1:]))])
    assert store.decisions_of(BRAND, ReturnId("r1")) == list(mine)
    assert store.decisions_of(BRAND, ReturnId("r2")) == [theirs]
    assert store.decisions_of(BRAND, ReturnId("r3")) == []
    assert store.decisions_of(OTHER, ReturnId("r1")) == []


def _counters(store: Store, tenant: TenantId = BRAND) -> tuple[int, int, int]:
    rows = store.load(tenant)
    return rows.decision_count, rows.match_count, rows.round_count


def test_counters_are_the_highest_numbers_given_out(store: Store) -> None:
    """Gaps, falling order and rows no longer live do not lower them."""
    assert _counters(store) == (0, 0, 0)
    released = match_row(12, hold_state=HoldState.RELEASED)
    store.commit(
        [(BRAND, changes_of(decision_row(7), decision_row(3), released, round_row(5)))]
    )
    assert _counters(store) == (7, 12, 5)
    # An older match changes, as a hold that ends does: no number is given out.
    store.commit([(BRAND, changes_of(match_row(2), demand_row()))])
    assert _counters(store) == (7, 12, 5)
    store.commit([(BRAND, changes_of(round_row(6)))])
    assert _counters(store) == (7, 12, 6)
    assert _counters(store, OTHER) == (0, 0, 0)


def test_counters_compare_as_numbers(store: Store) -> None:
    """10^12 has one digit more than the padding: as a text it would be lower."""
    top = 10**12
    for number in (top - 1, top, 1):
        rows = decision_row(number), match_row(number), round_row(number)
        store.commit([(BRAND, changes_of(*rows))])
    assert _counters(store) == (top, top, top)


def test_log_and_counters_go_on_after_a_restart(store: Store, opener: Opener) -> None:
    """Closed and opened, the next decision is the next of the log (I12)."""
    store.commit([(BRAND, changes_of(decision_row(1), match_row(2), round_row(3)))])
    store.close()
    again = opener()
    try:
        assert _counters(again) == (1, 2, 3)
        again.commit([(BRAND, changes_of(decision_row(2)))])
        assert again.decisions_after(BRAND, 1, 9) == [
            LoggedDecision(2, decision_row(2))
        ]
    finally:
        again.close()


def test_empty_commit_gives_no_number(store: Store) -> None:
    """Nothing to write, in whatever form, leaves the log and the tenants as is."""
    store.commit([])
    store.commit([(BRAND, Changes())], [])
    assert store.tenants() == []
    assert store.decisions_after(BRAND, 0, 9) == []


def test_the_log_of_a_program_is_read_in_pages(store: Store) -> None:
    """By number, by tenant; the program itself is replaced, its events never."""
    events = [program_event_row(number) for number in (1, 2, 3)]
    assert store.program(BRAND) is None
    store.commit([(BRAND, changes_of(program_row(), *events[:2]))])
    store.commit([(OTHER, changes_of(program_event_row(1)))])
    later = replace(program_row(), pauses=())
    store.commit([(BRAND, changes_of(later, events[2]))])
    assert store.program(BRAND) == later
    assert store.program(OTHER) is None
    assert store.list_program_events(BRAND, after_number=0, limit=2) == events[:2]
    assert store.list_program_events(BRAND, after_number=2, limit=2) == events[2:]
    with pytest.raises(IntegrityError):
        store.commit([(BRAND, changes_of(events[2]))])
    assert store.list_program_events(BRAND, after_number=0, limit=9) == events


def test_the_audit_log_is_numbered_as_it_is_stored(store: Store) -> None:
    """From 1, by tenant, in order; in pages, and across commits."""
    entries = [
        AuditEntry(at, "key:a", AuditAction.POLICY_CREATED, version=at)
        for at in (1, 2, 3)
    ]
    store.commit([], audited=[(BRAND, entries[0]), (OTHER, entries[1])])
    store.commit([], audited=[(BRAND, entries[1]), (BRAND, entries[2])])
    found = store.list_audit_entries(BRAND, after_number=0, limit=9)
    assert found == [replace(each, number=each.version) for each in entries]
    assert store.list_audit_entries(BRAND, after_number=1, limit=1) == found[1:2]
    (other,) = store.list_audit_entries(OTHER, after_number=0, limit=9)
    assert (other.number, other.version) == (1, 2)
