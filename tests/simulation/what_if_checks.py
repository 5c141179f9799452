"""What a life without words is held against: a shard's rows, return by return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from matcher.domain.match import Match
from matcher.domain.policy import Policy
from matcher.domain.program import Pause, ProgramEventKind
from matcher.domain.reason import Gate, ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.engine.journal import Checkpoint, Entry
from matcher.simulate.whatif.codes import codes_of
from matcher.simulate.whatif.course import Course, Ending
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.recording import timeline_of
from matcher.simulate.whatif.study import Study, Variant
from matcher.simulate.whatif.timeline import Timeline
from tests.scenarios import TENANT, MemoryStore
from tests.simulation.recorded_life import RecordedLife

ENDINGS = {
    ReturnState.WAITING: Ending.WAITING,
    ReturnState.MATCHED: Ending.HELD,
    ReturnState.CONFIRMED: Ending.CONFIRMED,
    ReturnState.COMPLETED: Ending.CONFIRMED,
    ReturnState.WAREHOUSE: Ending.WAREHOUSE,
    ReturnState.CANCELLED: Ending.CANCELLED,
}


def timeline(
    life: RecordedLife,
    start: Checkpoint,
    entries: Iterable[Entry],
    matches: Iterable[Match],
) -> Timeline:
    """Return the timeline of a life from a checkpoint on."""
    return timeline_of(TENANT, start, entries, matches, end_us=life.end_us)


def compare(
    lived: Timeline, store: MemoryStore, policy: Policy | None = None
) -> tuple[Course, Counter[str]]:
    """
    Live a timeline, and hold each return item and each pause against the rows.

    Without a policy, under what was in force. Returns the course, and what it met.
    """
    facts = Facts(TENANT, lived)
    ((_, course),) = Study(facts, [Variant("it", policy)]).run()
    orders, met = facts.orders, Counter[str]()
    for row, item in enumerate(facts.items.items):
        record = store.rows.returns[item.return_id]
        ending = Ending(int(course.ending[row]))
        assert ending is ENDINGS[record.state], item.return_id
        state = int(course.state[row])
        demand_id = orders.demand_ids[orders.unit[state]] if state >= 0 else None
        match = store.rows.matches.get(record.match_id)
        is_matched = ending in (Ending.HELD, Ending.CONFIRMED)
        assert demand_id == (match.demand_id if match and is_matched else None)
        if match and is_matched:
            assert course.saving_micros[row] == match.saving_micros
            assert course.distance_m[row] == match.distance_m
            assert course.label_micros[row] == match.match_cost_micros
        codes = codes_of(int(course.bits[row]))
        if ending is not Ending.WAITING:
            assert set(codes) == _said(record.reason_codes), item.return_id
        met.update([ending.name, *(code.name for code in codes)])
    assert course.tripped == tripped(store, lived.start_us)
    return course, met


def tripped(store: MemoryStore, from_us: int) -> tuple[Pause, ...]:
    """Return the pauses that guardrails made, with their figures."""
    return tuple(
        Pause(each.category, each.note, each.happened_us)
        for each in store.rows.program_events
        if each.kind is ProgramEventKind.GUARDRAIL_TRIPPED
        and each.happened_us > from_us
    )


def _said(codes: Iterable[ReasonCode]) -> set[ReasonCode]:
    # The choice of a warehouse is left out of a life.
    return {code for code in codes if code.gate is not Gate.ROUTING}
