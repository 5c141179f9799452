"""What a shard has changed and not yet handed over, and the numbers it gives out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
        self.changes = Changes()
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

    def take_changes(self) -> Changes:
        """Hand the pending changes over; the caller commits them."""
        changes, self.changes = self.changes, Changes()
        return changes

    def committed(self) -> None:
        """Forget what the archive now answers: all that was handed over is stored."""
        pending = {decision.decision_id for decision in self.changes.decisions}
        self._recent = {k: v for k, v in self._recent.items() if k in pending}

    @contextmanager
    def entering(
        self, event: Event, now_us: int, *, is_planning_down: bool
    ) -> Iterator[None]:
        """
        Write an event into the journal, unless it fails.

        A command that changes nothing is left out; a round that begins never is, for
        what it takes along depends on when that was.
        """
        pending, self.changes = self.changes, Changes()
        try:
            yield
            if self.changes or isinstance(event, RoundBegan | ShadowsBegan):
                known = self.archive.take()
                entry = Entry(now_us, event, known, is_planning_down)
                self.changes.journal.append(entry)
        finally:
            self.archive.forget()
            if pending:
                pending.add(self.changes)
                self.changes = pending

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


def decision_id(number: int) -> DecisionId:
    """Return the id of the decision with a number."""
    return DecisionId(f"d-{number:012d}")


def round_id(number: int) -> RoundId:
    """Return the id of the round with a number."""
    return RoundId(f"r-{number:012d}")


def match_id(number: int) -> MatchId:
    """Return the id of the match with a number."""
    return MatchId(f"m-{number:012d}")
