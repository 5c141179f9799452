"""What the runtime tells whoever measures it; it knows nobody who does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from matcher.domain.decision import Outcome
from matcher.domain.ids import TenantId
from matcher.domain.reason import ReasonCode
from matcher.engine.records import RoundRecord
from matcher.engine.stages import Stages, unwatched

#: What a piece of work belongs to; means something to the watch that gave it.
Origin: TypeAlias = object

#: Decisions by outcome and reasons.
Decided: TypeAlias = Counter[tuple[Outcome, tuple[ReasonCode, ...]]]


@dataclass(slots=True)
class GroupTimes:
    """
    When a group of work was carried out, and what it has stored.

    Instants are of ``time.perf_counter_ns``. ``ran_ns`` is when each piece was done:
    the first began at ``begun_ns``, each other one when the one before it was done. All
    of it is of no group that was given up: nothing of that has happened.

    Parameters
    ----------
    queued_ns
        When each piece was put into the queue.
    origins
        What each piece belongs to.
    tenants
        Whose each piece is.
    """

    queued_ns: Sequence[int]
    origins: Sequence[Origin]
    tenants: Sequence[TenantId] = ()
    begun_ns: int = 0
    ran_ns: list[int] = field(default_factory=list)
    ended_ns: int = 0
    is_stored: bool = False
    is_given_up: bool = False
    decided: Decided = field(default_factory=Counter)
    rounds: list[RoundRecord] = field(default_factory=list)


class Watch(Protocol):
    """
    Is told how work goes. Whatever it does is quick and raises nothing.

    Called on the event loop, but for the stages of a round.
    """

    def origin(self) -> Origin:
        """Return what work belongs to that is submitted now."""

    def group(self, group: GroupTimes) -> None:
        """Take note of a group that has been carried out and answered."""

    def refused(self, tenant: TenantId) -> None:
        """Take note of a tenant's work that its queue refused."""

    def round(self) -> AbstractContextManager[Stages]:
        """
        Give what lasts as long as a round, begun by a call or by time.

        Work that is submitted meanwhile belongs to it; its stages may be told from any
        thread.
        """


class Unwatched:
    """A watch that looks away."""

    def origin(self) -> Origin:
        """Return nothing."""
        return None

    def group(self, group: GroupTimes) -> None:
        """Do nothing."""

    def refused(self, tenant: TenantId) -> None:
        """Do nothing."""

    def round(self) -> AbstractContextManager[Stages]:
        """Tell nobody of the stages."""
        return nullcontext(unwatched)
