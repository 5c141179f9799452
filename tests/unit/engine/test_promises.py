"""Extensions, labels and releases of many: what each does to hold, item and demand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.demand import DemandState
from matcher.domain.errors import (
    InvalidValueError,
    LimitExceededError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.ids import DemandId, LabelId, MatchId, ReturnId, RoundId
from matcher.domain.item import Condition
from matcher.domain.item_outcome import Arrival, ItemOutcome
from matcher.domain.match import HoldState, Match
from matcher.domain.match_label import LABEL_COUNT_MAX, LabelState
from matcher.domain.return_item import ReturnPath, ReturnState
from matcher.engine.answers import BulkReleaseAnswer, ReleaseAnswer, ReturnAnswer
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    ConfirmMatch,
    DeleteWarehouse,
    ExtendMatch,
    RecordLabel,
    RecordOutcome,
    RecordVerification,
    ReleaseMatch,
    ReleaseMatches,
    RollbackPolicy,
    UpsertWarehouse,
)
from tests.scenarios import (
    HOUR_US,
    MINUTE_US,
    NOW_US,
    SECOND_US,
    RunningShard,
    demand,
    policy,
    return_item,
    verification,
    warehouse,
)

M1 = MatchId("m-000000000001")
D1 = DemandId("d1")
L1, L2 = LabelId("l1"), LabelId("l2")
R1 = ReturnId("r1")


def _extended(shard: RunningShard, command: ExtendMatch) -> Match:
    answer = shard.apply(command)
    assert isinstance(answer, Match)
    return answer


def _label(
    shard: RunningShard, label_id: LabelId, state: LabelState, etag: str = ""
) -> Match:
    answer = shard.apply(RecordLabel(M1, label_id, state, etag))
    assert isinstance(answer, Match)
    return answer


def _states(match: Match) -> dict[str, tuple[LabelState, bool]]:
    return {each.label_id: (each.state, each.must_void) for each in match.labels}


# --- Extensions -----------------------------------------------------------------


def test_a_hold_is_extended_once(matched: RunningShard) -> None:
    """By the policy's hour if nothing is said; a second time is refused as such."""
    matched.now_us += MINUTE_US
    match = _extended(matched, ExtendMatch(M1))
    assert match.hold_expire_us == NOW_US + 2 * HOUR_US
    assert (match.extended_us, match.version) == (NOW_US + MINUTE_US, 2)
    with pytest.raises(StateConflictError, match=r"is extended at .* never extended"):
        matched.apply(ExtendMatch(M1))
    matched.tick(NOW_US + 2 * HOUR_US - 1)
    assert matched.match().hold_state is HoldState.ACTIVE
    matched.restart()
    matched.tick(NOW_US + 2 * HOUR_US)
    assert matched.match().hold_state is HoldState.EXPIRED


def test_the_hold_time_is_the_most(matched: RunningShard) -> None:
    """An hour and no microsecond more, and more than nothing."""
    for span_us in (0, -1, HOUR_US + 1):
        with pytest.raises(InvalidValueError, match="extension"):
            matched.apply(ExtendMatch(M1, span_us))
    assert matched.match().version == 1
    match = _extended(matched, ExtendMatch(M1, HOUR_US))
    assert match.hold_expire_us == NOW_US + 2 * HOUR_US


def test_no_extension_outlasts_the_time_to_decide(shard: RunningShard) -> None:
    """70 minutes to decide: of an hour more, 10 minutes less the margin are left."""
    shard.upsert(demand())
    shard.submit(return_item(decide_by_us=NOW_US + 70 * MINUTE_US))
    shard.round()
    end_us = NOW_US + 70 * MINUTE_US - SECOND_US
    assert _extended(shard, ExtendMatch(M1)).hold_expire_us == end_us
    shard.tick(end_us)
    assert shard.item().state is ReturnState.WAREHOUSE


def test_no_extension_outlasts_the_shipment(matched: RunningShard) -> None:
    """The order ships in 90 minutes by now, whatever it was when the match was made."""
    sooner = replace(matched.demand().demand, ship_by_us=NOW_US + 90 * MINUTE_US)
    matched.upsert(sooner)
    handling_us = policy().handling_duration_us
    expected_us = NOW_US + 90 * MINUTE_US - handling_us
    assert _extended(matched, ExtendMatch(M1)).hold_expire_us == expected_us


def test_a_hold_that_cannot_last_longer_is_not_extended(shard: RunningShard) -> None:
    """It ends with its time to decide: refused, and no extension is used up."""
    shard.upsert(demand())
    shard.submit(return_item(decide_by_us=NOW_US + 10 * MINUTE_US))
    shard.round()
    with pytest.raises(StateConflictError, match="as long as"):
        shard.apply(ExtendMatch(M1))
    assert shard.match().extended_us is None


