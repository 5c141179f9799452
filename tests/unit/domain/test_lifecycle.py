"""The tables of states and moves, and how a machine permits and refuses."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from matcher.domain.demand import DemandState
from matcher.domain.errors import StateConflictError
from matcher.domain.lifecycle import DEMANDS, HOLDS, LABELS, RETURNS, UNITS
from matcher.domain.match import HoldState
from matcher.domain.match_label import LabelState
from matcher.domain.return_item import ReturnState
from matcher.domain.state_machine import StateMachine
from matcher.domain.trigger import Trigger

MACHINES: tuple[tuple[StateMachine[Any], type[IntEnum], set[str]], ...] = (
    (RETURNS, ReturnState, {"COMPLETED", "WAREHOUSE", "CANCELLED"}),
    (DEMANDS, DemandState, {"FULFILLED", "CANCELLED", "EXPIRED"}),
    (UNITS, DemandState, {"FULFILLED", "CANCELLED", "EXPIRED"}),
    (HOLDS, HoldState, {"CONFIRMED", "RELEASED", "EXPIRED"}),
    (LABELS, LabelState, {"VOIDED", "SUPERSEDED"}),
)
KINDS = [machine.kind for machine, *_ in MACHINES]


@pytest.mark.parametrize(("machine", "states", "final"), MACHINES, ids=KINDS)
def test_final_states_are_the_designs(
    machine: StateMachine[Any], states: type[IntEnum], final: set[str]
) -> None:
    """No move leads out of them, and a move leads out of every other (DESIGN.md, 3)."""
    leaving = {m.before.name for m in machine.moves if set(m.after) != {m.before}}
    assert {state.name for state in states if state} - leaving == final


@pytest.mark.parametrize(("machine", "states", "final"), MACHINES, ids=KINDS)
def test_every_state_is_reached(
    machine: StateMachine[Any], states: type[IntEnum], final: set[str]
) -> None:
    """From nothing, or from an open unit, moves lead to each state and back to none."""
    reached = {DemandState.OPEN} if machine is UNITS else {states(0)}
    while True:
        more = {a for m in machine.moves if m.before in reached for a in m.after}
        if more <= reached:
            break
        reached |= more
    assert {state.name for state in reached if state} == {s.name for s in states if s}
    assert not any(0 in move.after for move in machine.moves)


def test_every_trigger_moves_something() -> None:
    """A trigger that no table has would be a word without a meaning."""
    used = {move.trigger for machine, *_ in MACHINES for move in machine.moves}
    assert used == set(Trigger)


def test_a_refusal_names_state_trigger_and_what_is_accepted() -> None:
    """Confirming what has expired: from ACTIVE only; a label is new, or requested."""
    with pytest.raises(StateConflictError) as caught:
        HOLDS.check("m-1", HoldState.EXPIRED, Trigger.CONFIRM)
    assert str(caught.value) == "match 'm-1' is EXPIRED; confirming needs ACTIVE"
    with pytest.raises(StateConflictError) as caught:
        LABELS.check("l-1", LabelState.VOIDED, Trigger.ISSUE_LABEL)
    assert caught.value.allowed == "a new label or REQUESTED"
    with pytest.raises(StateConflictError) as caught:
        RETURNS.check("r1", ReturnState.CANCELLED, Trigger.RECORD_OUTCOME)
    assert caught.value.allowed == "CONFIRMED, COMPLETED or WAREHOUSE"


def test_a_move_that_is_not_there_is_a_bug() -> None:
    """A hand-over that arrived never waits again, whoever says so."""
    with pytest.raises(AssertionError, match="return: RELEASE"):
        RETURNS.moved(ReturnState.COMPLETED, Trigger.RELEASE, ReturnState.WAITING)
    assert not RETURNS.leads(ReturnState.COMPLETED, ReturnState.WAITING)
    assert RETURNS.leads(ReturnState.MATCHED, ReturnState.WAITING)
