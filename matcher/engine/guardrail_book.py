"""Shares that guardrails watch, by the day, and the pauses that they cause."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from matcher.domain.guardrail import (
    GUARDRAIL_STEP_US,
    GUARDRAIL_WINDOW_US_MAX,
    Guardrail,
    GuardrailMetric,
)
from matcher.domain.item_outcome import ItemOutcome
from matcher.domain.policy import Policy
from matcher.domain.program import ProgramEventKind
from matcher.domain.return_item import ReturnItem
from matcher.engine.archive import LiveRows
from matcher.engine.ledger import Ledger
from matcher.engine.program_book import ProgramBook
from matcher.engine.records import GuardrailDay, ReturnRecord
from matcher.engine.standing import OutcomeRecord
from matcher.policy.guardrails import crossed_words, first_day, is_crossed, tallies

_DAYS_MAX = GUARDRAIL_WINDOW_US_MAX // GUARDRAIL_STEP_US
_EXPIRED = GuardrailMetric.HOLD_EXPIRED_SHARE

_Scope = tuple[str, GuardrailMetric]


class PolicyInForce(Protocol):
    """What guardrails are judged by, and what they pause."""

    @property
    def active(self) -> Policy | None:
        """The policy in force."""

    @property
    def program(self) -> ProgramBook:
        """The program that it is the policy of."""


class GuardrailBook:
    """
    Counts for guardrails, as far back as the longest window reaches.

    They are kept whether a policy has guardrails or not, so that one that comes into
    force knows the days before. Each counts for its category and for the whole
    program. They are written in the transaction of what they count, as is a pause.
    """

    def __init__(self, ledger: Ledger, rows: LiveRows, policies: PolicyInForce) -> None:
        self._ledger = ledger
        self._policies = policies
        self._days: dict[_Scope, dict[int, GuardrailDay]] = {}
        self._last_day = max((row.day for row in rows.guardrail_days), default=0)
        # A store may give more than any window can reach.
        for row in rows.guardrail_days:
            if row.day >= self._last_day - _DAYS_MAX:
                self._days.setdefault((row.category, row.metric), {})[row.day] = row

    def count_outcome(
        self, record: ReturnRecord, outcome: ItemOutcome, now_us: int
    ) -> OutcomeRecord:
        """
        Count the outcome of a hand-over, in the place of what was said before.

        Returns
        -------
        OutcomeRecord
            The outcome with what a correction has to know.
        """
        if not record.is_confirmed:
            return self._noted(outcome, now_us)
        return self.count_hand_over(record.item, record.outcome_record, outcome, now_us)

    def count_hand_over(
        self,
        item: ReturnItem,
        before: OutcomeRecord | None,
        outcome: ItemOutcome,
        now_us: int,
    ) -> OutcomeRecord:
        """Count the outcome of an item that was handed over, as above."""
        category, condition = item.category, item.condition
        if before is not None:
            self._take_back(category, before, tallies(before.outcome, condition))
        counted = tallies(outcome, condition)
        for metric, is_bad in counted:
            self._add(category, metric, int(is_bad), 1, now_us)
        # Before a pause that it may cause has moved the program on.
        noted = self._noted(outcome, now_us)
        self._look(category, {metric for metric, _ in counted}, now_us)
        return noted

    def count_holds(
        self, categories: Iterable[str], now_us: int, *, expired: bool
    ) -> None:
        """Count holds that ended, by the categories of their items."""
        ended = list(categories)
        for category in ended:
            self._add(category, _EXPIRED, int(expired), 1, now_us)
        if expired:
            for category in sorted(set(ended)):
                self._look(category, {_EXPIRED}, now_us)

    def start_anew(self, category: str) -> None:
        """Forget what was counted for a category: its pause has ended."""
        number = self._policies.program.program.event_count
        for scope, days in self._days.items():
            if scope[0] == category:
                for day in list(days):
                    self._keep(GuardrailDay(*scope, day, 0, 0, number))

    def _noted(self, outcome: ItemOutcome, now_us: int) -> OutcomeRecord:
        number = self._policies.program.program.event_count
        return OutcomeRecord(outcome, now_us, number)

    def _add(
        self, category: str, metric: GuardrailMetric, bad: int, total: int, now_us: int
    ) -> None:
        day = now_us // GUARDRAIL_STEP_US
        self._reach(day)
        for scope in ((category, metric), ("", metric)):
            row = self._days.setdefault(scope, {}).get(day)
            row = row or GuardrailDay(*scope, day, 0, 0)
            self._keep(_plus(row, bad, total))

    def _take_back(
        self,
        category: str,
        before: OutcomeRecord,
        counted: Iterable[tuple[GuardrailMetric, bool]],
    ) -> None:
        day = before.recorded_us // GUARDRAIL_STEP_US
        for metric, is_bad in counted:
            for scope in ((category, metric), ("", metric)):
                row = self._days.get(scope, {}).get(day)
                # What a pause that ended has wiped out is not in the count any more.
                if row is not None and before.program_number >= row.reset_number:
                    self._keep(_plus(row, -int(is_bad), -1))

    def _look(
        self, category: str, metrics: Iterable[GuardrailMetric], now_us: int
    ) -> None:
        policy = self._policies.active
        watched = set(metrics)
        for guardrail in policy.guardrails if policy else ():
            if guardrail.category in ("", category) and guardrail.metric in watched:
                self._judge(guardrail, now_us)

    def _judge(self, guardrail: Guardrail, now_us: int) -> None:
        first = first_day(guardrail, now_us)
        days = self._days.get((guardrail.category, guardrail.metric), {})
        window = [row for row in days.values() if row.day >= first]
        bad = sum(row.bad_count for row in window)
        total = sum(row.total_count for row in window)
        if is_crossed(guardrail, bad, total):
            self._policies.program.pause(
                guardrail.category,
                crossed_words(guardrail, bad, total),
                now_us,
                kind=ProgramEventKind.GUARDRAIL_TRIPPED,
            )

    def _keep(self, row: GuardrailDay) -> None:
        self._days[row.category, row.metric][row.day] = row
        self._ledger.changes.guardrail_days[row.category, row.metric, row.day] = row

    def _reach(self, day: int) -> None:
        # As far back as a restart reads.
        if day > self._last_day:
            self._last_day = day
            for scope, days in self._days.items():
                kept = {d: row for d, row in days.items() if d >= day - _DAYS_MAX}
                self._days[scope] = kept


def _plus(row: GuardrailDay, bad: int, total: int) -> GuardrailDay:
    return GuardrailDay(
        row.category,
        row.metric,
        row.day,
        row.bad_count + bad,
        row.total_count + total,
        row.reset_number,
    )
