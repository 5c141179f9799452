"""Pauses of a life: what operators paused, and what its policy's guardrails do."""

from __future__ import annotations

from collections.abc import Iterable

from matcher.domain.errors import StateConflictError
from matcher.domain.policy import Policy
from matcher.domain.program import Pause, ProgramEventKind
from matcher.engine.archive import LiveRows
from matcher.engine.commands import PauseProgram, ResumeProgram
from matcher.engine.guardrail_book import GuardrailBook
from matcher.engine.journal import Checkpoint
from matcher.engine.ledger import Ledger
from matcher.engine.program_book import ProgramBook
from matcher.engine.standing import OutcomeRecord
from matcher.simulate.replay_store import ReplayStore
from matcher.simulate.whatif.happenings import Happening, Kind
from matcher.simulate.whatif.timeline import Report, Timeline


class Guard:
    """
    Counts what guardrails watch and pauses what they trip, in a shard's own books.

    Parameters
    ----------
    timeline
        Whose program it is, with what was counted before the start.
    policies
        All that will be in force; if none has a guardrail, nothing is counted.

    Attributes
    ----------
    active
        The policy in force.
    program
        The program as this life has it.
    """

    def __init__(self, timeline: Timeline, policies: Iterable[Policy]) -> None:
        rows = LiveRows(
            program=timeline.program, guardrail_days=timeline.guardrail_days
        )
        self._ledger = Ledger(ReplayStore(Checkpoint(0, 0, rows)), rows)
        self.active: Policy | None = None
        self.program = ProgramBook(self._ledger, rows)
        self._book = GuardrailBook(self._ledger, rows, self)
        self._is_counting = any(policy.guardrails for policy in policies)
        self._return_ids = {each.item.return_id for each in timeline.reports}
        self._items = tuple(each.item for each in timeline.arrivals)
        self._said: dict[str, OutcomeRecord] = {}
        # Holds that ran out at one instant are all counted before any is judged by.
        self._expired: list[str] = []
        self._expired_us = 0

    @property
    def is_watching(self) -> bool:
        """Whether anything that is counted now may trip a guardrail."""
        policy = self.active
        return self._is_counting and policy is not None and bool(policy.guardrails)

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """What is paused; the same value until that changes."""
        return self.program.pauses

    @property
    def tripped(self) -> tuple[Pause, ...]:
        """The pauses that guardrails made, in order, those that have ended too."""
        return tuple(
            Pause(each.category, each.note, each.happened_us)
            for each in self._ledger.changes.program_events
            if each.kind is ProgramEventKind.GUARDRAIL_TRIPPED
        )

    def is_turn(self, each: Happening) -> bool:
        """Whether a happening may trip a guardrail, or brings one about that may."""
        if not self._is_counting:
            return False
        match each.kind:
            case Kind.FREED:
                return not each.order
            case Kind.EXTENDED | Kind.REPORTED:
                return True
            case Kind.CONFIRMED:
                return self._items[each.row].return_id in self._return_ids
            case _:
                return False

    def steer(self, command: PauseProgram | ResumeProgram, now_us: int) -> bool:
        """Do what an operator did, unless a shard would refuse it; return whether."""
        if isinstance(command, PauseProgram):
            self.program.pause(command.category, command.note, now_us)
            return True
        before = self.program.program
        try:
            after = self.program.resume(command.category, command.note, now_us)
        except StateConflictError:
            return False
        if after != before:
            self._book.start_anew(command.category)
        return True

    def hold_ended(self, row: int, now_us: int, *, expired: bool) -> None:
        """Count a hold that ended."""
        if not self._is_counting:
            return
        if self._expired_us != now_us or not expired:
            self.settle()
        category = self._items[row].category
        if expired:
            self._expired_us = now_us
            self._expired.append(category)
        else:
            self._book.count_holds([category], now_us, expired=False)

    def report(self, report: Report, now_us: int) -> None:
        """Count what was said of an item that was handed over."""
        if not self._is_counting:
            return
        self.settle()
        return_id, outcome = report.item.return_id, report.outcome
        before = self._said.get(return_id, report.before)
        if before is None or before.outcome != outcome:
            self._said[return_id] = self._book.count_hand_over(
                report.item, before, outcome, now_us
            )

    def settle(self) -> None:
        """Judge by all that is counted."""
        if self._expired:
            self._book.count_holds(self._expired, self._expired_us, expired=True)
            self._expired = []
