"""What time does to a shard, and when it asks for a round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.domain.demand import DemandState
from matcher.domain.errors import (
    StateConflictError,
)
from matcher.domain.ids import DemandId, MatchId, ReturnId
from matcher.domain.match import HoldState, Match
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.engine.commands import (
    ConfirmMatch,
    ReleaseMatch,
)
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    SECOND_US,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
)

M1 = MatchId("m-000000000001")
R1 = ReturnId("r1")
D1 = DemandId("d1")


# --- Time -----------------------------------------------------------------------


def test_a_hold_ends_at_its_very_instant(matched: RunningShard) -> None:
    """At +1 h - 1 us it can be confirmed, at +1 h it cannot."""
    late = RunningShard(matched.store.copy(), now_us=NOW_US + HOUR_US)
    with pytest.raises(StateConflictError) as caught:
        late.apply(ConfirmMatch(M1))
    assert caught.value.state == "EXPIRED"
    assert late.item().reason_codes == (
        ReasonCode.HOLD_EXPIRED,
        ReasonCode.AWAITING_ROUND,
    )
    matched.now_us = NOW_US + HOUR_US - 1
    answer = matched.apply(ConfirmMatch(M1))
    assert isinstance(answer, Match)
    assert answer.hold_state is HoldState.CONFIRMED
    assert matched.item().state is ReturnState.CONFIRMED
    assert matched.demand().state is DemandState.FULFILLED


def test_a_clock_that_jumps_back_revives_nothing(matched: RunningShard) -> None:
    """Expired at +1 h, confirmed "at" +30 min: still expired, and dated +1 h."""
    matched.tick(NOW_US + HOUR_US)
    matched.now_us = NOW_US + HOUR_US // 2
    with pytest.raises(StateConflictError):
        matched.apply(ConfirmMatch(M1))
    (answer,) = matched.submit(return_item("r2"))
    assert answer.decision.decided_us == NOW_US + HOUR_US


def test_an_unwatched_item_is_late_by_no_more_than_its_tick(
    shard: RunningShard,
) -> None:
    """The host wakes at next_us: a margin of a second before decide-by (R60; I1)."""
    shard.submit(return_item())
    due_us = shard.shard.next_us()
    assert due_us == NOW_US + DAY_US - SECOND_US
    shard.tick(due_us - 1)
    assert shard.item().state is ReturnState.WAITING
    shard.tick(due_us)
    assert shard.item().state is ReturnState.WAREHOUSE
    assert shard.shard.next_us() is None


def test_a_hold_never_outlives_decide_by(shard: RunningShard) -> None:
    """Ten minutes to decide and an hour's hold: unconfirmed, it goes in time."""
    shard.upsert(demand())
    shard.submit(return_item(decide_by_us=NOW_US + 10 * MINUTE_US))
    shard.round()
    end_us = NOW_US + 10 * MINUTE_US - SECOND_US
    assert shard.match().hold_expire_us == shard.shard.next_us() == end_us
    shard.tick(end_us)
    assert shard.item().state is ReturnState.WAREHOUSE
    assert shard.item().reason_codes[:2] == (
        ReasonCode.HOLD_EXPIRED,
        ReasonCode.DECIDE_BY_REACHED,
    )


def test_a_tick_that_comes_late_settles_all_of_it(matched: RunningShard) -> None:
    """Nothing ran for three days: the hold, the item, the demand, in one tick."""
    matched.tick(NOW_US + 3 * DAY_US)
    assert matched.match().hold_state is HoldState.EXPIRED
    assert matched.item().state is ReturnState.WAREHOUSE
    assert matched.demand().state is DemandState.EXPIRED
    assert matched.shard.next_us() is None


def test_a_late_item_says_what_the_last_round_found(shard: RunningShard) -> None:
    """Out of radius, then out of time: both are reasons, and the check stands (R41)."""
    shard.upsert(demand("d1", 60_000))
    shard.submit(return_item())
    shard.round()
    shard.tick(NOW_US + DAY_US)
    assert shard.item().reason_codes == (
        ReasonCode.DECIDE_BY_REACHED,
        ReasonCode.OUT_OF_RADIUS,
        ReasonCode.STANDARD_WAREHOUSE_ROUTE,
    )
    names = {check.name for check in shard.store.rows.decisions[-1].checks}
    assert {"within_radius", "inspection_passed", "warehouse_takes_category"} <= names


def test_planning_that_fails_is_said_until_it_works(shard: RunningShard) -> None:
    """A round that could not be solved: who runs out of time is told so (R60)."""
    shard.submit(return_item("r1"), return_item("r2", decide_by_us=NOW_US + 2 * DAY_US))
    shard.shard.begin_round(NOW_US)
    shard.shard.round_failed()
    shard.tick(NOW_US + DAY_US)
    assert ReasonCode.PLANNING_UNAVAILABLE in shard.item("r1").reason_codes
    shard.round()
    shard.tick(NOW_US + 2 * DAY_US)
    assert ReasonCode.PLANNING_UNAVAILABLE not in shard.item("r2").reason_codes


# --- Rounds that are due --------------------------------------------------------


def _waiting_for_units() -> RunningShard:
    """r1 holds the only unit for 10 minutes at most; r2 waits for one."""
    shard = RunningShard()
    shard.activate(policy(round_interval_us=MINUTE_US))
    shard.upsert(demand())
    shard.submit(return_item("r1", decide_by_us=NOW_US + 10 * MINUTE_US))
    shard.submit(return_item("r2", 500))
    shard.round()
    assert shard.item("r1").state is ReturnState.MATCHED
    assert shard.shard.round_due_us() is None
    return shard


def test_a_unit_that_an_expired_hold_frees_makes_a_round_due() -> None:
    """r1 goes to the warehouse with its time; its unit is there for r2."""
    shard = _waiting_for_units()
    shard.tick(NOW_US + 10 * MINUTE_US)
    assert shard.item("r1").state is ReturnState.WAREHOUSE
    due_us = shard.shard.round_due_us()
    assert due_us is not None
    assert due_us <= shard.now_us
    assert shard.round().matched_count == 1


def test_a_unit_that_a_release_frees_makes_a_round_due() -> None:
    """r1 no longer passes when it is released; its unit is there for r2."""
    shard = _waiting_for_units()
    shard.store.rows.returns[R1] = replace(
        shard.item("r1"),
        item=replace(shard.item("r1").item, customer_consents=False),
    )
    shard.restart()
    shard.shard.begin_round(NOW_US)
    assert shard.shard.round_due_us() is None
    shard.apply(ReleaseMatch(M1))
    assert shard.item("r1").state is ReturnState.WAREHOUSE
    assert shard.shard.round_due_us() is not None
    assert shard.round().matched_count == 1


def test_who_was_sent_off_pulls_no_round() -> None:
    """Its deadline is nobody's any more: the next round comes by its interval."""
    shard = RunningShard()
    shard.activate(policy(round_interval_us=12 * HOUR_US))
    shard.submit(return_item("r1", decide_by_us=NOW_US + HOUR_US))
    shard.submit(return_item("r2", sku="coat"))
    narrow = policy(rule(min_saving_micros=2), round_interval_us=12 * HOUR_US)
    shard.activate(replace(narrow, segments=("nobody",)))
    shard.round()
    assert shard.item("r1").state is ReturnState.WAREHOUSE
    shard.activate(policy(round_interval_us=12 * HOUR_US))
    shard.submit(return_item("r3"))
    assert shard.shard.round_due_us() == NOW_US + 12 * HOUR_US
