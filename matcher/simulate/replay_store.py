"""Rows of a replay, in memory."""

from __future__ import annotations

from collections.abc import Iterable

from matcher.domain.decision import Decision
from matcher.domain.ids import DecisionId, DemandId, MatchId, ReturnId
from matcher.domain.match import HoldState, Match
from matcher.domain.policy import Policy
from matcher.domain.shadow import ShadowState
from matcher.engine.archive import LiveRows
from matcher.engine.changes import Changes
from matcher.engine.journal import Checkpoint, Known
from matcher.engine.limit_book import recent
from matcher.engine.records import DemandRecord, ReturnRecord, VolumeHour


class ReplayStore:
    """
    The archive of a shard that lives again, and what it can be rebuilt from.

    Holds every demand, return item and match of the history, and the latest decision
    of each return item.
    """

    def __init__(self, start: Checkpoint) -> None:
        rows = start.rows
        self._rows = Changes(
            demands={each.demand.demand_id: each for each in rows.demands},
            returns={each.item.return_id: each for each in rows.returns},
            matches={each.match_id: each for each in rows.matches},
            policies={each.policy.version: each for each in rows.policies},
            warehouses={each.warehouse_id: each for each in rows.warehouses},
            service_areas={each.service_area_id: each for each in rows.service_areas},
            drop_off_points={p.drop_off_point_id: p for p in rows.drop_off_points},
            warehouse_days={(d.warehouse_id, d.day): d for d in rows.warehouse_days},
            volume_hours={each.hour: each for each in rows.volume_hours},
            match_counts={each.key: each for each in rows.match_counts},
            guardrail_days={
                (d.category, d.metric, d.day): d for d in rows.guardrail_days
            },
            sku_days={(d.sku, d.day): d for d in rows.sku_days},
            program=rows.program,
            shadows={each.return_id: each for each in rows.shadows},
            shadow_units={each.demand_id: each for each in rows.shadow_units},
        )
        for record in rows.shadowed:
            self._rows.returns[record.item.return_id] = record
        self._decisions = {each.decision_id: each for each in start.decisions}
        self._latest = {each.return_id: each.decision_id for each in start.decisions}
        self._decision_count = rows.decision_count
        self._match_count = rows.match_count
        self._round_count = rows.round_count

    def know(self, known: Known) -> None:
        """Take rows that were settled before the start and are asked for now."""
        for demand in known.demands:
            self._rows.demands.setdefault(demand.demand.demand_id, demand)
        for record in known.returns:
            self._rows.returns.setdefault(record.item.return_id, record)
        for decision in known.decisions:
            if decision.return_id not in self._latest:
                self._note(decision)
        for match in known.matches:
            self._rows.matches.setdefault(match.match_id, match)

    def commit(self, changes: Changes) -> None:
        """Take the rows of one step."""
        self._rows.add(changes)
        # Logs are for whoever drives the replay.
        self._rows.decisions.clear()
        self._rows.rounds.clear()
        self._rows.program_events.clear()
        self._rows.journal.clear()
        for decision in changes.decisions:
            self._note(decision)
        self._decision_count += len(changes.decisions)
        self._round_count += len(changes.rounds)
        made = [_number(each) for each in changes.matches]
        self._match_count = max([self._match_count, *made])

    def demands(self, ids: Iterable[DemandId]) -> dict[DemandId, DemandRecord]:
        """Return the demands that exist among ``ids``."""
        rows = self._rows.demands
        return {each: rows[each] for each in ids if each in rows}

    def returns(self, ids: Iterable[ReturnId]) -> dict[ReturnId, ReturnRecord]:
        """Return the return items that exist among ``ids``."""
        rows = self._rows.returns
        return {each: rows[each] for each in ids if each in rows}

    def match(self, match_id: MatchId) -> Match | None:
        """Return one match."""
        return self._rows.matches.get(match_id)

    def decision(self, decision_id: DecisionId) -> Decision | None:
        """Return a decision, if it is the latest of its return item."""
        return self._decisions.get(decision_id)

    def open_demands(self) -> list[DemandRecord]:
        """Return the demands that have an open unit, by id."""
        return [
            each
            for _, each in sorted(self._rows.demands.items())
            if each.open_count > 0
        ]

    def policy(self, version: int) -> Policy:
        """Return a policy version that there is."""
        return self._rows.policies[version].policy

    def volume_hours(self) -> list[VolumeHour]:
        """Return the counts for the volume cap, by hour."""
        return [hour for _, hour in sorted(self._rows.volume_hours.items())]

    def load(self) -> LiveRows:
        """Return what a shard needs to go on."""
        rows = self._rows
        held = HoldState.ACTIVE
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
                if match.hold_state is held
            ),
            policies=tuple(record for _, record in sorted(rows.policies.items())),
            program=rows.program,
            volume_hours=tuple(hour for _, hour in sorted(rows.volume_hours.items())),
            match_counts=recent(rows.match_counts.values()),
            guardrail_days=tuple(day for _, day in sorted(rows.guardrail_days.items())),
            sku_days=tuple(day for _, day in sorted(rows.sku_days.items())),
            warehouses=tuple(w for _, w in sorted(rows.warehouses.items()) if w),
            service_areas=tuple(a for _, a in sorted(rows.service_areas.items()) if a),
            drop_off_points=tuple(
                p for _, p in sorted(rows.drop_off_points.items()) if p
            ),
            warehouse_days=tuple(day for _, day in sorted(rows.warehouse_days.items())),
            decision_count=self._decision_count,
            match_count=self._match_count,
            round_count=self._round_count,
            shadows=shadows,
            shadowed=tuple(rows.returns[each.return_id] for each in shadows),
            shadow_units=tuple(u for _, u in sorted(rows.shadow_units.items()) if u),
        )

    def _note(self, decision: Decision) -> None:
        before = self._latest.get(decision.return_id)
        if before is not None:
            del self._decisions[before]
        self._latest[decision.return_id] = decision.decision_id
        self._decisions[decision.decision_id] = decision


def _number(entity_id: str) -> int:
    return int(entity_id.partition("-")[2])
