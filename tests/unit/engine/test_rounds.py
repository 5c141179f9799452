"""Rounds, above all what happens while one is being solved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from matcher.domain.demand import DemandState
from matcher.domain.errors import LimitExceededError, StateConflictError
from matcher.domain.ids import DemandId, ReturnId, WarehouseId
from matcher.domain.item import Condition, VerificationStatus
from matcher.domain.match import HoldState
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.engine import rounds as module
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    DeleteWarehouse,
    RecordVerification,
    UpsertWarehouse,
)
from matcher.engine.proof import unpack
from matcher.engine.round_task import solve_round
from matcher.engine.stages import Stage
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
    verification,
    warehouse,
)


@pytest.fixture(name="shard")
def _shard() -> RunningShard:
    """One item, one demand 10 km away, a policy: one match if nothing happens."""
    shard = RunningShard()
    shard.activate(policy())
    shard.upsert(demand("d1", 10_000))
    shard.submit(return_item("r1"))
    return shard


def test_a_round_without_incident(shard: RunningShard) -> None:
    """One match, one hold, one decision, and a record that adds up (I6, I7)."""
    record = shard.round()
    assert (record.return_count, record.matched_count, record.dropped_count) == (
        1,
        1,
        0,
    )
    assert (record.demand_count, record.candidate_count) == (1, 1)
    assert record.saving_micros == record.dual_micros == 5_900_000
    assert record.distance_sum_m == 10_000
    assert dict(record.reason_counts) == {ReasonCode.MATCHED_BEST_SAVING: 1}
    assert shard.item().state is ReturnState.MATCHED
    assert shard.demand().state is DemandState.HELD
    match = shard.match()
    assert match.hold_state is HoldState.ACTIVE
    assert match.hold_expire_us == NOW_US + HOUR_US
    assert match.round_id == record.round_id == "r-000000000001"
    proof = unpack(record.proof)
    proof.check()
    assert proof.pairs == [("r1", "d1")]
    decision = shard.store.rows.decisions[-1]
    assert decision.match == match
    assert decision.round_id == record.round_id


def test_an_empty_pool_is_a_round_too(shard: RunningShard) -> None:
    """Nothing to match: a record of zeros with a proof that checks."""
    shard.apply(CancelReturn(ReturnId("r1")))
    record = shard.round()
    assert record.return_count == record.matched_count == 0
    unpack(record.proof).check()


MEANWHILE: dict[str, Callable[[RunningShard], object]] = {
    "demand cancelled": lambda s: s.apply(CancelDemand(DemandId("d1"))),
    "demand moved": lambda s: s.upsert(demand("d1", 11_000)),
    "floor raised": lambda s: s.upsert(
        demand("d1", 10_000, min_condition=Condition.NEW)
    ),
    "ship-by moved": lambda s: s.upsert(
        demand("d1", 10_000, ship_by_us=NOW_US + 5 * HOUR_US)
    ),
    "consent withdrawn": lambda s: s.upsert(
        demand("d1", 10_000, accepts_returned_item=False)
    ),
    "verified anew": lambda s: s.apply(
        RecordVerification(ReturnId("r1"), verification(evidence_id="evidence-2"))
    ),
    "policy replaced": lambda s: s.activate(policy()),
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_what_changed_meanwhile_is_not_promised(shard: RunningShard, name: str) -> None:
    """The proposed match is dropped, the item waits on, no unit is held."""
    record = shard.round(lambda: MEANWHILE[name](shard))
    assert (record.matched_count, record.dropped_count) == (0, 1)
    assert shard.item().state is ReturnState.WAITING
    assert shard.demand().held_count == 0
    assert not shard.store.rows.matches
    if name != "verified anew":
        assert shard.item().reason_codes == (
            ReasonCode.AWAITING_ROUND,
            ReasonCode.DEMAND_CHANGED,
        )


def test_cancelled_meanwhile_stays_cancelled(shard: RunningShard) -> None:
    """A return that was cancelled during the solve never yields a match."""
    record = shard.round(lambda: shard.apply(CancelReturn(ReturnId("r1"))))
    assert (record.matched_count, record.dropped_count) == (0, 1)
    assert shard.item().state is ReturnState.CANCELLED
    assert shard.demand().state is DemandState.OPEN


def test_failed_meanwhile_goes_to_the_warehouse(shard: RunningShard) -> None:
    """Evidence that it failed arrives during the solve: it counts (R8)."""
    failed = verification(status=VerificationStatus.FAILED)
    shard.round(lambda: shard.apply(RecordVerification(ReturnId("r1"), failed)))
    assert shard.item().state is ReturnState.WAREHOUSE
    assert not shard.store.rows.matches


def test_out_of_time_meanwhile_goes_to_the_warehouse(shard: RunningShard) -> None:
    """A solve that takes a day: decide-by comes first (R60, R61; I1)."""
    shard.round(lambda: shard.tick(NOW_US + DAY_US))
    assert shard.item().state is ReturnState.WAREHOUSE
    assert shard.demand().held_count == 0


def test_evidence_that_ran_out_meanwhile_is_no_evidence() -> None:
    """It expires at +60 s: a solve that ends at +60 s promises nothing (R8; I3)."""
    for ends_us, matched in ((NOW_US + MINUTE_US - 1, 1), (NOW_US + MINUTE_US, 0)):
        shard = RunningShard()
        shard.activate(policy())
        shard.upsert(demand())
        evidence = verification(expire_us=NOW_US + MINUTE_US)
        shard.submit(return_item(verification=evidence))
        record = shard.round(lambda shard=shard, at=ends_us: shard.tick(at))  # type: ignore[misc]
        assert record.matched_count == matched
        if not matched:
            shard.round()
            assert ReasonCode.VERIFICATION_EXPIRED in shard.item().reason_codes
            assert shard.item().state is ReturnState.WAREHOUSE


def test_a_buyer_who_can_wait_no_more_is_promised_nothing() -> None:
    """An hour of handling before ship-by at +2 h: a solve that ends at +1 h is late."""
    for ends_us, matched in ((NOW_US + HOUR_US - 1, 1), (NOW_US + HOUR_US, 0)):
        shard = RunningShard()
        shard.activate(policy(handling_duration_us=HOUR_US))
        shard.upsert(demand(ship_by_us=NOW_US + 2 * HOUR_US))
        shard.submit(return_item())
        record = shard.round(lambda shard=shard, at=ends_us: shard.tick(at))  # type: ignore[misc]
        assert record.matched_count == matched
        assert all(
            each.hold_expire_us > ends_us for each in shard.store.rows.matches.values()
        )


def test_what_does_not_matter_does_not_drop(shard: RunningShard) -> None:
    """Another demand, another item, the same upsert again, a warehouse: it stands."""

    def meanwhile() -> None:
        shard.upsert(demand("d1", 10_000), demand("d2", 1_000))
        shard.submit(return_item("r0"))
        shard.apply(UpsertWarehouse(warehouse()))

    record = shard.round(meanwhile)
    assert (record.matched_count, record.dropped_count) == (1, 0)
    assert shard.match().demand_id == "d1"
    assert shard.item("r0").state is ReturnState.WAITING


@pytest.mark.parametrize("change", ["first deleted", "one before it added"])
def test_the_fallback_is_the_one_that_was_priced(change: str) -> None:
    """Warehouses that change during the solve neither break it nor swap names."""
    shard = RunningShard()
    shard.activate(policy())
    shard.apply(UpsertWarehouse(warehouse("w5", 2_000)))
    shard.upsert(demand("d1", 10_000))
    shard.submit(return_item("r1"), return_item("r2"))
    command = (
        DeleteWarehouse(WarehouseId("w5"))
        if change == "first deleted"
        else UpsertWarehouse(warehouse("w1", 90_000))
    )
    shard.round(lambda: shard.apply(command))
    for decision in shard.store.rows.decisions[-2:]:
        assert decision.round_id == "r-000000000001"
        assert decision.fallback.warehouse_id == "w5"
        assert decision.fallback.distance_m == 2_000
        assert decision.fallback.cost_micros == 5_040_000


def test_two_rounds_at_once_promise_each_unit_once() -> None:
    """Both see the same two units and items: the second finds them taken (I2)."""
    shard = RunningShard()
    shard.activate(policy())
    shard.upsert(demand(quantity=2))
    shard.submit(return_item("r1"), return_item("r2"))
    first, second = (shard.shard.begin_round(NOW_US) for _ in range(2))
    records = [
        shard.shard.finish_round(solve_round(task), NOW_US) for task in (first, second)
    ]
    shard.commit()
    assert [each.matched_count for each in records] == [2, 0]
    assert [each.dropped_count for each in records] == [0, 2]
    assert shard.demand().held_count == 2


def test_units_taken_meanwhile_are_counted() -> None:
    """Two units; a round of r1 takes one while that of r2 and r3 is solved (I2)."""
    shard = RunningShard()
    shard.activate(policy())
    shard.upsert(demand(quantity=2))
    shard.submit(return_item("r2"), return_item("r3"))
    slow = shard.shard.begin_round(NOW_US)
    shard.submit(return_item("r1"))
    shard.apply(CancelReturn(ReturnId("r2")))
    shard.submit(return_item("r4"))
    quick = shard.shard.begin_round(NOW_US)
    one = shard.shard.finish_round(solve_round(quick), NOW_US)
    two = shard.shard.finish_round(solve_round(slow), NOW_US)
    shard.commit()
    assert one.matched_count == 2
    assert (two.matched_count, two.dropped_count) == (0, 2)
    assert (shard.demand().held_count, shard.demand().open_count) == (2, 0)


def test_who_waits_is_told_once_why() -> None:
    """The same finding is not written again; another one is (R41)."""
    shard = RunningShard()
    shard.activate(policy())
    shard.submit(return_item())
    shard.round()
    first = shard.item()
    assert first.reason_codes == (ReasonCode.AWAITING_ROUND, ReasonCode.NO_DEMAND)
    shard.round()
    assert shard.item() == first
    shard.upsert(demand("d1", 60_000))
    shard.round()
    assert shard.item().reason_codes[1] is ReasonCode.OUT_OF_RADIUS
    assert shard.item().version == first.version + 1


def test_those_who_no_longer_pass_go_at_once() -> None:
    """A narrower policy sends r1 off at the next round's start; r2 is pending."""
    shard = RunningShard()
    shard.activate(policy())
    pending = verification(status=VerificationStatus.PENDING)
    shard.submit(return_item("r1"), return_item("r2", verification=pending))
    shard.upsert(demand())
    shard.activate(policy(rule(min_confidence=0.99)))
    record = shard.round()
    assert shard.item("r1").state is ReturnState.WAREHOUSE
    assert shard.item("r2").state is ReturnState.WAITING
    assert (record.return_count, record.warehouse_count, record.waiting_count) == (
        2,
        1,
        1,
    )
    counts = dict(record.reason_counts)
    assert counts[ReasonCode.VERIFICATION_LOW_CONFIDENCE] == 1
    assert counts[ReasonCode.VERIFICATION_PENDING] == 1


