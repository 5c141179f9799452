"""A recorded life lived again where planning was late, and promises were moved."""

from __future__ import annotations

from matcher.domain.ids import DemandId, LabelId, MatchId, ReturnId
from matcher.domain.match_label import LabelState
from matcher.domain.reason import ReasonCode
from matcher.engine.commands import (
    ConfirmMatch,
    ExtendMatch,
    RecordLabel,
    ReleaseMatch,
    ReleaseMatches,
    Tick,
)
from matcher.engine.erasure import Subjects, erased_entry
from matcher.engine.journal import Entry, Known
from matcher.engine.limits import ShardLimits
from matcher.engine.round_task import solve_round
from tests.scenarios import HOUR_US, MINUTE_US, NOW_US, demand, policy, return_item
from tests.simulation.past_checks import check_replay
from tests.simulation.recorded_life import RecordingShard

M1, M2 = MatchId("m-000000000001"), MatchId("m-000000000002")


def test_a_round_that_was_late_is_late_again() -> None:
    """It hangs, r1 runs out of time and is told so, then its answer comes after all."""
    shard = RecordingShard()
    shard.activate(policy())
    shard.upsert(demand())
    shard.submit(return_item("r1", decide_by_us=NOW_US + HOUR_US), return_item("r2"))
    task = shard.shard.begin_round(shard.now_us)
    shard.commit()
    shard.shard.round_failed()
    shard.advance(NOW_US + HOUR_US)
    assert ReasonCode.PLANNING_UNAVAILABLE in shard.item("r1").reason_codes
    shard.shard.finish_round(solve_round(task), shard.now_us)
    shard.commit()
    shard.submit(return_item("r3", decide_by_us=shard.now_us + HOUR_US))
    shard.advance(shard.now_us + HOUR_US)
    assert ReasonCode.PLANNING_UNAVAILABLE not in shard.item("r3").reason_codes
    check_replay(shard.history, ShardLimits(), len(shard.history) // 2)


def test_promises_are_moved_again() -> None:
    """Extended, labelled, released, confirmed: the same rows from any place on."""
    shard = RecordingShard()
    shard.activate(policy())
    shard.upsert(demand(quantity=2), demand("d2", sku="coat"))
    shard.submit(return_item("r1"), return_item("r2", sku="coat"))
    shard.round()
    shard.advance(NOW_US + MINUTE_US)
    for command in (
        ExtendMatch(M1),
        RecordLabel(M1, LabelId("l1"), LabelState.ISSUED),
        RecordLabel(M2, LabelId("l2"), LabelState.ISSUED),
        ReleaseMatches(demand_id=DemandId("d1")),
        ConfirmMatch(M2),
        RecordLabel(M2, LabelId("l3"), LabelState.ISSUED),
        Tick(),
    ):
        shard.apply(command)
    shard.restart()
    shard.apply(RecordLabel(M2, LabelId("l2"), LabelState.VOIDED))
    labels = {each.label_id: each for each in shard.match(M2).labels}
    assert labels["l2"].state is LabelState.SUPERSEDED
    for middle in range(len(shard.history)):
        check_replay(shard.history, ShardLimits(), middle)


def test_an_erased_entry_keeps_the_matches_that_it_knew() -> None:
    """They name nobody, and what another return's replay looks up has to be there."""
    shard = RecordingShard()
    shard.activate(policy())
    shard.upsert(demand())
    shard.submit(return_item("r1"))
    shard.round()
    known = Known(matches=(shard.match(),))
    entry = Entry(NOW_US, ReleaseMatch(M1), known)
    subjects = Subjects(frozenset({ReturnId("r9")}), frozenset())
    assert erased_entry(entry, subjects) == entry
