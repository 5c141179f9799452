"""Pending changes, numbers, and the decisions that the archive may not know yet."""

from __future__ import annotations

import pytest

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.ids import DecisionId, ReturnId, WarehouseId
from matcher.domain.reason import Reason, ReasonCode
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger, decision_id, match_id
from tests.scenarios import NOW_US, MemoryStore


def _decision(ledger: Ledger) -> Decision:
    return Decision(
        decision_id=ledger.next_decision_id(),
        return_id=ReturnId("r1"),
        outcome=Outcome.WAITING,
        reasons=(Reason(ReasonCode.AWAITING_ROUND, "It waits."),),
        checks=(),
        fallback=WarehouseRoute(WarehouseId(""), 0, 0),
        policy_version=1,
        decided_us=NOW_US,
    )


def test_numbers_go_on_where_the_store_stopped() -> None:
    """Counters at 41, 7 and 2 give 42, 8 and 3 next: no id is ever given twice."""
    rows = LiveRows(decision_count=41, match_count=7, round_count=2)
    ledger = Ledger(MemoryStore(), rows)
    assert ledger.next_decision_id() == "d-000000000042"
    assert ledger.next_match_id() == "m-000000000008"
    assert ledger.next_round_id() == "r-000000000003"
    assert ledger.next_round_id() == "r-000000000004"


def test_ids_sort_as_their_numbers() -> None:
    """Twelve digits: 9 before 10 before 999,999,999,999, by bytes."""
    for name in (decision_id, match_id):
        ids = [name(number) for number in (9, 10, 999_999_999_999)]
        assert ids == sorted(ids)


def test_changes_are_handed_over_once() -> None:
    """The second call finds nothing: no row is written twice."""
    ledger = Ledger(MemoryStore(), LiveRows())
    ledger.note(_decision(ledger))
    assert len(ledger.take_changes().decisions) == 1
    assert not ledger.take_changes()


def test_a_decision_is_found_before_and_after_its_commit() -> None:
    """Noted, handed over, committed: it is the same decision at each stage."""
    store = MemoryStore()
    ledger = Ledger(store, LiveRows())
    decision = _decision(ledger)
    ledger.note(decision)
    assert ledger.decision(decision.decision_id) == decision
    store.commit(ledger.take_changes())
    assert ledger.decision(decision.decision_id) == decision
    ledger.committed()
    assert ledger.decision(decision.decision_id) is store.rows.decisions[0]


def test_commit_keeps_what_came_after_the_handover() -> None:
    """A decision noted between handover and commit is still in memory only."""
    store = MemoryStore()
    ledger = Ledger(store, LiveRows())
    ledger.note(_decision(ledger))
    changes = ledger.take_changes()
    later = _decision(ledger)
    ledger.note(later)
    store.commit(changes)
    ledger.committed()
    assert ledger.decision(later.decision_id) == later


def test_a_lost_decision_is_a_bug_of_ours() -> None:
    """A record names a decision that nobody has: that is asserted, not passed on."""
    ledger = Ledger(MemoryStore(), LiveRows())
    with pytest.raises(AssertionError, match="lost"):
        ledger.decision(DecisionId("d-000000000009"))