def test_no_round_without_a_policy() -> None:
    """A tenant with no active policy matches nothing (R27)."""
    shard = RunningShard()
    with pytest.raises(StateConflictError):
        shard.round()


def test_too_many_pairs_leave_the_pool_as_it_was(
    shard: RunningShard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round that is too large is refused before it has routed anybody."""
    shard.activate(policy(rule(min_confidence=0.99)))

    def refuse(*_: object, **__: object) -> None:
        raise LimitExceededError("pairs", 2, 1)

    monkeypatch.setattr(module, "collect", refuse)
    with pytest.raises(LimitExceededError):
        shard.round()
    shard.commit()
    assert shard.item().state is ReturnState.WAITING


def test_solving_touches_nothing_and_threads_change_nothing() -> None:
    """One task solved with one thread and with three: equal bytes (I5)."""
    shard = RunningShard()
    shard.activate(policy())
    shard.upsert(*(demand(f"d{n:02d}", 3_000 * n) for n in range(12)))
    shard.submit(*(return_item(f"r{n:02d}", 2_000 * n) for n in range(20)))
    task = shard.shard.begin_round(NOW_US)
    shard.commit()
    one, three = solve_round(task), solve_round(task, threads=3)
    assert one.proof == three.proof
    assert not shard.shard.take_changes()


def test_a_round_tells_its_stages_in_their_order(shard: RunningShard) -> None:
    """Whoever times a round hears of each stage once, begun and ended."""
    told: list[str] = []

    @contextmanager
    def stages(stage: Stage) -> Iterator[None]:
        told.append(f"{stage.value} begins")
        yield
        told.append(f"{stage.value} ends")

    solve_round(shard.shard.begin_round(NOW_US), stages=stages)
    names = ("solve", "check", "prove", "shadows")
    assert told == [f"{name} {when}" for name in names for when in ("begins", "ends")]
