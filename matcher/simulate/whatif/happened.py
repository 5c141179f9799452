"""What became of the return items of a timeline in fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from matcher.domain.decision import Decision
from matcher.domain.ids import MatchId, ReturnId
from matcher.domain.lifecycle import DECIDED_STATES
from matcher.domain.match import HoldState, Match
from matcher.domain.program import Pause, ProgramEvent, ProgramEventKind
from matcher.domain.reason import Gate
from matcher.domain.return_item import ReturnState
from matcher.engine.records import ReturnRecord
from matcher.simulate.whatif.codes import bits_of
from matcher.simulate.whatif.course import Course, Ending
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.standings import Standings

_ENDINGS = {
    ReturnState.WAITING: Ending.WAITING,
    ReturnState.MATCHED: Ending.HELD,
    ReturnState.CONFIRMED: Ending.CONFIRMED,
    # What became of it after the hand-over, no variant knows.
    ReturnState.COMPLETED: Ending.CONFIRMED,
    ReturnState.WAREHOUSE: Ending.WAREHOUSE,
    ReturnState.CANCELLED: Ending.CANCELLED,
}


def as_of(
    record: ReturnRecord,
    decisions: Iterable[Decision],
    matches: Mapping[MatchId, Match],
    end_us: int,
) -> ReturnRecord:
    """
    Return what an item was decided to be at an instant, though more came of it later.

    Parameters
    ----------
    record
        The item as it is stored, which came in before.
    decisions
        All of it, oldest first.
    matches
        Those that they name, as they stand now.
    end_us
        The instant, microseconds since the epoch; what happened at it is later.
    """
    *_, last = (each for each in decisions if each.decided_us < end_us)
    state, match_id = DECIDED_STATES[last.outcome], record.match_id
    if last.match is not None:
        match = matches[last.match.match_id]
        match_id = match.match_id
        is_over = match.ended_us is not None and match.ended_us < end_us
        if is_over and match.hold_state is HoldState.CONFIRMED:
            state = ReturnState.CONFIRMED
    return replace(
        record,
        state=state,
        match_id=match_id,
        updated_us=last.decided_us,
        reason_codes=tuple(reason.code for reason in last.reasons),
    )


def happened(
    facts: Facts,
    records: Mapping[ReturnId, ReturnRecord],
    matches: Mapping[MatchId, Match],
    lived: Course,
    events: Iterable[ProgramEvent] = (),
) -> Course:
    """
    Return what was decided, in the form of a course.

    Parameters
    ----------
    facts
        The timeline.
    records
        Its return items as they stood at its end (:func:`as_of`).
    matches
        The matches that those name.
    lived
        The course under what was in force: which items were eligible is not stored.
    events
        The program's log from the start on: it has the pauses that guardrails made.
    """
    at = Standings(len(facts.items.items))
    orders = facts.orders
    unit_of = {each: unit for unit, each in enumerate(orders.demand_ids)}
    for row, item in enumerate(facts.items.items):
        record = records[item.return_id]
        at.ending[row] = _ENDINGS[record.state]
        codes = (c for c in record.reason_codes if c.gate is not Gate.ROUTING)
        at.reasons[row] = bits_of(codes)
        at.decided_us[row] = record.updated_us
        if at.ending[row] in (Ending.HELD, Ending.CONFIRMED):
            match = matches[record.match_id]
            at.state[row] = orders.first_state[unit_of[match.demand_id]]
            made_us = facts.timeline.finished_us
            at.decided_us[row] = made_us.get(match.round_id, record.updated_us)
            at.distance_m[row] = match.distance_m
            at.saving[row] = match.saving_micros
            at.label[row] = match.match_cost_micros
    end_us = facts.timeline.end_us
    tripped = tuple(
        Pause(each.category, each.note, each.happened_us)
        for each in events
        if each.kind is ProgramEventKind.GUARDRAIL_TRIPPED and each.happened_us < end_us
    )
    return at.course(lived.is_eligible, [], 0, tripped)
