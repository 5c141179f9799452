"""States, triggers and the moves between them: a table to be asked and read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from matcher.domain.errors import StateConflictError
from matcher.domain.trigger import Trigger

S = TypeVar("S", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """
    What an trigger may do to an entity in one state.

    ``before`` of UNSPECIFIED is an entity that does not exist yet. Of several states in
    ``after``, facts beyond the state decide: the time that is left, units, gates.
    """

    before: S
    trigger: Trigger
    after: tuple[S, ...]


class StateMachine(Generic[S]):
    """
    The moves of one kind of entity; every other move is refused.

    Parameters
    ----------
    kind
        What the entity is called in errors and documents.
    moves
        At most one for each state and trigger.
    """

    def __init__(self, kind: str, moves: Iterable[Move[S]]) -> None:
        self.kind = kind
        self.moves = tuple(moves)
        self._after = {(each.before, each.trigger): each.after for each in self.moves}
        assert len(self._after) == len(self.moves), f"a move of {kind} stands twice"

    def check(self, entity_id: str, state: S, trigger: Trigger) -> None:
        """
        Refuse an trigger that a state does not allow.

        Raises
        ------
        StateConflictError
            Names the entity, its state, the trigger, and the states that allow it.
        """
        if (state, trigger) not in self._after:
            raise StateConflictError(
                self.kind, entity_id, state.name, trigger.value, self._accepted(trigger)
            )

    def moved(self, before: S, trigger: Trigger, after: S) -> S:
        """Return the state that was decided on; a move that is not there is a bug."""
        allowed = self._after.get((before, trigger), ())
        assert after in allowed, f"{self.kind}: {trigger.name} {before!r} to {after!r}"
        return after

    def leads(self, before: S, after: S) -> bool:
        """Return whether any trigger takes an entity from one state to another."""
        return any(each.before is before and after in each.after for each in self.moves)

    def _accepted(self, trigger: Trigger) -> str:
        states = [
            each.before.name if each.before else f"a new {self.kind}"
            for each in self.moves
            if each.trigger is trigger
        ]
        *most, last = states or ["nothing"]
        return f"{', '.join(most)} or {last}" if most else last
