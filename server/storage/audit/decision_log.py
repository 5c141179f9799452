"""The decisions of one tenant in their order, and what they say was promised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from matcher.domain.decision import Decision, Outcome
from matcher.domain.ids import DecisionId, MatchId, ReturnId
from server.storage import codec
from server.storage.audit.table_reader import TableReader
from server.storage.tables import decisions

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class LastDecision:
    """The last decision of a return item."""

    decision_id: DecisionId
    outcome: Outcome
    match_id: MatchId


@dataclass(slots=True)
class DecisionLog:
    """
    What a log comes to.

    Attributes
    ----------
    last
        The last decision by return item.
    made
        The return item of each match that was decided, by match.
    made_day, ended_day
        UTC days (since the epoch) on which a match was made, and on which the next
        decision of its item came.
    routed
        Items by warehouse and UTC day; the standard route has no warehouse.
    count, highest
        Decisions, and the highest number of one.
    """

    last: dict[ReturnId, LastDecision] = field(default_factory=dict)
    made: dict[MatchId, ReturnId] = field(default_factory=dict)
    made_day: dict[MatchId, int] = field(default_factory=dict)
    ended_day: dict[MatchId, int] = field(default_factory=dict)
    routed: Counter[tuple[int, str]] = field(default_factory=Counter)
    count: int = 0
    highest: int = 0

    def note(self, decision: Decision) -> None:
        """Take in the next decision."""
        day = decision.decided_us // _DAY_US
        made = decision.match.match_id if decision.match else MatchId("")
        before = self.last.get(decision.return_id)
        if before is not None and before.match_id and before.match_id != made:
            self.ended_day[before.match_id] = day
        if made and made not in self.made:
            self.made[made] = decision.return_id
            self.made_day[made] = day
        if decision.warehouse is not None and decision.warehouse.warehouse_id:
            self.routed[day, decision.warehouse.warehouse_id] += 1
        self.last[decision.return_id] = LastDecision(
            decision.decision_id, decision.outcome, made
        )
        self.highest = max(self.highest, number_of(decision.decision_id))


def read_log(reader: TableReader) -> DecisionLog:
    """
    Read the log of a tenant, and report what is wrong with it.

    It has no gap, time does not go back in it, and each decision has evidence unless
    it is a cancellation.
    """
    log = DecisionLog()
    before_us = 0
    for row, decision in reader.records(decisions, codec.DECISIONS):
        log.count += 1
        key = row.decision_id
        if row.sequence != log.count:
            reader.report(
                decisions, key, f"sequence is {row.sequence}, the next is {log.count}"
            )
            log.count = row.sequence
        for name, said in (
            ("decision_id", decision.decision_id),
            ("return_id", decision.return_id),
        ):
            if getattr(row, name) != said:
                reader.report(
                    decisions,
                    key,
                    f"{name} is {getattr(row, name)}, of its document {said}",
                )
        if decision.decided_us < before_us:
            reader.report(decisions, key, "it was decided before the one before it")
        if not decision.checks and decision.outcome is not Outcome.CANCELLED:
            reader.report(decisions, key, "it has no evidence")
        before_us = decision.decided_us
        log.note(decision)
    return log


def number_of(entity_id: str) -> int:
    """Return the number in an id that the engine gave; 0 if it is of another form."""
    number = entity_id.partition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else 0
