"""Return items: their states, deadlines and decisions."""

from __future__ import annotations

import pytest

from matcher.domain.decision import Outcome
from matcher.domain.errors import NotFoundError
from matcher.domain.ids import ReturnId
from matcher.domain.item import VerificationStatus
from matcher.domain.policy_change import Dimension
from matcher.domain.reason import CheckResult, Gate, ReasonCode
from matcher.domain.return_item import ReturnItem, ReturnState
from matcher.engine.archive import LiveRows
from matcher.engine.gate_keeper import GateKeeper
from matcher.engine.ledger import Ledger
from matcher.engine.limits import ShardLimits
from matcher.engine.network_book import NetworkBook
from matcher.engine.policy_book import PolicyBook
from matcher.engine.return_book import ReturnBook, canonical
from matcher.engine.shadow_book import ShadowBook
from matcher.engine.sku_book import SkuBook
from matcher.policy.wording import stated
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    NOW_US,
    SECOND_US,
    SIGNED,
    TENANT,
    MemoryStore,
    policy,
    return_item,
    verification,
    warehouse,
)

DEADLINE_US = NOW_US + DAY_US - SECOND_US
PENDING = verification(status=VerificationStatus.PENDING)


class _Book:
    """A return book with the books it asks, over a store in memory."""

    def __init__(self, *, with_policy: bool = True) -> None:
        self.store = MemoryStore()
        self.start()
        if with_policy:
            self.policies.create(policy(), NOW_US, validate_only=False)
            self.policies.activate(1, tuple(Dimension), SIGNED, NOW_US)

    def start(self) -> None:
        rows: LiveRows = self.store.load()
        self.ledger = Ledger(self.store, rows)
        self.policies = PolicyBook(self.ledger, rows)
        self.network = NetworkBook(self.ledger, rows)
        keeper = GateKeeper(TENANT, self.policies, self.network)
        limits = ShardLimits(decide_margin_us=SECOND_US)
        shadows = ShadowBook(self.ledger, keeper, limits, rows, NOW_US)
        self.book = ReturnBook(
            self.ledger,
            keeper,
            self.policies,
            self.network,
            SkuBook(self.ledger, rows),
            SECOND_US,
            shadows,
        )
        self.book.load(rows.returns)

    def enter(self, *items: ReturnItem, now_us: int = NOW_US) -> list[ReturnState]:
        answers = self.book.enter([(item, repr(item)) for item in items], now_us)
        for item, answer in zip(items, answers, strict=True):
            assert answer.record.item == item
            assert answer.decision.decision_id == answer.record.decision_id
        return [answer.record.state for answer in answers]

    def commit(self) -> None:
        self.store.commit(self.ledger.take_changes())
        self.ledger.committed()
        self.book.committed()


@pytest.fixture(name="book")
def _book() -> _Book:
    return _Book()


def test_each_enters_where_its_gates_send_it(book: _Book) -> None:
    """Fit waits, pending waits, unfit goes at once: no batch to wait for (R57)."""
    states = book.enter(
        return_item("r1"),
        return_item("r2", verification=PENDING),
        return_item("r3", customer_consents=False),
    )
    assert states == [ReturnState.WAITING, ReturnState.WAITING, ReturnState.WAREHOUSE]
    assert len(book.book) == 2
    reasons = [d.reasons[0].code for d in book.ledger.changes.decisions]
    assert reasons == [
        ReasonCode.AWAITING_ROUND,
        ReasonCode.VERIFICATION_PENDING,
        ReasonCode.CONSENT_MISSING,
    ]


def test_pending_and_unfit_does_not_wait(book: _Book) -> None:
    """An inspection can change nothing for who has not consented: both are said."""
    item = return_item(verification=PENDING, customer_consents=False)
    assert book.enter(item) == [ReturnState.WAREHOUSE]
    codes = {reason.code for reason in book.ledger.changes.decisions[0].reasons}
    assert {ReasonCode.VERIFICATION_PENDING, ReasonCode.CONSENT_MISSING} <= codes


def test_without_a_policy_all_go_to_the_warehouse() -> None:
    """Fit and pending alike (R27)."""
    book = _Book(with_policy=False)
    states = book.enter(return_item("r1"), return_item("r2", verification=PENDING))
    assert states == [ReturnState.WAREHOUSE] * 2
    decision = book.ledger.changes.decisions[0]
    assert decision.policy_version == 0
    assert ReasonCode.NO_ACTIVE_POLICY in {r.code for r in decision.reasons}


def test_the_pool_is_older_first_then_by_id(book: _Book) -> None:
    """Entered as r3, r1, then r2 a microsecond later (I5)."""
    book.enter(return_item("r3"), return_item("r1"))
    book.enter(return_item("r0"), now_us=NOW_US + 1)
    names = [record.item.return_id for record in canonical(book.book.waiting())]
    assert names == ["r1", "r3", "r0"]


