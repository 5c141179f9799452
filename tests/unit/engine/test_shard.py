"""The shard as a whole: repeats, refusals, promises kept; test_shard_time has time."""

from __future__ import annotations

import pytest

from matcher.domain.demand import DemandState
from matcher.domain.errors import (
    AlreadyExistsError,
    InvalidValueError,
    LimitExceededError,
    NearturnError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.ids import DemandId, MatchId, ReturnId, ServiceAreaId, WarehouseId
from matcher.domain.item import VerificationStatus
from matcher.domain.match import HoldState
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.warehouse import ServiceArea
from matcher.engine.answers import ReleaseAnswer, ReturnAnswer
from matcher.engine.commands import (
    ActivatePolicy,
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    CreatePolicy,
    DeleteServiceArea,
    DeleteWarehouse,
    RecordVerification,
    ReleaseMatch,
    SubmitReturns,
    Tick,
    UpsertDemands,
    UpsertServiceArea,
    UpsertWarehouse,
)
from matcher.engine.limits import ShardLimits
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
    service_area,
    verification,
    warehouse,
)

M1 = MatchId("m-000000000001")
R1 = ReturnId("r1")
D1 = DemandId("d1")


# --- Repeats and conflicts ------------------------------------------------------


def test_every_write_may_be_repeated(matched: RunningShard) -> None:
    """The same command again: the first answer, and no row (R3)."""
    item = return_item()
    matched.upsert(demand("d2"))
    matched.submit(return_item("r2"))
    matched.apply(CancelDemand(DemandId("d2")))
    matched.apply(CancelReturn(ReturnId("r2")))
    for command in (
        UpsertDemands((demand(),), ("",)),
        SubmitReturns((item,), (repr(item),)),
        RecordVerification(R1, verification()),
        ConfirmMatch(M1),
        CancelDemand(DemandId("d2")),
        CancelReturn(ReturnId("r2")),
        ActivatePolicy(1),
    ):
        first = matched.shard.apply(command, NOW_US)
        matched.commit()
        assert matched.shard.apply(command, NOW_US) == first
        assert not matched.shard.take_changes(), command
        matched.restart()
        assert matched.shard.apply(command, NOW_US) == first
        assert not matched.shard.take_changes(), command


def test_releasing_may_be_repeated(matched: RunningShard) -> None:
    """The answer is the match and what its item's latest decision is."""
    first = matched.apply(ReleaseMatch(M1))
    assert isinstance(first, ReleaseAnswer)
    assert first.match.hold_state is HoldState.RELEASED
    assert matched.apply(ReleaseMatch(M1)) == first
    matched.restart()
    assert matched.apply(ReleaseMatch(M1)) == first


def test_another_payload_under_the_same_id_is_refused(shard: RunningShard) -> None:
    """Both hashes are told, before the commit and from the archive (R3)."""
    shard.submit(return_item(customer_consents=False))
    for _ in range(2):
        with pytest.raises(AlreadyExistsError) as caught:
            shard.apply(SubmitReturns((return_item(),), ("other",)))
        assert caught.value.received_hash == "other"
        assert caught.value.stored_hash == repr(return_item(customer_consents=False))
        shard.restart()


def test_a_repeat_after_decide_by_is_the_answer_it_got(shard: RunningShard) -> None:
    """A late retry of a call that had worked is no mistake of the caller."""
    shard.submit(return_item())
    shard.tick(NOW_US + 2 * DAY_US)
    (answer,) = shard.submit(return_item())
    assert answer.record.state is ReturnState.WAREHOUSE
    with pytest.raises(InvalidValueError) as caught:
        shard.submit(return_item("r2"))
    assert caught.value.violations[0].field == "return_items[0].decide_by_time"


