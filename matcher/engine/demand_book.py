"""The demands of a shard: their units, their states, and when they end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from operator import attrgetter, is_
from typing import Any

from matcher.domain.demand import Demand, DemandState
from matcher.domain.errors import (
    InvalidValueError,
    LimitExceededError,
    NearturnError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.etag import check_etag
from matcher.domain.ids import DemandId
from matcher.domain.instant import utc_text
from matcher.domain.lifecycle import DEMANDS, UNITS
from matcher.domain.made_by_column import made_by_column
from matcher.domain.trigger import Trigger
from matcher.engine.archive import LiveRows
from matcher.engine.commands import UpsertDemands
from matcher.engine.ledger import Ledger
from matcher.engine.limits import FULL_RETRY_S, ShardLimits
from matcher.engine.open_demands import OpenDemands
from matcher.engine.records import DemandRecord
from matcher.engine.sku_book import SkuBook
from matcher.engine.timetable import Timetable

_REFUSALS = (InvalidValueError, StateConflictError, VersionMismatchError)
_FINAL = (DemandState.FULFILLED, DemandState.CANCELLED, DemandState.EXPIRED)

# Asked of the machine once: a million orders make the same move.
_ORDERED = DEMANDS.moved(DemandState.UNSPECIFIED, Trigger.ORDER, DemandState.OPEN)


# Demands of one command from which on they are made and entered together, if all of
# them are new: for a few the preparation takes longer than it saves.
_LOAD_COUNT = 50

_SHIP_BY: Any = attrgetter("ship_by_us")
_NOT_LOOKED_UP: Any = object()


class DemandBook:
    """
    Demands with open or held units, and the moves of their units.

    Every move checks first and changes last, so that an error leaves no trace.
    """

    def __init__(
        self,
        ledger: Ledger,
        open_demands: OpenDemands,
        skus: SkuBook,
        limits: ShardLimits,
    ) -> None:
        self._ledger = ledger
        self._skus = skus
        self._open = open_demands
        self._limits = limits
        self._live: dict[DemandId, DemandRecord] = {}
        # Closed since the last commit: the archive may not know it yet.
        self._closed: dict[DemandId, DemandRecord] = {}
        # What the archive said of ids that commands are about to name; none of them is
        # live or has closed since.
        self._looked_up: dict[DemandId, DemandRecord | None] = {}
        # Changed since the index was last brought up to date; and before that, what
        # came together and was new then.
        self._behind: dict[DemandId, DemandRecord] = {}
        self._loads_behind: list[Mapping[DemandId, DemandRecord]] = []
        self._ends: Timetable[DemandId] = Timetable()

    def __len__(self) -> int:
        return len(self._live)

    def hold_at_most(self, limits: ShardLimits) -> None:
        """Take another count for what may be open or held; what is already, stays."""
        self._limits = limits

    def load(self, rows: LiveRows) -> None:
        """Take the live demands of a store, all at once: a million in a second."""
        self._live = {each.demand.demand_id: each for each in rows.demands}
        self._behind = dict(self._live)
        self._ends.add(
            {
                demand_id: record.demand.ship_by_us
                for demand_id, record in self._live.items()
                if record.state not in _FINAL
            }
        )
        self._skus.entered(rows.demands)

    def committed(self) -> None:
        """Forget closed demands: the archive has them now."""
        self._closed.clear()

    def expect(self, ids: Iterable[DemandId]) -> None:
        """Look up ids that commands are about to name, all in one go."""
        cold = [*ids]
        if not self._live.keys().isdisjoint(cold) or self._closed:
            cold = [i for i in cold if i not in self._live and i not in self._closed]
        found = self._ledger.archive.demands(cold) if cold else {}
        self._looked_up = {**dict.fromkeys(cold), **found}

    def index(self) -> None:
        """
        Bring the index of open demands up to date.

        Only rounds ask it; many changes at once cost it a tenth of one by one.
        """
        changed = chain.from_iterable(each.values() for each in self._loads_behind)
        self._open.update(chain(changed, self._behind.values()))
        self._loads_behind.clear()
        self._behind.clear()

    def live(self, demand_id: DemandId) -> DemandRecord | None:
        """Return a demand with open or held units."""
        return self._live.get(demand_id)

    def find_all(self, ids: Iterable[DemandId]) -> dict[DemandId, DemandRecord]:
        """Return the demands that exist among ``ids``."""
        found: dict[DemandId, DemandRecord] = {}
        cold: list[DemandId] = []
        for demand_id in ids:
            record = self._live.get(demand_id) or self._closed.get(demand_id)
            if record is None and (record := self._looked_up.get(demand_id)):
                self._ledger.archive.used_demand(record)
            if record is not None:
                found[demand_id] = record
            elif demand_id not in self._looked_up:
                cold.append(demand_id)
        if cold:
            found.update(self._ledger.archive.demands(cold))
        return found

    def keep_closed(self, record: DemandRecord) -> None:
        """Take another version of a demand that is closed and stays so."""
        assert not record.is_live, f"demand {record.demand.demand_id!r} is live"
        demand_id = record.demand.demand_id
        self._looked_up.pop(demand_id, None)
        self._closed[demand_id] = record
        self._ledger.changes.demands[demand_id] = record

    def upsert(self, command: UpsertDemands, now_us: int) -> tuple[DemandRecord, ...]:
        """
        Store or change demands, all or none.

        Returns
        -------
        tuple of DemandRecord
            As stored, in the order of the command.

        Raises
        ------
        InvalidValueError
            If an id comes twice, or a new or changed demand ships in the past.
        StateConflictError
            If a demand is final, or its quantity would fall below its promises.
        VersionMismatchError
            If an etag is stale.
        LimitExceededError
            If the shard would hold too many demands.
        """
        ids = [demand.demand_id for demand in command.demands]
        known = {} if self._found_none(ids) else self.find_all(ids)
        is_load = len(ids) >= _LOAD_COUNT and not known
        if is_load and (fresh := _all_fresh(command, ids, now_us)):
            self._check_room(len(fresh))
            self._skus.ordered(command.demands, now_us)
            self._enter(command.demands, dict(zip(ids, fresh, strict=True)))
            return tuple(fresh)
        answer: dict[DemandId, DemandRecord] = {}
        changed: list[DemandRecord] = []
        pairs = zip(command.demands, command.etags, strict=True)
        for index, (demand, etag) in enumerate(pairs):
            demand_id = demand.demand_id
            if demand_id in answer:
                raise InvalidValueError(
                    f"demands[{index}].demand_id", demand_id, "each id once"
                )
            old = known.get(demand_id)
            record = _changed(index, old, demand, etag, now_us)
            answer[demand_id] = record
            if record is not old:
                changed.append(record)
        entering = [r for r in changed if r.demand.demand_id not in self._live]
        self._check_room(len(entering))
        fresh = [r for r in entering if r.demand.demand_id not in known]
        self._skus.ordered([r.demand for r in fresh], now_us)
        self._keep(changed)
        return tuple(answer.values())

    def refused(self, command: UpsertDemands, now_us: int) -> dict[int, NearturnError]:
        """Return why :meth:`upsert` would not take demands, by their place."""
        known = self.find_all([demand.demand_id for demand in command.demands])
        refused: dict[int, NearturnError] = {}
        seen: set[DemandId] = set()
        pairs = zip(command.demands, command.etags, strict=True)
        for index, (demand, etag) in enumerate(pairs):
            demand_id = demand.demand_id
            try:
                if demand_id in seen:
                    raise InvalidValueError(
                        f"demands[{index}].demand_id", demand_id, "each id once"
                    )
                _changed(index, known.get(demand_id), demand, etag, now_us)
            except (
                InvalidValueError,
                StateConflictError,
                VersionMismatchError,
            ) as error:
                refused[index] = error
            else:
                seen.add(demand_id)
        return refused

    def cancel(self, demand_id: DemandId, etag: str, now_us: int) -> DemandRecord:
        """
        Cancel a demand; units under a hold keep their promise.

        Raises
        ------
        NotFoundError
            If there is no such demand.
        StateConflictError
            If it is fulfilled or expired.
        VersionMismatchError
            If the etag is stale.
        """
        record = self.find_all([demand_id]).get(demand_id)
        if record is None:
            raise NotFoundError("demand", demand_id)
        if record.state is DemandState.CANCELLED:
            return record
        check_etag("demand", demand_id, str(record.version), etag)
        DEMANDS.check(demand_id, record.state, Trigger.CANCEL)
        return self._move(record, Trigger.CANCEL, now_us, state=DemandState.CANCELLED)

    def hold(self, demand_ids: Iterable[DemandId], now_us: int) -> None:
        """Hold one unit for each mention; the caller has seen that it is open."""
        changed: dict[DemandId, DemandRecord] = {}
        for demand_id in demand_ids:
            record = changed.get(demand_id) or self._live[demand_id]
            assert record.open_count > 0, f"demand {demand_id!r} has no open unit"
            changed[demand_id] = _with_unit(
                record, DemandState.OPEN, Trigger.HOLD, DemandState.HELD, now_us
            )
        self._keep(changed.values())

    def release(self, demand_id: DemandId, now_us: int) -> DemandRecord:
        """Give one held unit back; it is open again unless the demand has ended."""
        record = self._live[demand_id]
        has_ended = record.state in (DemandState.CANCELLED, DemandState.EXPIRED)
        after = record.state if has_ended else DemandState.OPEN
        return self._give_up(record, Trigger.GIVE_BACK, after, now_us)

    def fulfil(self, demand_id: DemandId, now_us: int) -> DemandRecord:
        """Turn one held unit into a fulfilled one."""
        record = self._live[demand_id]
        return self._give_up(record, Trigger.FULFIL, DemandState.FULFILLED, now_us)

    def expire(self, now_us: int) -> int:
        """End the demands whose ship-by time has come; return how many."""
        due = self._ends.take_due(now_us)
        ended = [
            _next(
                self._live[demand_id], Trigger.SHIP, now_us, state=DemandState.EXPIRED
            )
            for demand_id in due
        ]
        self._keep(ended)
        return len(ended)

    def next_us(self) -> int | None:
        """Return when the next demand ends."""
        return self._ends.next_us()

    def _give_up(
        self, record: DemandRecord, trigger: Trigger, after: DemandState, now_us: int
    ) -> DemandRecord:
        # One held unit becomes another kind of unit.
        assert record.held_count > 0, f"demand {record.demand.demand_id!r} holds none"
        moved = _with_unit(record, DemandState.HELD, trigger, after, now_us)
        self._keep([moved])
        return moved

    def _move(
        self, record: DemandRecord, trigger: Trigger, now_us: int, **values: object
    ) -> DemandRecord:
        moved = _next(record, trigger, now_us, **values)
        self._keep([moved])
        return moved

    def _check_room(self, count: int) -> None:
        # What is there already may be changed, should the limit be lower by now.
        total = len(self._live) + count
        if count and total > self._limits.demand_count_max:
            raise LimitExceededError(
                "demand_count_max",
                total,
                self._limits.demand_count_max,
                retry_after_s=FULL_RETRY_S,
            )

    def _found_none(self, ids: Collection[DemandId]) -> bool:
        # Whether all were looked up, and none was found.
        looked_up = map(self._looked_up.get, ids, repeat(_NOT_LOOKED_UP))
        return all(map(is_, looked_up, repeat(None)))

    def _enter(
        self, demands: Collection[Demand], fresh: dict[DemandId, DemandRecord]
    ) -> None:
        # What `_keep` does, of ids that nobody has heard of: an import of a million.
        self._skus.opened(demands)
        self._live.update(fresh)
        self._ends.add(dict(zip(fresh, map(_SHIP_BY, demands), strict=True)))
        self._loads_behind.append(fresh)
        self._ledger.changes.demands.update(fresh)
        for demand_id in fresh:
            self._looked_up.pop(demand_id, None)

    def _join_behind(self) -> None:
        if self._loads_behind:
            later, self._behind = self._behind, {}
            for each in (*self._loads_behind, later):
                self._behind.update(each)
            self._loads_behind.clear()

    def _keep(self, records: Iterable[DemandRecord]) -> None:
        for record in records:
            demand_id = record.demand.demand_id
            is_live = record.is_live
            self._skus.moved(self._live.get(demand_id), record)
            self._looked_up.pop(demand_id, None)
            if is_live:
                self._live[demand_id] = record
                self._closed.pop(demand_id, None)
            else:
                self._live.pop(demand_id, None)
                self._closed[demand_id] = record
            if is_live and record.state not in _FINAL:
                self._ends.set(demand_id, record.demand.ship_by_us)
            else:
                self._ends.drop(demand_id)
            if is_live or self._open.row(demand_id) >= 0:
                self._behind[demand_id] = record
            else:
                # It came and went without a round: the index never hears of it.
                self._join_behind()
                self._behind.pop(demand_id, None)
            self._ledger.changes.demands[demand_id] = record


def _all_fresh(
    command: UpsertDemands, ids: Sequence[DemandId], now_us: int
) -> list[DemandRecord] | None:
    # The records of demands none of which is known; nothing if one is to be refused.
    demands = command.demands
    soonest_us = min(map(_SHIP_BY, demands), default=now_us)
    if any(command.etags) or len({*ids}) < len(ids) or soonest_us <= now_us:
        return None
    return made_by_column(
        DemandRecord,
        len(demands),
        demands,
        state=_ORDERED,
        held_count=0,
        fulfilled_count=0,
        version=1,
        created_us=now_us,
        updated_us=now_us,
        erased_us=None,
    )


def _changed(
    index: int, old: DemandRecord | None, demand: Demand, etag: str, now_us: int
) -> DemandRecord:
    # The record after the upsert; the old one itself if nothing changes.
    demand_id = demand.demand_id
    if etag:
        check_etag("demand", demand_id, str(old.version) if old else "", etag)
    if old is not None and old.demand == demand:
        return old
    if old is not None:
        DEMANDS.check(demand_id, old.state, Trigger.CHANGE)
    if demand.ship_by_us <= now_us:
        raise InvalidValueError(
            f"demands[{index}].ship_by_time",
            utc_text(demand.ship_by_us),
            f"after now, {utc_text(now_us)}",
        )
    if old is None:
        return DemandRecord(demand, _ORDERED, 0, 0, 1, now_us, now_us)
    promised = old.held_count + old.fulfilled_count
    if demand.quantity < promised:
        raise StateConflictError(
            "demand",
            demand_id,
            f"promised {promised} times",
            f"a quantity of {demand.quantity}",
            f"a quantity of at least {promised}",
        )
    return _next(old, Trigger.CHANGE, now_us, demand=demand)


def _with_unit(
    record: DemandRecord,
    before: DemandState,
    trigger: Trigger,
    after: DemandState,
    now_us: int,
) -> DemandRecord:
    # Units are counted by state; the open ones are what is left of the quantity.
    after = UNITS.moved(before, trigger, after)
    held, fulfilled = DemandState.HELD, DemandState.FULFILLED
    return _next(
        record,
        trigger,
        now_us,
        held_count=record.held_count + (after is held) - (before is held),
        fulfilled_count=record.fulfilled_count + (after is fulfilled),
    )


def _next(
    record: DemandRecord, trigger: Trigger, now_us: int, **values: Any
) -> DemandRecord:
    # The next version, its state following from its units unless it has ended.
    moved: DemandRecord = replace(
        record, version=record.version + 1, updated_us=now_us, **values
    )
    state = DEMANDS.moved(record.state, trigger, _state(moved))
    return replace(moved, state=state)


def _state(record: DemandRecord) -> DemandState:
    if record.state in (DemandState.CANCELLED, DemandState.EXPIRED):
        return record.state
    quantity = record.demand.quantity
    if record.fulfilled_count == quantity:
        return DemandState.FULFILLED
    is_held = record.held_count + record.fulfilled_count == quantity
    return DemandState.HELD if is_held else DemandState.OPEN
