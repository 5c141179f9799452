"""What a shard has changed and not yet handed over, and the numbers it gives out."""

from __future__ import annotations

from types import TracebackType

from matcher.domain.decision import Decision
from matcher.domain.ids import DecisionId, MatchId, RoundId
from matcher.engine.archive import Archive, LiveRows
from matcher.engine.changes import Changes
from matcher.engine.journal import (
    Entry,
    Event,
    RoundBegan,
    ShadowsBegan,
    WatchedArchive,
)


class Ledger:
    """
    Pending changes of a shard, its counters and its way to older rows.

    Parameters
    ----------
    archive
        Where committed rows are that memory no longer holds.
    rows
        What the shard starts from; gives the counters.
    """

    def __init__(self, archive: Archive, rows: LiveRows) -> None:
        self.archive = WatchedArchive(archive)
        self._changes = Changes()
        # Whether anybody wrote into them since this was last set to false.
        self._is_touched = False
        self._decision_count = rows.decision_count
        self._match_count = rows.match_count
        self._round_count = rows.round_count
        # Decisions that may not be in the archive yet.
        self._recent: dict[DecisionId, Decision] = {}

    def has_round(self, one: RoundId) -> bool:
        """Return whether a round has had this id."""
        number = one.removeprefix("r-")
        return (
            number.isdecimal()
            and 0 < int(number) <= self._round_count
            and one == round_id(int(number))
        )

    @property
    def changes(self) -> Changes:
        """The pending changes, for a book that is about to write into them."""
        self._is_touched = True
        return self._changes

    def take_changes(self) -> Changes:
        """Hand the pending changes over; the caller commits them."""
        changes, self._changes = self._changes, Changes()
        return changes

    def committed(self) -> None:
        """Forget what the archive now answers: all that was handed over is stored."""
        pending = {decision.decision_id for decision in self._changes.decisions}
        self._recent = {k: v for k, v in self._recent.items() if k in pending}

    def entering(
        self, event: Event, now_us: int, *, is_planning_down: bool
    ) -> Entering:
        """
        Write an event into the journal at the end of a block, unless that fails.

        A command that changes nothing is left out; a round that begins never is, for
        what it takes along depends on when that was.
        """
        return Entering(self, event, now_us, is_planning_down)

    def began(self) -> None:
        """Begin to watch what an event changes."""
        self._is_touched = False

    def ended(
        self, event: Event, now_us: int, *, has_failed: bool, is_planning_down: bool
    ) -> None:
        """Write an event into the journal, if it belongs there."""
        has_changed = self._is_touched or isinstance(event, RoundBegan | ShadowsBegan)
        if has_failed or not has_changed:
            self.archive.forget()
            return
        entry = Entry(now_us, event, self.archive.take(), is_planning_down)
        self._changes.journal.append(entry)

    def note(self, decision: Decision) -> None:
        """Append a decision to the log."""
        self.changes.decisions.append(decision)
        self._recent[decision.decision_id] = decision

    def decision(self, decision_id: DecisionId) -> Decision:
        """Return a decision that this shard made."""
        recent = self._recent.get(decision_id)
        found = recent or self.archive.decision(decision_id)
        assert found is not None, f"decision {decision_id!r} is lost"
        return found

    def next_decision_id(self) -> DecisionId:
        """Give out the next decision id; ids sort in the order of giving."""
        self._decision_count += 1
        return decision_id(self._decision_count)

    def next_match_id(self) -> MatchId:
        """Give out the next match id."""
        self._match_count += 1
        return match_id(self._match_count)

    def next_round_id(self) -> RoundId:
        """Give out the next round id."""
        self._round_count += 1
        return round_id(self._round_count)


class Entering:
    """The block in which an event does what it does; every command has one."""

    __slots__ = ("_event", "_is_planning_down", "_ledger", "_now_us")

    def __init__(
        self, ledger: Ledger, event: Event, now_us: int, is_planning_down: bool
    ) -> None:
        self._ledger = ledger
        self._event = event
        self._now_us = now_us
        self._is_planning_down = is_planning_down

    def __enter__(self) -> None:
        self._ledger.began()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ledger.ended(
            self._event,
            self._now_us,
            has_failed=kind is not None,
            is_planning_down=self._is_planning_down,
        )


def decision_id(number: int) -> DecisionId:
    """Return the id of the decision with a number."""
    return DecisionId(f"d-{number:012d}")


def round_id(number: int) -> RoundId:
    """Return the id of the round with a number."""
    return RoundId(f"r-{number:012d}")


def match_id(number: int) -> MatchId:
    """Return the id of the match with a number."""
    return MatchId(f"m-{number:012d}")
