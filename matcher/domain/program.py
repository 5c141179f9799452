"""The program of a tenant: which versions were in force, and what is paused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.policy_change import Dimension

#: Characters of the note that goes with a pause or a rollback.
NOTE_LENGTH_MAX = 1_000

#: Versions that a rollback can walk back through.
IN_FORCE_COUNT_MAX = 1_000


class ProgramEventKind(IntEnum):
    """What was done to a program."""

    UNSPECIFIED = 0
    ACTIVATED = 1
    ROLLED_BACK = 2
    PAUSED = 3
    RESUMED = 4
    GUARDRAIL_TRIPPED = 5
    PERSONAL_DATA_ERASED = 9


class SignOffItem(IntEnum):
    """What a person signs for before a version comes into force (R34)."""

    UNSPECIFIED = 0
    OWNER = 1
    CUSTOMER_COPY = 2
    SUPPORT_SCRIPTS = 3


@dataclass(frozen=True, slots=True)
class SignOff:
    """Who signed for what."""

    item: SignOffItem
    name: str


@dataclass(frozen=True, slots=True)
class ProgramEvent:
    """
    One thing that was done to a program; events are appended and never change.

    Parameters
    ----------
    number
        Place in the tenant's log, from 1 without gaps.
    policy_version, previous_version
        Version in force afterwards and before; 0 is none.
    category
        What a pause or its end is about; empty for the whole program.
    note
        Why, in the words of who did it.
    acknowledged
        Widenings that were said to be meant (R27).
    sign_offs
        Who signed for the version (R34).
    """

    number: int
    kind: ProgramEventKind
    happened_us: int
    policy_version: int
    previous_version: int
    category: str = ""
    note: str = ""
    acknowledged: tuple[Dimension, ...] = ()
    sign_offs: tuple[SignOff, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """A category that is not matched for now; an empty one is all of them."""

    category: str
    note: str
    start_us: int


@dataclass(frozen=True, slots=True)
class Program:
    """
    What a tenant's program stands at.

    Parameters
    ----------
    in_force
        Versions as they came into force, the one in force last. A rollback takes
        the last away.
    pauses
        By category, each at most once.
    event_count
        Number of the last event.
    erased_until_us
        Nothing that was live at this instant or before can be replayed exactly:
        personal data of it is erased. 0 if all can.
    """

    in_force: tuple[int, ...] = ()
    pauses: tuple[Pause, ...] = ()
    event_count: int = 0
    erased_until_us: int = 0

    @property
    def etag(self) -> str:
        """What changes with every event."""
        return str(self.event_count)


def pause_of(pauses: tuple[Pause, ...], category: str) -> Pause | None:
    """Return the pause that holds a category back, the whole program's first."""
    return next((pause for pause in pauses if pause.category in ("", category)), None)
