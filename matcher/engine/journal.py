"""What happened to a shard, in order: enough to live its life again, to the byte."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from matcher.domain.decision import Decision
from matcher.domain.ids import DecisionId, DemandId, MatchId, ReturnId
from matcher.domain.match import Match
from matcher.engine.archive import Archive, LiveRows
from matcher.engine.commands import Command
from matcher.engine.records import DemandRecord, ReturnRecord


@dataclass(frozen=True, slots=True)
class RoundBegan:
    """A round took the pool along."""


@dataclass(frozen=True, slots=True)
class RoundFinished:
    """
    The round that began last was finished.

    ``proof`` is empty where the optimum was proven: any solver finds it again. A round
    that was stopped before stands with what it had found. Shadows are not asked about
    where there was no time to prove what they would have had.
    """

    proof: bytes = b""
    has_shadows: bool = True


@dataclass(frozen=True, slots=True)
class ShadowsBegan:
    """Open shadows were taken along to be asked about between rounds."""


@dataclass(frozen=True, slots=True)
class ShadowsFinished:
    """They were asked about, if there was time to prove what they would have had."""

    has_shadows: bool = True


Event = Command | RoundBegan | RoundFinished | ShadowsBegan | ShadowsFinished


@dataclass(frozen=True, slots=True)
class Known:
    """Settled rows that an archive was asked for and had."""

    demands: tuple[DemandRecord, ...] = ()
    returns: tuple[ReturnRecord, ...] = ()
    decisions: tuple[Decision, ...] = ()
    matches: tuple[Match, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.demands or self.returns or self.decisions or self.matches)


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One thing that changed a shard, and when.

    Parameters
    ----------
    now_us
        The instant that counted for it, microseconds since the epoch.
    event
        What it was. Commands that were refused or changed nothing leave no entry; a
        :class:`~matcher.engine.commands.Tick` stands for what time had settled.
    known
        Rows that were long settled and that the shard looked up for it.
    is_planning_down
        Whether the last round could not be solved: deadlines say so.
    """

    now_us: int
    event: Event
    known: Known = NOTHING_KNOWN
    is_planning_down: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """
    A shard's rows between two entries of its journal: where a replay may start.

    No round is under way. ``entry_count`` entries came before it. ``decisions`` are the
    latest of the live return items, by id.
    """

    at_us: int
    entry_count: int
    rows: LiveRows
    decisions: tuple[Decision, ...] = ()


K = TypeVar("K", bound=str)
V = TypeVar("V")


class WatchedArchive:
    """An archive that remembers which settled rows a command asked for and got."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._demands: dict[DemandId, DemandRecord] = {}
        self._returns: dict[ReturnId, ReturnRecord] = {}
        self._decisions: dict[DecisionId, Decision] = {}
        self._matches: dict[MatchId, Match] = {}

    def __bool__(self) -> bool:
        return bool(self._demands or self._returns or self._decisions or self._matches)

    def demands(self, ids: Iterable[DemandId]) -> dict[DemandId, DemandRecord]:
        """Return the demands that exist among ``ids``."""
        found = self._archive.demands(ids)
        self._demands.update(found)
        return found

    def returns(self, ids: Iterable[ReturnId]) -> dict[ReturnId, ReturnRecord]:
        """Return the return items that exist among ``ids``."""
        found = self._archive.returns(ids)
        self._returns.update(found)
        return found

    def used_demand(self, record: DemandRecord) -> None:
        """Note that a demand was used that was found ahead of time."""
        self._demands[record.demand.demand_id] = record

    def used_return(self, record: ReturnRecord) -> None:
        """Note that a return item was used that was found ahead of time."""
        self._returns[record.item.return_id] = record

    def match(self, match_id: MatchId) -> Match | None:
        """Return one match; an outcome may be recorded of one long settled."""
        found = self._archive.match(match_id)
        if found is not None:
            self._matches[match_id] = found
        return found

    def decision(self, decision_id: DecisionId) -> Decision | None:
        """Return one decision; those of live items stand in a checkpoint."""
        found = self._archive.decision(decision_id)
        if found is not None and found.return_id in self._returns:
            self._decisions[decision_id] = found
        return found

    def forget(self) -> None:
        """Drop what was found since the last call, or since it was handed over."""
        for found in (self._demands, self._returns, self._decisions, self._matches):
            found.clear()

    def take(self) -> Known:
        """Hand over what was found since the last call, each kind by id."""
        if not self:
            return NOTHING_KNOWN
        # Databases give rows in an order of their own.
        known = Known(
            _by_id(self._demands),
            _by_id(self._returns),
            _by_id(self._decisions),
            _by_id(self._matches),
        )
        self.forget()
        return known


def _by_id(found: dict[K, V]) -> tuple[V, ...]:
    return tuple(found[key] for key in sorted(found))
