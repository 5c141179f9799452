"""The shadows of a shard: items that were kept out, and the units they would have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.reason import Reason, ReasonCode
from matcher.domain.shadow import ShadowResult, ShadowState
from matcher.engine.archive import LiveRows
from matcher.engine.gate_keeper import GateKeeper
from matcher.engine.ledger import Ledger
from matcher.engine.limits import ShardLimits
from matcher.engine.records import ReturnRecord
from matcher.engine.round_clock import RoundClock
from matcher.engine.shadow_records import ShadowRecord, ShadowUnits
from matcher.engine.timetable import Timetable
from matcher.policy.gates import GateReport
from matcher.policy.wording import stated


class ShadowBook:
    """
    Open shadows, the time of each, and the units that earlier ones would have had.

    Nothing real rests on it: it reads what the other books did and writes rows of its
    own. Their number is bounded; whoever comes when it is full is counted as skipped.

    Attributes
    ----------
    clock
        When shadows are to be asked about though no round is due.
    """

    def __init__(
        self,
        ledger: Ledger,
        gates: GateKeeper,
        limits: ShardLimits,
        rows: LiveRows,
        now_us: int,
    ) -> None:
        self._ledger = ledger
        self._gates = gates
        self._limits = limits
        self.clock = RoundClock(now_us, limits.round_lead_us)
        self._open: dict[ReturnId, ShadowRecord] = {}
        self._items: dict[ReturnId, ReturnRecord] = {}
        self._taken = {each.demand_id: each.taken_count for each in rows.shadow_units}
        self._ends: Timetable[ReturnId] = Timetable()
        items = {record.item.return_id: record for record in rows.shadowed}
        for shadow in rows.shadows:
            self._watch(shadow, items[shadow.return_id])

    def __len__(self) -> int:
        return len(self._open)

    def items(self) -> list[ReturnRecord]:
        """Return the items of the open shadows, in no order."""
        return list(self._items.values())

    def find(self, return_id: ReturnId) -> ShadowRecord | None:
        """Return an open shadow."""
        return self._open.get(return_id)

    def reports(self, records: Sequence[ReturnRecord], now_us: int) -> list[GateReport]:
        """Return the report of gates 1 and 2 of each item."""
        return self._gates.reports(records, now_us)

    def enter(
        self, record: ReturnRecord, kept_out: ReasonCode, version: int, now_us: int
    ) -> None:
        """Keep an item that went to its warehouse for nothing but this reason."""
        shadow = ShadowRecord(
            return_id=record.item.return_id,
            category=record.item.category,
            policy_version=version,
            kept_out=kept_out,
            decision_id=record.decision_id,
            since_us=record.created_us,
            until_us=record.item.decide_by_us - self._limits.decide_margin_us,
            state=ShadowState.OPEN,
        )
        if len(self._open) >= self._limits.shadow_count_max:
            result = self._result(shadow, version, now_us)
            skipped = replace(shadow, state=ShadowState.SKIPPED, result=result)
            self._ledger.changes.shadows[shadow.return_id] = skipped
            return
        self._watch(shadow, record)
        self._ledger.changes.shadows[shadow.return_id] = shadow

    def wait(self, return_id: ReturnId, reasons: tuple[Reason, ...]) -> None:
        """Note why a round had no buyer; written only if it says something new."""
        shadow = self._open[return_id]
        if [each.code for each in shadow.reasons] != [each.code for each in reasons]:
            self._open[return_id] = replace(shadow, reasons=reasons)
            self._ledger.changes.shadows[return_id] = self._open[return_id]

    def match(self, return_id: ReturnId, result: ShadowResult) -> None:
        """Note that an item would have had a unit."""
        taken_count = self.taken(result.demand_id) + 1
        self._taken[result.demand_id] = taken_count
        units = ShadowUnits(result.demand_id, taken_count)
        self._ledger.changes.shadow_units[result.demand_id] = units
        self._end(self._open[return_id], ShadowState.MATCHED, result)

    def refuse(
        self,
        return_id: ReturnId,
        reasons: tuple[Reason, ...],
        version: int,
        now_us: int,
    ) -> None:
        """Note that an item would not have stayed in the pool."""
        shadow = self._open[return_id]
        result = replace(self._result(shadow, version, now_us), reasons=reasons)
        self._end(shadow, ShadowState.UNMATCHED, result)

    def expire(self, version: int, now_us: int) -> None:
        """End the shadows whose time is up."""
        for return_id in self._ends.take_due(now_us):
            reached = stated(ReasonCode.DECIDE_BY_REACHED)
            reasons = (reached, *self._open[return_id].reasons)
            self.refuse(return_id, reasons, version, now_us)

    def renewed(self, record: ReturnRecord) -> None:
        """Take another version of an item, which is asked about as before."""
        if record.item.return_id in self._items:
            self._items[record.item.return_id] = record

    def erased(self, return_id: ReturnId, version: int, now_us: int) -> None:
        """End the shadow of an item whose data is gone: it cannot be asked about."""
        shadow = self._open.get(return_id)
        if shadow is not None:
            self._end(
                shadow, ShadowState.SKIPPED, self._result(shadow, version, now_us)
            )

    def taken(self, demand_id: DemandId) -> int:
        """Return how many units of a demand shadows would have had."""
        return self._taken.get(demand_id, 0)

    def forget_units(self, is_live: Callable[[DemandId], bool]) -> None:
        """Drop the count of demands that have ended: nobody gets their units now."""
        for demand_id in [each for each in self._taken if not is_live(each)]:
            del self._taken[demand_id]
            self._ledger.changes.shadow_units[demand_id] = None

    def next_us(self) -> int | None:
        """Return when the time of the next shadow is up."""
        return self._ends.next_us()

    def _result(self, shadow: ShadowRecord, version: int, now_us: int) -> ShadowResult:
        waiting_us = max(0, now_us - shadow.since_us)
        return ShadowResult(now_us, waiting_us, version)

    def _watch(self, shadow: ShadowRecord, record: ReturnRecord) -> None:
        self._open[shadow.return_id] = shadow
        self._items[shadow.return_id] = record
        self._ends.set(shadow.return_id, shadow.until_us)
        self.clock.entered([(shadow.return_id, shadow.until_us)])

    def _end(
        self, shadow: ShadowRecord, state: ShadowState, result: ShadowResult
    ) -> None:
        ended = replace(shadow, state=state, reasons=(), result=result)
        del self._open[shadow.return_id]
        del self._items[shadow.return_id]
        self._ends.drop(shadow.return_id)
        self.clock.left(shadow.return_id)
        self._gates.forget(shadow.return_id)
        self._ledger.changes.shadows[shadow.return_id] = ended


def kept_out(
    records: Iterable[tuple[ReturnRecord, ReasonCode]],
) -> list[tuple[ReturnRecord, ReasonCode]]:
    """Return those that something kept out, in canonical order: places may run out."""
    found = [(record, code) for record, code in records if code]
    return sorted(found, key=lambda each: (each[0].created_us, each[0].item.return_id))
