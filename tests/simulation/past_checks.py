"""A life that was lived is lived again, whole, from its middle, and round by round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.explanations import check_changes
from matcher.domain.decision import Decision
from matcher.domain.reason import ReasonCode
from matcher.engine.changes import Changes
from matcher.engine.journal import (
    Checkpoint,
    RoundBegan,
    RoundFinished,
    ShadowsBegan,
    ShadowsFinished,
)
from matcher.engine.limits import ShardLimits
from matcher.engine.records import RoundRecord
from matcher.simulate.recorded_admission import recorded_asking
from matcher.simulate.recorded_round import recorded_round
from matcher.simulate.replay import replay
from tests.scenarios import NOW_US, TENANT, MemoryStore


def check_replay(history: Sequence[Changes], limits: ShardLimits, middle: int) -> None:
    """Live a life again, and from the middle on."""
    while _is_finished_first(history[middle:]):
        middle += 1
    for first in (0, middle):
        lived = Changes()
        for changes in history[first:]:
            lived.add(changes)
        again = Changes()
        start = _checkpoint(history[:first])
        for changes in replay(TENANT, start, lived.journal, limits=limits):
            again.add(changes)
        assert again == lived


def check_recorded(history: Sequence[Changes], every: int, met: Counter[str]) -> None:
    """Live some rounds again up to their end, and every refusal of a volume cap."""
    lived = Changes()
    for changes in history:
        lived.add(changes)
    start = _checkpoint(())
    for record in lived.rounds[::every]:
        found = recorded_round(TENANT, start, lived.journal, record)
        assert found is not None
        found.must_be(record)
        of_round = {d.decision_id: d for d in found.decisions}
        stored = {d.decision_id: d for d in lived.decisions}
        assert all(stored[key] == each for key, each in of_round.items())
        made = {d.decision_id for d in lived.decisions if _is_of(d, record)}
        assert made <= set(of_round)
        met["recorded round"] += 1
        # R41: what an unmatched item lacked, applied, and the round solved again.
        checked = check_changes(found, found.task, 5)
        assert not checked.wrong, (record.round_id, checked.wrong)
        met.update(f"exact {kind.name}" for kind in checked.exact)
    for decision in lived.decisions:
        if any(r.code is ReasonCode.VOLUME_CAP_REACHED for r in decision.reasons):
            _check_asking(start, lived, decision)


def _check_asking(start: Checkpoint, lived: Changes, decision: Decision) -> None:
    # With the missing places the refused one gets in, with one less it does not;
    # with none more, all of them get what they got.
    found = recorded_asking(TENANT, start, lived.journal, decision.decision_id)
    assert found is not None
    missing = found.missing_places()
    assert missing >= 1
    for more, expected in ((0, False), (missing - 1, False), (missing, True)):
        admitted = found.admitted_count
        gets = False
        for eligible, asks in enumerate(found.asks, found.eligible_count + 1):
            room = found.cap.basis_points * eligible // 10_000 + more
            gets = asks and admitted < room
            admitted += gets
        assert gets is expected, (decision, found, more)


def _is_of(decision: Decision, record: RoundRecord) -> bool:
    return decision.round_id == record.round_id


def _is_finished_first(later: Sequence[Changes]) -> bool:
    # Whether a round is in flight: a checkpoint is never taken then.
    events = (entry.event for changes in later for entry in changes.journal)
    kinds = RoundBegan | RoundFinished | ShadowsBegan | ShadowsFinished
    rounds = (e for e in events if isinstance(e, kinds))
    return isinstance(next(rounds, None), RoundFinished | ShadowsFinished)


def _checkpoint(before: Sequence[Changes]) -> Checkpoint:
    store = MemoryStore()
    for changes in before:
        store.commit(changes)
    rows = store.load()
    at_us = max((e.now_us for e in store.rows.journal), default=NOW_US)
    return Checkpoint(
        at_us=at_us,
        entry_count=len(store.rows.journal),
        rows=rows,
        decisions=tuple(
            found
            for record in rows.returns
            if (found := store.decision(record.decision_id)) is not None
        ),
    )
