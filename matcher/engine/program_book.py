"""The program of a tenant: its versions in force, its pauses and its log."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.errors import StateConflictError
from matcher.domain.etag import check_etag
from matcher.domain.policy import PolicyState
from matcher.domain.policy_change import Dimension
from matcher.domain.program import (
    IN_FORCE_COUNT_MAX,
    Pause,
    Program,
    ProgramEvent,
    ProgramEventKind,
    SignOff,
    pause_of,
)
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger


class ProgramBook:
    """Keeps the program and appends to its log whatever is done to it."""

    def __init__(self, ledger: Ledger, rows: LiveRows) -> None:
        self._ledger = ledger
        active = (
            r.policy.version for r in rows.policies if r.state is PolicyState.ACTIVE
        )
        # A store of an earlier release has an active version and no program.
        self._program = rows.program or Program(in_force=tuple(active))

    @property
    def program(self) -> Program:
        """The program as it stands."""
        return self._program

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """What is paused; the same value until that changes."""
        return self._program.pauses

    @property
    def version(self) -> int:
        """The version in force; 0 is none."""
        return self._program.in_force[-1] if self._program.in_force else 0

    @property
    def previous_version(self) -> int:
        """The version that a rollback would bring back; 0 is none."""
        return self._program.in_force[-2] if len(self._program.in_force) > 1 else 0

    def is_paused(self, category: str) -> bool:
        """Return whether a category is held back."""
        return pause_of(self.pauses, category) is not None

    def check_etag(self, etag: str) -> None:
        """Refuse a stale etag with :class:`VersionMismatchError`."""
        check_etag("program", "", self._program.etag, etag)

    def activated(
        self,
        acknowledged: tuple[Dimension, ...],
        sign_offs: tuple[SignOff, ...],
        now_us: int,
        *,
        version: int,
    ) -> None:
        """Note that a version came into force."""
        stack = (*self._program.in_force, version)[-IN_FORCE_COUNT_MAX:]
        self._enter(
            replace(self._program, in_force=stack),
            ProgramEventKind.ACTIVATED,
            now_us,
            acknowledged=acknowledged,
            sign_offs=sign_offs,
        )

    def rolled_back(self, note: str, now_us: int) -> None:
        """Note that the version before is in force again."""
        stack = self._program.in_force[:-1]
        self._enter(
            replace(self._program, in_force=stack),
            ProgramEventKind.ROLLED_BACK,
            now_us,
            note=note,
        )

    def pause(
        self,
        category: str,
        note: str,
        now_us: int,
        *,
        kind: ProgramEventKind = ProgramEventKind.PAUSED,
    ) -> Program:
        """
        Hold a category back, or everything if it is empty.

        One that is paused already keeps its pause: saying so twice is no error.
        """
        if any(pause.category == category for pause in self.pauses):
            return self._program
        pauses = sorted(
            (*self.pauses, Pause(category, note, now_us)), key=lambda p: p.category
        )
        return self._enter(
            replace(self._program, pauses=tuple(pauses)),
            kind,
            now_us,
            category=category,
            note=note,
        )

    def resume(self, category: str, note: str, now_us: int) -> Program:
        """
        End the pause of a category, or the one of everything if it is empty.

        Raises
        ------
        StateConflictError
            If the category is held back by the pause of the whole program only.
        """
        left = tuple(pause for pause in self.pauses if pause.category != category)
        if len(left) == len(self.pauses):
            if category and self.is_paused(category):
                raise StateConflictError(
                    "category",
                    category,
                    "paused with the whole program",
                    "resuming it",
                    "the whole program to be resumed",
                )
            return self._program
        return self._enter(
            replace(self._program, pauses=left),
            ProgramEventKind.RESUMED,
            now_us,
            category=category,
            note=note,
        )

    def erased(self, note: str, settled_us: int, now_us: int) -> None:
        """Note that personal data is gone of what was settled at an instant."""
        until_us = max(settled_us, self._program.erased_until_us)
        self._enter(
            replace(self._program, erased_until_us=until_us),
            ProgramEventKind.PERSONAL_DATA_ERASED,
            now_us,
            note=note,
        )

    def _enter(
        self,
        program: Program,
        kind: ProgramEventKind,
        now_us: int,
        *,
        category: str = "",
        note: str = "",
        acknowledged: tuple[Dimension, ...] = (),
        sign_offs: tuple[SignOff, ...] = (),
    ) -> Program:
        before = self.version
        number = self._program.event_count + 1
        self._program = replace(program, event_count=number)
        event = ProgramEvent(
            number=number,
            kind=kind,
            happened_us=now_us,
            policy_version=self.version,
            previous_version=before,
            category=category,
            note=note,
            acknowledged=acknowledged,
            sign_offs=sign_offs,
        )
        self._ledger.changes.program = self._program
        self._ledger.changes.program_events.append(event)
        return self._program
