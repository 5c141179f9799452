"""Outcomes and guardrails of a shard: restarts, replays, ties and resets."""

from __future__ import annotations

from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.ids import ReturnId
from matcher.domain.item import Condition
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.domain.program import ProgramEventKind
from matcher.domain.return_item import ReturnState
from matcher.engine.changes import Changes
from matcher.engine.commands import ConfirmMatch, RecordOutcome, ResumeProgram
from matcher.engine.journal import Checkpoint
from matcher.simulate.replay import replay
from tests.scenarios import (
    DAY_US,
    NOW_US,
    TENANT,
    RunningShard,
    demand,
    policy,
    return_item,
)

_COMPLAINTS = GuardrailMetric.COMPLAINT_SHARE


def _guarded(**changes: int) -> RunningShard:
    values = {"threshold_basis_points": 0, "sample_size_min": 1, "window_us": DAY_US}
    shard = RunningShard()
    guardrail = Guardrail("apparel", _COMPLAINTS, **{**values, **changes})
    shard.activate(policy(guardrails=(guardrail,)))
    return shard


def _hand_over(shard: RunningShard, count: int) -> None:
    first = len(shard.store.rows.returns)
    names = range(first, first + count)
    shard.upsert(*(demand(f"d{name}") for name in names))
    shard.submit(*(return_item(f"r{name}") for name in names))
    shard.round()
    for name in names:
        shard.apply(ConfirmMatch(shard.item(f"r{name}").match_id))


def _complain(shard: RunningShard, return_id: str) -> None:
    response = BuyerResponse.COMPLAINED
    outcome = ItemOutcome(shard.now_us, Arrival.ARRIVED, Condition.NEW, response)
    shard.apply(RecordOutcome(outcome, ReturnId(return_id)))


def _is_paused(shard: RunningShard) -> bool:
    program = shard.store.rows.program
    return program is not None and bool(program.pauses)


def test_a_pause_stands_in_the_transaction_of_the_outcome() -> None:
    """One set of changes has the outcome, the count, the pause and its event."""
    shard = _guarded()
    _hand_over(shard, 1)
    outcome = ItemOutcome(NOW_US, response=BuyerResponse.COMPLAINED)
    shard.shard.apply(RecordOutcome(outcome, ReturnId("r0")), NOW_US)
    changes = shard.shard.take_changes()
    assert changes.returns[ReturnId("r0")].outcome_record is not None
    assert changes.guardrail_days["apparel", _COMPLAINTS, NOW_US // DAY_US].bad_count
    (event,) = changes.program_events
    assert event.kind is ProgramEventKind.GUARDRAIL_TRIPPED
    assert changes.program is not None
    assert changes.program.pauses[0].note == event.note


def test_a_restart_counts_on_where_it_stopped() -> None:
    """Two of three in all, one of them before the restart: above half."""
    shard = _guarded(threshold_basis_points=5_000, sample_size_min=3)
    _hand_over(shard, 3)
    _complain(shard, "r0")
    shard.restart()
    outcome = ItemOutcome(NOW_US, response=BuyerResponse.SATISFIED)
    shard.apply(RecordOutcome(outcome, ReturnId("r1")))
    assert not _is_paused(shard)
    shard.restart()
    _complain(shard, "r2")
    assert _is_paused(shard)


def test_a_resume_starts_the_count_anew_within_the_same_instant() -> None:
    """
    What was counted before the resume is gone, though the clock stands still.

    Taking back a complaint of before then takes nothing from the count of after.
    """
    shard = _guarded(threshold_basis_points=5_000, sample_size_min=2)
    _hand_over(shard, 4)
    _complain(shard, "r0")
    _complain(shard, "r1")
    assert _is_paused(shard)
    shard.apply(ResumeProgram("apparel"))
    _complain(shard, "r2")
    assert not _is_paused(shard)
    happy = ItemOutcome(NOW_US, Arrival.ARRIVED, Condition.NEW, BuyerResponse.SATISFIED)
    shard.apply(RecordOutcome(happy, ReturnId("r0")))
    # One of two: r2's complaint and r0's praise, which is counted when it is said.
    row = shard.store.rows.guardrail_days["apparel", _COMPLAINTS, NOW_US // DAY_US]
    assert (row.bad_count, row.total_count) == (1, 2)
    assert not _is_paused(shard)
    _complain(shard, "r3")
    assert _is_paused(shard)


def test_an_outcome_long_after_lives_again_from_a_checkpoint() -> None:
    """The settled return and match are in the entry, not in the checkpoint."""
    shard = _guarded()
    _hand_over(shard, 2)
    before = shard.store.copy()
    start = Checkpoint(NOW_US, len(before.rows.journal), before.load())
    match_id = shard.item("r1").match_id
    shard.now_us += 2 * DAY_US
    lost = ItemOutcome(shard.now_us, Arrival.LOST)
    shard.apply(RecordOutcome(lost, match_id=match_id))
    _complain(shard, "r0")
    entries = shard.store.rows.journal[start.entry_count :]
    lived = Changes()
    for changes in replay(TENANT, start, entries):
        lived.add(changes)
    assert lived.returns == {ReturnId(name): shard.item(name) for name in ("r0", "r1")}
    assert shard.item("r1").state is ReturnState.CONFIRMED
    assert shard.item("r0").state is ReturnState.COMPLETED
    assert lived.program == shard.store.rows.program
    assert lived.journal == entries
