"""A recorded life under another policy, by a real shard: slow, and beyond doubt."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable

from matcher.domain.ids import MatchId
from matcher.domain.policy import Policy
from matcher.engine.commands import (
    ActivatePolicy,
    Command,
    ConfirmMatch,
    CreatePolicy,
    ExtendMatch,
    RecordLabel,
    RecordOutcome,
    ReleaseMatch,
    ReleaseMatches,
    RollbackPolicy,
    Tick,
    UpsertDemands,
)
from matcher.engine.journal import Entry, RoundBegan, RoundFinished
from matcher.simulate.whatif.timeline import Fate, FateKind, Report, Timeline
from tests.simulation.recorded_life import RecordingShard


class Relived:
    """
    Does what callers did, under one policy, with the matches that it makes.

    Parameters
    ----------
    policy
        In force from the start.
    timeline
        Whose callers: what they did with a match, they do with another of the return,
        and what they said of one they say where it goes to the same buyer.
    by_clock
        Whether rounds begin when the shard says that one is due.
    """

    def __init__(self, policy: Policy, timeline: Timeline, *, by_clock: bool) -> None:
        self.shard = RecordingShard()
        self.shard.activate(policy)
        self._by_clock = by_clock
        self._reports = {each.order: each for each in timeline.reports}
        #: Reports that came before the hand-over and were said with it.
        self.early_count = 0
        self._early: dict[str, list[Report]] = defaultdict(list)
        self._fates = {a.item.return_id: a.fates for a in timeline.arrivals}
        self._made: Counter[str] = Counter()
        self._due: list[tuple[int, MatchId, Command]] = []

    def run(self, entries: Iterable[Entry], end_us: int) -> None:
        """Live all of it."""
        for place, entry in enumerate(entries, 1):
            self._until(entry.now_us)
            self._play(entry, place)
        self._until(end_us)
        self.shard.apply(Tick())

    def _play(self, entry: Entry, place: int) -> None:
        match entry.event:
            case RoundBegan():
                if not self._by_clock:
                    self._round()
            case (
                RoundFinished()
                | CreatePolicy()
                | ActivatePolicy()
                | RollbackPolicy()
                | ConfirmMatch()
                | ReleaseMatch()
                | ReleaseMatches()
                | ExtendMatch()
                | RecordLabel()
                | Tick()
            ):
                pass
            case RecordOutcome():
                self._tell(place)
            case UpsertDemands(demands=demands):
                # One by one: a command is refused whole, a caller tries again.
                for demand in demands:
                    self.shard.attempt(UpsertDemands((demand,), ("",)))
            case command:
                self.shard.attempt(command)

    def _tell(self, place: int) -> None:
        # What was said of an item; of one that is not handed over yet, later.
        if (report := self._reports.get(place)) is None:
            return
        return_id = report.item.return_id
        if self.shard.item(return_id).is_confirmed:
            self._say(report)
        else:
            self._early[return_id].append(report)

    def _say(self, report: Report) -> bool:
        record = self.shard.item(report.item.return_id)
        is_same = self.shard.match(record.match_id).demand_id == report.demand_id
        if is_same:
            self.shard.apply(RecordOutcome(report.outcome, record.item.return_id))
        return is_same

    def _do(self, command: Command) -> None:
        self.shard.attempt(command)
        if isinstance(command, ConfirmMatch):
            return_id = self.shard.match(command.match_id).return_id
            if self.shard.item(return_id).is_confirmed:
                for report in self._early.pop(return_id, ()):
                    self.early_count += self._say(report)

    def _until(self, to_us: int) -> None:
        while True:
            next_us = min(
                (
                    each
                    for each in (
                        self.shard.shard.next_us(),
                        self._due[0][0] if self._due else None,
                    )
                    if each is not None
                ),
                default=to_us,
            )
            round_us = self.shard.shard.round_due_us() if self._by_clock else None
            if round_us is not None and round_us < min(to_us, next_us):
                self.shard.advance(round_us)
                self._round()
            elif next_us <= to_us and self._due and self._due[0][0] == next_us:
                self._move()
            elif next_us < to_us:
                self.shard.advance(next_us)
            else:
                self.shard.advance(to_us)
                return

    def _move(self) -> None:
        at_us, _, command = heapq.heappop(self._due)
        self.shard.advance(at_us)
        self._do(command)

    def _round(self) -> None:
        before = set(self.shard.store.rows.matches)
        self.shard.round()
        made = set(self.shard.store.rows.matches) - before
        for match_id in sorted(made):
            return_id = self.shard.match(match_id).return_id
            number, fates = self._made[return_id], self._fates[return_id]
            self._made[return_id] += 1
            if number >= len(fates):
                self._do(ConfirmMatch(match_id))
            else:
                self._await(match_id, fates[number])

    def _await(self, match_id: MatchId, fate: Fate) -> None:
        now_us, kind = self.shard.now_us, fate.kind
        if fate.extension:
            at_us = now_us + fate.extension.after_us
            policy = self.shard.shard.policy
            assert policy is not None
            span_us = min(fate.extension.span_us, policy.hold_duration_us)
            extension = ExtendMatch(match_id, span_us)
            heapq.heappush(self._due, (at_us, match_id, extension))
        if kind is not FateKind.NOTHING:
            confirms = kind is FateKind.CONFIRMED
            command = (ConfirmMatch if confirms else ReleaseMatch)(match_id)
            heapq.heappush(self._due, (now_us + fate.after_us, match_id, command))