def test_time_is_up_a_margin_before_decide_by(book: _Book) -> None:
    """A second before decide-by it goes, and a microsecond earlier not (R61)."""
    book.enter(return_item())
    assert book.book.next_us() == DEADLINE_US
    assert book.book.overdue(DEADLINE_US - 1) == []
    (answer,) = book.book.overdue(DEADLINE_US)
    assert answer.record.state is ReturnState.WAREHOUSE
    assert answer.decision.reasons[0].code is ReasonCode.DECIDE_BY_REACHED
    assert answer.decision.decided_us < answer.record.item.decide_by_us
    assert book.book.next_us() is None


def test_too_late_to_wait_is_routed_on_entry(book: _Book) -> None:
    """Within the margin there is no time for a round."""
    soon = return_item(decide_by_us=NOW_US + SECOND_US)
    assert book.enter(soon) == [ReturnState.WAREHOUSE]
    later = return_item("r2", decide_by_us=NOW_US + SECOND_US + 1)
    assert book.enter(later) == [ReturnState.WAITING]


def test_what_happened_is_said_first(book: _Book) -> None:
    """Planning was down: that comes before the deadline that it made bite (R60)."""
    book.enter(return_item())
    happened = (stated(ReasonCode.PLANNING_UNAVAILABLE),)
    (answer,) = book.book.overdue(DEADLINE_US, happened)
    assert answer.record.reason_codes[:2] == (
        ReasonCode.PLANNING_UNAVAILABLE,
        ReasonCode.DECIDE_BY_REACHED,
    )


def test_those_who_go_together_are_routed_together(book: _Book) -> None:
    """Three go, one place near and one far: within capacity but for one (R58)."""
    book.network.upsert_warehouse(warehouse("w1", 0, daily_capacity=1))
    book.network.upsert_warehouse(warehouse("w2", 9_000, daily_capacity=1))
    book.enter(*(return_item(f"r{n}", customer_consents=False) for n in range(3)))
    routes = [d.warehouse for d in book.ledger.changes.decisions if d.warehouse]
    found = sorted((route.warehouse_id, route.over_capacity) for route in routes)
    assert found == [("w1", False), ("w1", True), ("w2", False)]
    days = book.ledger.changes.warehouse_days.values()
    assert sorted(day.routed_count for day in days) == [1, 2]


def test_who_waits_is_told_the_way_that_stays_open(book: _Book) -> None:
    """A waiting item has a fallback and no warehouse, and uses no capacity (R39)."""
    book.network.upsert_warehouse(warehouse(daily_capacity=1))
    book.enter(return_item())
    (decision,) = book.ledger.changes.decisions
    assert decision.outcome is Outcome.WAITING
    assert decision.fallback.warehouse_id == "w1"
    assert decision.warehouse is None
    assert book.network.remaining(NOW_US).tolist() == [1]


def test_routing_is_a_check_like_any_other(book: _Book) -> None:
    """The warehouse, and whether it had room, stand among the checks (R12, R41)."""
    book.network.upsert_warehouse(warehouse(daily_capacity=0))
    book.enter(return_item(customer_consents=False))
    (decision,) = book.ledger.changes.decisions
    routing = [each for each in decision.checks if each.gate is Gate.ROUTING]
    assert [each.result for each in routing] == [CheckResult.PASSED, CheckResult.FAILED]
    assert decision.reasons[-1].code is ReasonCode.WAREHOUSE_OVER_CAPACITY


def test_a_cancelled_item_names_its_last_fallback(book: _Book) -> None:
    """No warehouse, no match, one reason; the version goes on."""
    book.enter(return_item(refund_due_us=NOW_US + HOUR_US))
    record = book.book.find(ReturnId("r1"))
    answer = book.book.cancel(record, None, NOW_US + 1)
    assert answer.decision.outcome is Outcome.CANCELLED
    assert answer.record.version == 2
    assert answer.decision.refund_due_us == NOW_US + HOUR_US
    assert book.book.next_us() is None
    assert len(book.book) == 0


def test_settled_items_are_found_before_and_after_the_commit(book: _Book) -> None:
    """From memory until the archive has them, and memory lets go of them."""
    book.enter(return_item("r1", customer_consents=False), return_item("r2"))
    ids = [ReturnId(each) for each in ("r1", "r2", "r3")]
    before = book.book.find_all(ids)
    assert sorted(before) == ["r1", "r2"]
    book.commit()
    assert book.book.find_all(ids) == before
    assert not book.book._settled
    with pytest.raises(NotFoundError):
        book.book.find(ReturnId("r3"))


def test_a_restart_watches_the_same_deadlines(book: _Book) -> None:
    """Waiting items come back with their deadlines and their last decision (I12)."""
    book.enter(return_item("r1"), return_item("r2", customer_consents=False))
    book.commit()
    book.start()
    assert len(book.book) == 1
    assert book.book.next_us() == DEADLINE_US
    record = book.book.find(ReturnId("r1"))
    assert book.book.answer(record).decision == book.store.rows.decisions[0]
    (answer,) = book.book.overdue(DEADLINE_US)
    assert answer.record.version == 2
    assert answer.decision.decision_id == "d-000000000003"
