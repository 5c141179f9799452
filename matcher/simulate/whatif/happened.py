"""What became of the return items of a timeline in fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matcher.domain.ids import MatchId, ReturnId
from matcher.domain.match import Match
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
        Its return items as they are stored.
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