@pytest.mark.parametrize("end", [ConfirmMatch(M1), ReleaseMatch(M1), None])
def test_an_ended_hold_is_not_extended(
    matched: RunningShard, end: ConfirmMatch | ReleaseMatch | None
) -> None:
    """Confirmed, released and expired are no holds any more."""
    if end is None:
        matched.tick(NOW_US + HOUR_US)
    else:
        matched.apply(end)
    with pytest.raises(StateConflictError, match="extending needs ACTIVE"):
        matched.apply(ExtendMatch(M1))


# --- Labels ---------------------------------------------------------------------


def test_one_label_is_active(matched: RunningShard) -> None:
    """The second takes the place of the first, which is out and has to be voided."""
    assert _states(_label(matched, L1, LabelState.REQUESTED)) == {
        "l1": (LabelState.REQUESTED, False)
    }
    _label(matched, L1, LabelState.ISSUED)
    match = _label(matched, L2, LabelState.REQUESTED)
    assert _states(match) == {
        "l1": (LabelState.SUPERSEDED, True),
        "l2": (LabelState.REQUESTED, False),
    }
    assert match.must_void_ids == (L1,)
    told = _label(matched, L1, LabelState.VOIDED)
    assert _states(told)["l1"] == (LabelState.SUPERSEDED, False)
    # What is said again changes nothing.
    again = _label(matched, L1, LabelState.VOIDED)
    assert again == told == matched.match()
    assert told.version == 5


def test_a_released_match_names_the_labels_to_void(matched: RunningShard) -> None:
    """In its labels and in the decision that follows; one only requested is gone."""
    _label(matched, L1, LabelState.ISSUED)
    _label(matched, L2, LabelState.REQUESTED)
    answer = matched.apply(ReleaseMatch(M1))
    assert isinstance(answer, ReleaseAnswer)
    assert answer.decision.void_label_ids == (L1,)
    assert _states(answer.match) == {
        "l1": (LabelState.SUPERSEDED, True),
        "l2": (LabelState.VOIDED, False),
    }
    with pytest.raises(StateConflictError, match="a new label or REQUESTED"):
        _label(matched, L2, LabelState.ISSUED)
    with pytest.raises(StateConflictError, match="ACTIVE or CONFIRMED"):
        _label(matched, LabelId("l3"), LabelState.ISSUED)
    assert not _label(matched, L1, LabelState.VOIDED).must_void_ids


def test_an_expired_hold_says_it_to_whoever_watches(matched: RunningShard) -> None:
    """Nobody is answered: the decision in the log has it."""
    _label(matched, L1, LabelState.ISSUED)
    matched.tick(NOW_US + HOUR_US)
    assert matched.store.rows.decisions[-1].void_label_ids == (L1,)
    assert matched.match().must_void_ids == (L1,)


def test_a_cancelled_return_says_it_too(matched: RunningShard) -> None:
    """The customer keeps the item: its label leads nowhere."""
    _label(matched, L1, LabelState.ISSUED)
    answer = matched.apply(CancelReturn(R1))
    assert isinstance(answer, ReturnAnswer)
    assert answer.decision.void_label_ids == (L1,)
    assert _states(matched.match()) == {"l1": (LabelState.VOIDED, True)}


def test_a_confirmed_match_keeps_its_label(matched: RunningShard) -> None:
    """And may get another, until the item has arrived, after a restart too."""
    _label(matched, L1, LabelState.ISSUED)
    matched.apply(ConfirmMatch(M1))
    matched.restart()
    match = _label(matched, L2, LabelState.ISSUED)
    assert match.hold_state is HoldState.CONFIRMED
    assert _states(match) == {
        "l1": (LabelState.SUPERSEDED, True),
        "l2": (LabelState.ISSUED, False),
    }
    matched.apply(RecordOutcome(ItemOutcome(NOW_US, Arrival.ARRIVED), match_id=M1))
    with pytest.raises(StateConflictError, match="COMPLETED"):
        _label(matched, LabelId("l3"), LabelState.REQUESTED)
    assert not _label(matched, L1, LabelState.VOIDED).must_void_ids


def test_what_goes_without_a_label_gets_none(shard: RunningShard) -> None:
    """A customer who leaves the item at a drop-off point needs no label (R36)."""
    shard.upsert(demand())
    shard.submit(return_item(preferred_path=ReturnPath.DROP_OFF))
    shard.round()
    with pytest.raises(StateConflictError, match="DROP_OFF, without a label"):
        _label(shard, L1, LabelState.REQUESTED)


def test_labels_have_their_bounds(matched: RunningShard) -> None:
    """The tenth fits; the eleventh, a strange one and a stale etag are refused."""
    for number in range(LABEL_COUNT_MAX):
        _label(matched, LabelId(f"l{number}"), LabelState.REQUESTED)
    with pytest.raises(LimitExceededError, match="labels of a match: 11"):
        _label(matched, LabelId("more"), LabelState.REQUESTED)
    with pytest.raises(NotFoundError, match="'nobody'"):
        _label(matched, LabelId("nobody"), LabelState.VOIDED)
    with pytest.raises(VersionMismatchError):
        _label(matched, LabelId("l9"), LabelState.ISSUED, "1")


