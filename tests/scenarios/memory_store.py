"""Committed rows in dictionaries: the plainest thing that can be a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from matcher.domain.decision import Decision
from matcher.domain.ids import DecisionId, DemandId, MatchId, ReturnId
from matcher.domain.match import HoldState, Match
from matcher.domain.shadow import ShadowState
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.erasure import erased_decision
from matcher.engine.limit_book import recent
from matcher.engine.records import DemandRecord, ReturnRecord

V = TypeVar("V")


@dataclass
class MemoryStore:
    """
    Rows of one tenant as an archive and as the source of a restart.

    ``rows`` is what all commits together say; equal stores compare equal.
    """

    rows: Changes = field(default_factory=Changes)

    def commit(self, changes: Changes) -> None:
        """Take the rows of one transaction; a log entry never changes."""
        first = len(self.rows.decisions) + 1
        for number, decision in enumerate(changes.decisions, first):
            assert _number(decision.decision_id) == number, "the log has a gap"
        first = len(self.rows.program_events) + 1
        for number, event in enumerate(changes.program_events, first):
            assert event.number == number, "the log of the program has a gap"
        self.rows.add(changes)
        if changes.erased_returns:
            # A later look-up of an old decision finds it without personal data.
            self.rows.decisions = [
                erased_decision(each)
                if each.return_id in changes.erased_returns
                else each
                for each in self.rows.decisions
            ]

    def copy(self) -> MemoryStore:
        """Return a store of its own with the same rows."""
        rows = Changes()
        rows.add(self.rows)
        return MemoryStore(rows)

    def demands(self, ids: Iterable[DemandId]) -> dict[DemandId, DemandRecord]:
        """Return the demands that exist among ``ids``."""
        rows = self.rows.demands
        return {each: rows[each] for each in ids if each in rows}

    def returns(self, ids: Iterable[ReturnId]) -> dict[ReturnId, ReturnRecord]:
        """Return the return items that exist among ``ids``."""
        rows = self.rows.returns
        return {each: rows[each] for each in ids if each in rows}

    def match(self, match_id: MatchId) -> Match | None:
        """Return one match."""
        return self.rows.matches.get(match_id)

    def decision(self, decision_id: DecisionId) -> Decision | None:
        """Return one decision: the log is numbered from 1 without gaps."""
        at = int(decision_id.removeprefix("d-")) - 1
        log = self.rows.decisions
        return log[at] if 0 <= at < len(log) else None

    def load(self) -> LiveRows:
        """Return what a shard needs to go on."""
        rows = self.rows
        days = _by_day(rows.warehouse_days)
        shadows = tuple(
            shadow
            for _, shadow in sorted(rows.shadows.items())
            if shadow.state is ShadowState.OPEN
        )
        return LiveRows(
            demands=tuple(r for _, r in sorted(rows.demands.items()) if r.is_live),
            returns=tuple(r for _, r in sorted(rows.returns.items()) if r.is_live),
            matches=tuple(
                match
                for _, match in sorted(rows.matches.items())
                if match.hold_state is HoldState.ACTIVE
            ),
            policies=tuple(record for _, record in sorted(rows.policies.items())),
            program=rows.program,
            volume_hours=tuple(hour for _, hour in sorted(rows.volume_hours.items())),
            match_counts=recent(rows.match_counts.values()),
            guardrail_days=tuple(_by_day(rows.guardrail_days)),
            sku_days=tuple(_by_day(rows.sku_days)),
            warehouses=tuple(w for _, w in sorted(rows.warehouses.items()) if w),
            service_areas=tuple(a for _, a in sorted(rows.service_areas.items()) if a),
            drop_off_points=tuple(
                p for _, p in sorted(rows.drop_off_points.items()) if p
            ),
            warehouse_days=tuple(each for each in days if each.day >= days[-1].day - 1),
            decision_count=len(rows.decisions),
            match_count=max((_number(each) for each in rows.matches), default=0),
            round_count=max((_number(r.round_id) for r in rows.rounds), default=0),
            shadows=shadows,
            shadowed=tuple(rows.returns[each.return_id] for each in shadows),
            shadow_units=tuple(u for _, u in sorted(rows.shadow_units.items()) if u),
        )


def _by_day(rows: Mapping[tuple[Any, ...], V]) -> list[V]:
    # Keys end with the day.
    return [row for _, row in sorted(rows.items(), key=lambda at: (at[0][-1], at[0]))]


def _number(entity_id: str) -> int:
    return int(entity_id.partition("-")[2])