REFUSED: dict[str, tuple[Command, type[NearturnError]]] = {
    "unknown demand": (CancelDemand(DemandId("d9")), NotFoundError),
    "unknown return": (CancelReturn(ReturnId("r9")), NotFoundError),
    "evidence of an unknown return": (
        RecordVerification(ReturnId("r9"), verification()),
        NotFoundError,
    ),
    "evidence of a matched return": (
        RecordVerification(R1, verification(evidence_id="evidence-2")),
        StateConflictError,
    ),
    "unknown match confirmed": (ConfirmMatch(MatchId("m-9")), NotFoundError),
    "unknown match released": (ReleaseMatch(MatchId("m-9")), NotFoundError),
    "stale etag confirmed": (ConfirmMatch(M1, "7"), VersionMismatchError),
    "stale etag released": (ReleaseMatch(M1, "7"), VersionMismatchError),
    "stale etag of a demand": (
        UpsertDemands((demand("d2"), demand(priority=1)), ("", "7")),
        VersionMismatchError,
    ),
    "a change of an ended demand": (
        UpsertDemands((demand("d2"), demand("gone")), ("", "")),
        StateConflictError,
    ),
    "a batch with one id twice": (
        SubmitReturns((return_item("r2"),) * 2, ("a", "a")),
        InvalidValueError,
    ),
    "a batch with one that is too late": (
        SubmitReturns(
            (return_item("r2"), return_item("r3", decide_by_us=NOW_US)), ("a", "b")
        ),
        InvalidValueError,
    ),
    "a batch with one that is taken": (
        SubmitReturns((return_item("r2"), return_item("r1")), ("a", "b")),
        AlreadyExistsError,
    ),
    "an unknown policy": (ActivatePolicy(9), NotFoundError),
    "an unknown warehouse": (DeleteWarehouse(WarehouseId("w9")), NotFoundError),
    "an unknown area": (DeleteServiceArea(ServiceAreaId("a9")), NotFoundError),
    "an area that is none": (
        UpsertServiceArea(ServiceArea(ServiceAreaId("a1"), "{}")),
        InvalidValueError,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_command_leaves_no_trace(matched: RunningShard, name: str) -> None:
    """No row, no round made due, and what comes later comes as if it never was."""
    command, error = REFUSED[name]
    twin = RunningShard(matched.store.copy())
    gone = demand("gone", priority=3)
    for side in (matched, twin):
        side.upsert(gone)
        side.apply(CancelDemand(DemandId("gone")))
        side.shard.begin_round(NOW_US)
        side.commit()
    due_us = matched.shard.round_due_us()
    with pytest.raises(error):
        matched.shard.apply(command, NOW_US)
    assert not matched.shard.take_changes()
    assert matched.shard.round_due_us() == due_us
    for side in (matched, twin):
        side.upsert(demand("d2", 700, quantity=2))
        side.submit(return_item("r2"), return_item("r3"))
        side.apply(ReleaseMatch(M1))
        side.round()
        side.tick(NOW_US + 2 * DAY_US)
    assert matched.store == twin.store


# --- Promises -------------------------------------------------------------------


def test_a_released_pair_is_not_made_again(matched: RunningShard) -> None:
    """Neither in the next round nor after a restart; another buyer may be."""
    matched.apply(ReleaseMatch(M1))
    assert matched.demand().state is DemandState.OPEN
    for _ in range(2):
        assert matched.round().matched_count == 0
        codes = matched.item().reason_codes
        assert ReasonCode.DEMAND_RELEASED_BEFORE in codes
        matched.restart()
    matched.upsert(demand("d2", 40_000))
    assert matched.round().matched_count == 1
    assert matched.match("m-000000000002").demand_id == "d2"


def test_an_expired_pair_may_be_made_again(matched: RunningShard) -> None:
    """Nobody said no: the same pair in the next round, under a new hold."""
    matched.tick(NOW_US + HOUR_US)
    assert matched.round().matched_count == 1
    again = matched.match("m-000000000002")
    assert (again.return_id, again.demand_id) == ("r1", "d1")
    assert again.hold_expire_us == NOW_US + 2 * HOUR_US


def test_a_cancelled_demand_keeps_its_promise(matched: RunningShard) -> None:
    """Cancelled while held: the match can be confirmed (R30, I11)."""
    matched.apply(CancelDemand(D1))
    matched.restart()
    matched.apply(ConfirmMatch(M1))
    record = matched.demand()
    assert (record.state, record.fulfilled_count) == (DemandState.CANCELLED, 1)
    assert matched.item().state is ReturnState.CONFIRMED


def test_units_never_fall_below_promises(shard: RunningShard) -> None:
    """Two of three promised: 1 is refused, 2 is accepted (I2)."""
    shard.upsert(demand(quantity=3))
    shard.submit(return_item("r1"), return_item("r2"))
    shard.round()
    with pytest.raises(StateConflictError):
        shard.upsert(demand(quantity=1))
    (record,) = shard.upsert(demand(quantity=2))
    assert record.state is DemandState.HELD


def test_a_policy_change_revokes_no_promise(matched: RunningShard) -> None:
    """A version that opens nothing: the match made before is confirmed (R30, I11)."""
    matched.activate(policy(rule(category="shoes")))
    matched.now_us += MINUTE_US
    matched.apply(ConfirmMatch(M1))
    assert matched.item().state is ReturnState.CONFIRMED
    assert matched.match().policy_version == 1


def test_a_cancelled_return_frees_its_unit(matched: RunningShard) -> None:
    """The hold is released, the unit open, and the next item gets it."""
    matched.submit(return_item("r2"))
    answer = matched.apply(CancelReturn(R1))
    assert isinstance(answer, ReturnAnswer)
    assert answer.record.state is ReturnState.CANCELLED
    assert matched.match().hold_state is HoldState.RELEASED
    assert matched.round().matched_count == 1
    assert matched.item("r2").state is ReturnState.MATCHED
    with pytest.raises(StateConflictError):
        matched.apply(ConfirmMatch(M1))


def test_what_is_final_cannot_be_cancelled(matched: RunningShard) -> None:
    """Confirmed, or at the warehouse: neither goes back (DESIGN.md, section 3)."""
    matched.submit(return_item("r2", customer_consents=False))
    matched.apply(ConfirmMatch(M1))
    for name, state in (("r1", "CONFIRMED"), ("r2", "WAREHOUSE")):
        with pytest.raises(StateConflictError) as caught:
            matched.apply(CancelReturn(ReturnId(name)))
        assert caught.value.state == state


def test_without_a_policy_everything_goes_to_the_warehouse() -> None:
    """A perfect pair, and nobody has opened anything (R27)."""
    shard = RunningShard()
    shard.upsert(demand())
    (answer,) = shard.submit(return_item())
    assert answer.record.state is ReturnState.WAREHOUSE
    assert ReasonCode.NO_ACTIVE_POLICY in answer.record.reason_codes
    assert shard.shard.round_due_us() is None


def test_evidence_decides_anew(shard: RunningShard) -> None:
    """Pending, then passed: it joins the pool. Passed, then failed: it leaves (R8)."""
    pending = verification(status=VerificationStatus.PENDING)
    failed = verification(status=VerificationStatus.FAILED)
    shard.submit(return_item(verification=pending))
    assert shard.item().reason_codes == (ReasonCode.VERIFICATION_PENDING,)
    shard.apply(RecordVerification(R1, verification()))
    assert shard.item().reason_codes == (ReasonCode.AWAITING_ROUND,)
    shard.apply(RecordVerification(R1, failed))
    assert shard.item().state is ReturnState.WAREHOUSE
    assert ReasonCode.VERIFICATION_FAILED in shard.item().reason_codes


def test_a_decision_says_under_which_policy(shard: RunningShard) -> None:
    """Version 1, then 2: each decision names the one in force (R3)."""
    shard.submit(return_item("r1", customer_consents=False))
    shard.activate(policy())
    shard.submit(return_item("r2", customer_consents=False))
    assert [d.policy_version for d in shard.store.rows.decisions] == [1, 2]


# --- Limits ---------------------------------------------------------------------


def test_the_pool_has_its_limit() -> None:
    """Two of two fit, a third does not, and a repeat of the first is no third."""
    shard = RunningShard(limits=ShardLimits(pool_count_max=2))
    shard.activate(policy())
    shard.submit(return_item("r1"), return_item("r2"))
    with pytest.raises(LimitExceededError) as caught:
        shard.submit(return_item("r3"))
    assert (caught.value.value, caught.value.maximum) == (3, 2)
    shard.submit(return_item("r1"))
    shard.apply(CancelReturn(R1))
    shard.submit(return_item("r3"))


def test_the_demands_have_their_limit() -> None:
    """Two of two fit, a third does not until one has ended."""
    shard = RunningShard(limits=ShardLimits(demand_count_max=2))
    shard.upsert(demand("d1"), demand("d2"))
    with pytest.raises(LimitExceededError):
        shard.upsert(demand("d3"))
    shard.tick(NOW_US + 2 * DAY_US)
    shard.upsert(demand("d3", ship_by_us=NOW_US + 3 * DAY_US))


def test_margins_are_the_limits_own() -> None:
    """A margin of an hour sends an item off an hour before its decide-by."""
    shard = RunningShard(limits=ShardLimits(decide_margin_us=HOUR_US))
    shard.activate(policy())
    shard.submit(return_item())
    assert shard.shard.next_us() == NOW_US + DAY_US - HOUR_US


# --- Settings and restart -------------------------------------------------------


def test_settings_answer_with_what_is_stored(shard: RunningShard) -> None:
    """Warehouses and areas as given, deletions and ticks with nothing."""
    assert shard.apply(UpsertWarehouse(warehouse())) == warehouse()
    assert shard.apply(UpsertServiceArea(service_area())) == service_area()
    assert shard.apply(DeleteWarehouse(WarehouseId("w1"))) is None
    assert shard.apply(DeleteServiceArea(ServiceAreaId("a1"))) is None
    assert shard.apply(Tick()) is None


def test_checking_a_policy_stores_nothing(shard: RunningShard) -> None:
    """A dry run answers as the real one would."""
    dry = shard.shard.apply(CreatePolicy(policy(), validate_only=True), NOW_US)
    assert not shard.shard.take_changes()
    assert shard.apply(CreatePolicy(policy())) == dry


def test_an_area_reaches_the_pool_and_the_demands(shard: RunningShard) -> None:
    """Drawn after both came in: the buyer beyond it is no candidate any more."""
    shard.upsert(demand("d1", 12_000))
    shard.submit(return_item())
    shard.apply(UpsertServiceArea(service_area()))
    assert shard.round().matched_count == 0
    assert ReasonCode.DEMAND_OUTSIDE_SERVICE_AREA in shard.item().reason_codes
    shard.apply(DeleteServiceArea(ServiceAreaId("a1")))
    assert shard.round().matched_count == 1


def test_a_restart_goes_on_as_if_nothing_had_been(matched: RunningShard) -> None:
    """The same commands after it give the same rows as without it (I12)."""
    twin = RunningShard(matched.store.copy())
    for side in (matched, twin):
        side.upsert(demand("d2", 300), demand("d3", 900, quantity=2))
        side.submit(return_item("r2"), return_item("r3", 1_000))
        if side is twin:
            side.restart()
        side.round()
        if side is twin:
            side.restart()
        side.apply(ReleaseMatch(M1))
        side.round()
        if side is twin:
            side.restart()
        side.tick(NOW_US + 2 * DAY_US)
    assert matched.store == twin.store