# --- Releases of many -----------------------------------------------------------


@pytest.fixture(name="four")
def _four(shard: RunningShard) -> RunningShard:
    # Two rounds of two matches; d1 holds three of the four units.
    shard.upsert(demand("d1", quantity=3), demand("d2", 500, sku="coat"))
    shard.submit(return_item("r1"), return_item("r2", sku="coat"))
    shard.round()
    shard.submit(return_item("r3"), return_item("r4"))
    shard.round()
    return shard


def _released(shard: RunningShard, command: ReleaseMatches) -> tuple[list[str], int]:
    answer = shard.apply(command)
    assert isinstance(answer, BulkReleaseAnswer)
    return [each.match.return_id for each in answer.released], answer.remaining_count


def test_a_round_is_released(four: RunningShard) -> None:
    """Its two matches and no other; asked again, there is nothing left of it."""
    second = ReleaseMatches(RoundId("r-000000000002"))
    assert _released(four, second) == (["r3", "r4"], 0)
    assert four.demand("d1").held_count == 1
    assert four.item("r3").released_demand_ids == (D1,)
    assert four.item("r1").state is ReturnState.MATCHED
    assert _released(four, second) == ([], 0)


def test_a_demand_is_released_bit_by_bit(four: RunningShard) -> None:
    """Two of three, lowest ids first, then the last; a confirmed one stays."""
    two = ReleaseMatches(demand_id=D1, count_max=2)
    assert _released(four, two) == (["r1", "r3"], 1)
    four.apply(ConfirmMatch(four.item("r4").match_id))
    assert _released(four, two) == ([], 0)
    record = four.demand("d1")
    assert (record.held_count, record.fulfilled_count) == (0, 1)
    assert four.item("r2").state is ReturnState.MATCHED


# --- What changes while units are held ------------------------------------------


def test_a_changed_demand_keeps_its_promises(matched: RunningShard) -> None:
    """Stricter, elsewhere, another SKU: the held unit is confirmed all the same."""
    changed = demand("d1", 300_000, sku="coat", min_condition=Condition.NEW, quantity=2)
    (record,) = matched.upsert(changed)
    assert (record.state, record.held_count) == (DemandState.OPEN, 1)
    matched.apply(ConfirmMatch(M1))
    assert matched.demand().fulfilled_count == 1
    matched.submit(return_item("r2"))
    assert matched.round().matched_count == 0


def test_a_quantity_stays_above_what_is_held(four: RunningShard) -> None:
    """Three are held: two is refused and says so, three is HELD, four is OPEN again."""
    with pytest.raises(StateConflictError, match="promised 3 times"):
        four.upsert(demand("d1", quantity=2))
    assert four.upsert(demand("d1", quantity=4))[0].state is DemandState.OPEN
    assert four.upsert(demand("d1", quantity=3))[0].state is DemandState.HELD


@pytest.mark.parametrize(
    "command", [CancelReturn(R1), CancelDemand(D1)], ids=["return", "demand"]
)
def test_cancelled_during_a_solve_is_promised_nothing(
    shard: RunningShard, command: CancelReturn | CancelDemand
) -> None:
    """The round had the pair; by the time that it ends, one side is gone."""
    shard.upsert(demand())
    shard.submit(return_item())
    record = shard.round(lambda: shard.apply(command))
    assert (record.matched_count, record.dropped_count) == (0, 1)
    assert shard.demand().held_count == 0
    assert not shard.store.rows.matches


# --- Etags ----------------------------------------------------------------------

STALE = {
    "demand cancelled": CancelDemand(D1, "7"),
    "return cancelled": CancelReturn(R1, "7"),
    "evidence": RecordVerification(R1, verification(evidence_id="e2"), "7"),
    "match extended": ExtendMatch(M1, etag="7"),
    "warehouse changed": UpsertWarehouse(warehouse("w1", 9), "7"),
    "warehouse that is not there": UpsertWarehouse(warehouse("w2"), "7"),
    "warehouse deleted": DeleteWarehouse(warehouse("w1").warehouse_id, "7"),
    "program": RollbackPolicy("complaints", "7"),
}


@pytest.mark.parametrize("name", STALE)
def test_a_stale_etag_changes_nothing(matched: RunningShard, name: str) -> None:
    """Somebody else was faster: ABORTED, and all rows are as they were."""
    matched.apply(UpsertWarehouse(warehouse("w1")))
    before = matched.store.load()
    with pytest.raises(VersionMismatchError):
        matched.apply(STALE[name])
    assert matched.store.load() == before


def test_current_etags_pass(matched: RunningShard) -> None:
    """What a caller has read last is what it may change."""
    matched.apply(CancelDemand(D1, str(matched.demand().version)))
    matched.apply(CancelReturn(R1, str(matched.item().version)))
    assert matched.item().state is ReturnState.CANCELLED
