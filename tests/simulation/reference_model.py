"""
What the states of a shard must be, kept in plain dictionaries.

Slow and obvious: every question loops over everything. It knows the moves that
DESIGN.md allows and nothing of indexes, heaps, kept reports or restarts. Gates 1
and 2 are asked of :mod:`matcher.policy`, which has tests of its own; which pairs a
round proposes is read off its proof, and whether they may stand is decided here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from matcher.domain.demand import Demand, DemandState
from matcher.domain.errors import (
    AlreadyExistsError,
    InvalidValueError,
    NearturnError,
    NotFoundError,
    StateConflictError,
    VersionMismatchError,
)
from matcher.domain.ids import DemandId, MatchId, ReturnId, WarehouseId
from matcher.domain.match import HoldState, Match
from matcher.domain.match_limit import LimitKey
from matcher.domain.mode import Mode
from matcher.domain.policy import Policy
from matcher.domain.program import Pause
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnState
from matcher.domain.warehouse import ServiceArea
from matcher.engine.commands import (
    ActivatePolicy,
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    CreatePolicy,
    DeleteDropOffPoint,
    DeleteServiceArea,
    DeleteWarehouse,
    ErasePersonalData,
    ExtendMatch,
    PauseProgram,
    RecordLabel,
    RecordOutcome,
    RecordVerification,
    ReleaseMatch,
    ReleaseMatches,
    ResumeProgram,
    RollbackPolicy,
    Setting,
    SubmitReturns,
    Tick,
    UpsertDemands,
    UpsertDropOffPoint,
    UpsertServiceArea,
    UpsertWarehouse,
)
from matcher.geo import ServiceAreas
from matcher.policy.eligibility import Surroundings
from matcher.policy.gates import GateReport, evaluate_gates
from tests.scenarios import HOUR_US, TENANT
from tests.simulation.entities import FINAL, Order, Parcel
from tests.simulation.erased import erase
from tests.simulation.floor_model import seen_demand
from tests.simulation.guardrail_model import Watch
from tests.simulation.outcome_model import note_outcome, tally_holds
from tests.simulation.promise_model import give_back, keep
from tests.simulation.shades import Begun, Shade, Shades, take_shades

Refusal = type[NearturnError] | None


@dataclass
class ReferenceModel:
    """The states of one shard, and which command it must refuse how."""

    margin_us: int
    now_us: int
    orders: dict[DemandId, Order] = field(default_factory=dict)
    parcels: dict[ReturnId, Parcel] = field(default_factory=dict)
    ordered: list[tuple[Demand, int]] = field(default_factory=list)
    holds: dict[MatchId, Match] = field(default_factory=dict)
    policies: dict[int, Policy] = field(default_factory=dict)
    in_force: list[int] = field(default_factory=list)
    paused: set[str] = field(default_factory=set)
    watch: Watch = field(default_factory=Watch)
    tripped: int = 0
    hours: dict[int, list[int]] = field(default_factory=dict)
    counts: Counter[LimitKey] = field(default_factory=Counter)
    etags: dict[ReturnId, int] = field(default_factory=dict)
    areas: dict[str, ServiceArea] = field(default_factory=dict)
    warehouses: set[WarehouseId] = field(default_factory=set)
    shades: Shades = field(default_factory=lambda: Shades(10**9))
    drop_off: set[str] = field(default_factory=set)

    @property
    def active(self) -> Policy | None:
        """The policy in force."""
        return self.policies[self.in_force[-1]] if self.in_force else None

    # --- Time ------------------------------------------------------------------

    def settle(self, now_us: int) -> None:
        """End what time has ended; a clock never goes back."""
        self.now_us = max(now_us, self.now_us)
        expired = []
        for match in list(self.holds.values()):
            if self._is_active(match) and match.hold_expire_us <= self.now_us:
                give_back(self, match, HoldState.EXPIRED)
                expired.append(match)
        for order in self.orders.values():
            if order.state not in FINAL and order.demand.ship_by_us <= self.now_us:
                order.end = DemandState.EXPIRED
                order.version += 1
        for parcel in self.parcels.values():
            if parcel.state is ReturnState.WAITING and self._is_late(parcel):
                self.move(parcel, ReturnState.WAREHOUSE)
        tally_holds(self, expired, is_bad=True)
        self.shades.settle()
        self.shades.expire(self.now_us, self.margin_us)

    # --- Commands --------------------------------------------------------------

    def apply(self, command: Command, now_us: int) -> Refusal:
        """Carry out a command; return how it has to be refused, if so."""
        self.settle(now_us)
        refusal = self._apply(command)
        self.shades.settle()
        return refusal

    def _apply(self, command: Command) -> Refusal:
        match command:
            case UpsertDemands():
                return self._upsert(command)
            case CancelDemand():
                return self._cancel_demand(command)
            case SubmitReturns():
                return self._submit(command)
            case RecordVerification():
                return self._verify(command)
            case (
                CancelReturn()
                | ConfirmMatch()
                | ExtendMatch()
                | RecordLabel()
                | ReleaseMatch()
                | ReleaseMatches()
            ):
                return keep(self, command)
            case ErasePersonalData():
                return erase(self, command)
            case UpsertDropOffPoint():
                self.drop_off.add(command.drop_off_point.drop_off_point_id)
                return None
            case DeleteDropOffPoint():
                known = command.drop_off_point_id in self.drop_off
                self.drop_off.discard(command.drop_off_point_id)
                return None if known else NotFoundError
            case RecordOutcome():
                return note_outcome(self, command)
            case Tick():
                return None
            case _:
                return self._set(command)

    def _set(self, command: Setting) -> Refusal:
        match command:
            case UpsertServiceArea():
                area = command.service_area
                self.areas[area.service_area_id] = area
            case DeleteServiceArea():
                if self.areas.pop(command.service_area_id, None) is None:
                    return NotFoundError
            case UpsertWarehouse():
                self.warehouses.add(command.warehouse.warehouse_id)
            case DeleteWarehouse():
                if command.warehouse_id not in self.warehouses:
                    return NotFoundError
                self.warehouses.remove(command.warehouse_id)
            case _:
                return self._steer(command)
        return None

    def _steer(self, command: Setting) -> Refusal:
        match command:
            case CreatePolicy():
                number = len(self.policies) + 1
                self.policies[number] = replace(command.policy, version=number)
            case ActivatePolicy():
                if command.version not in self.policies:
                    return NotFoundError
                if [command.version] != self.in_force[-1:]:
                    self._enter([*self.in_force, command.version])
            case RollbackPolicy():
                if len(self.in_force) < 2:
                    return StateConflictError
                self._enter(self.in_force[:-1])
            case PauseProgram():
                self.paused.add(command.category)
            case ResumeProgram():
                if command.category not in self.paused and command.category:
                    return StateConflictError if "" in self.paused else None
                if command.category in self.paused:
                    self.watch.forget(command.category)
                self.paused.discard(command.category)
        return None

    def _enter(self, in_force: list[int]) -> None:
        before = self.active.volume_cap if self.active else None
        self.in_force = in_force
        assert self.active is not None
        if self.active.volume_cap != before:
            self.hours.clear()
        if self.active.mode is Mode.SHADOW:
            for parcel in self.waiting():
                self.decide(parcel)

    def _upsert(self, command: UpsertDemands) -> Refusal:
        seen: set[DemandId] = set()
        changed: list[Demand] = []
        for new, etag in zip(command.demands, command.etags, strict=True):
            if new.demand_id in seen:
                return InvalidValueError
            seen.add(new.demand_id)
            order = self.orders.get(new.demand_id)
            if etag and etag != (str(order.version) if order else ""):
                return VersionMismatchError
            if order and order.demand == new:
                continue
            if order and order.state in FINAL:
                return StateConflictError
            if new.ship_by_us <= self.now_us:
                return InvalidValueError
            if order and new.quantity < order.held + order.fulfilled:
                return StateConflictError
            changed.append(new)
        for new in changed:
            if order := self.orders.get(new.demand_id):
                order.demand = new
                order.version += 1
            else:
                self.orders[new.demand_id] = Order(new)
                self.ordered.append((new, self.now_us))
        return None

    def _cancel_demand(self, command: CancelDemand) -> Refusal:
        order = self.orders.get(command.demand_id)
        if order is None:
            return NotFoundError
        if order.state is DemandState.CANCELLED:
            return None
        if command.etag and command.etag != str(order.version):
            return VersionMismatchError
        if order.state in FINAL:
            return StateConflictError
        order.end = DemandState.CANCELLED
        order.version += 1
        return None

    def _submit(self, command: SubmitReturns) -> Refusal:
        fresh: dict[ReturnId, Parcel] = {}
        seen: set[ReturnId] = set()
        for item, payload in zip(command.items, command.payload_hashes, strict=True):
            if item.return_id in seen:
                return InvalidValueError
            seen.add(item.return_id)
            old = self.parcels.get(item.return_id)
            if old is not None and old.payload != payload:
                return AlreadyExistsError
            if old is None:
                if item.decide_by_us <= self.now_us:
                    return InvalidValueError
                fresh[item.return_id] = Parcel(item, payload, self.now_us)
                fresh[item.return_id].seen = seen_demand(self, item)
        for _, parcel in sorted(fresh.items()):
            self.decide(parcel)
        self.parcels.update(fresh)
        return None

    def _verify(self, command: RecordVerification) -> Refusal:
        evidence = command.verification
        parcel = self.parcels.get(command.return_id)
        if parcel is None:
            return NotFoundError
        if parcel.item.verification == evidence:
            return None
        if command.etag and command.etag != str(self.etags[command.return_id]):
            return VersionMismatchError
        if parcel.state is not ReturnState.WAITING:
            return StateConflictError
        parcel.item = replace(parcel.item, verification=evidence)
        self.decide(parcel)
        return None

    # --- Rounds ----------------------------------------------------------------

    def begin(self, now_us: int) -> Begun:
        """Take the pool along; who no longer passes goes to the warehouse."""
        self.settle(now_us)
        assert self.active is not None
        stamps: dict[ReturnId, int] = {}
        for parcel in self.waiting():
            waited_out = self.report(parcel, self.active, self.areas).passed
            if self.active.volume_cap and waited_out and not parcel.has_asked:
                self.decide(parcel)
        self.shades.settle()
        for parcel in self.waiting():
            report = self.report(parcel, self.active, self.areas)
            if report.passed:
                stamps[parcel.item.return_id] = parcel.stamp
            elif not report.pending and not report.paused:
                # Counted too, if it is eligible and was kept from asking until now.
                self.decide(parcel)
        self.shades.settle()
        return take_shades(self, self.active, stamps)

    def finish(
        self, begun: Begun, pairs: list[tuple[str, str]], now_us: int
    ) -> list[tuple[ReturnId, DemandId]]:
        """Return the proposed pairs that may become promises."""
        self.settle(now_us)
        units: dict[DemandId, int] = {}
        kept = []
        for return_id, demand_id in (
            (ReturnId(row), DemandId(column)) for row, column in pairs
        ):
            left = units.setdefault(demand_id, self.orders[demand_id].open)
            if left and self._stands(begun, return_id, demand_id):
                units[demand_id] = left - 1
                kept.append((return_id, demand_id))
        return kept

    def promise(self, match: Match) -> None:
        """Note a promise that :meth:`finish` allowed."""
        parcel = self.parcels[match.return_id]
        self.move(parcel, ReturnState.MATCHED)
        parcel.match_id = match.match_id
        self.orders[match.demand_id].move(held=1)
        self.holds[match.match_id] = match
        self.counts.update(match.places)

    def waiting(self) -> list[Parcel]:
        """Return who waits, older first, then by id."""
        found = [p for p in self.parcels.values() if p.state is ReturnState.WAITING]
        return sorted(found, key=lambda p: (p.created_us, p.item.return_id))

    def report(
        self, parcel: Parcel, policy: Policy | None, areas: dict[str, ServiceArea]
    ) -> GateReport:
        """Return what gates 1 and 2 say of an item now."""
        item, known = parcel.item, ServiceAreas.of(areas.values())
        at = known.contains([item.location.lat], [item.location.lng])[0]
        return evaluate_gates(
            item,
            policy,
            tenant=TENANT,
            surroundings=Surroundings(
                bool(at >= 0),
                tuple(Pause(each, "", 0) for each in sorted(self.paused)),
                demand=parcel.seen,
            ),
            now_us=self.now_us,
        )

    def _stands(self, begun: Begun, return_id: ReturnId, demand_id: DemandId) -> bool:
        parcel, order = self.parcels[return_id], self.orders[demand_id]
        earliest_us = self.now_us + begun.policy.handling_duration_us
        return (
            parcel.state is ReturnState.WAITING
            and parcel.stamp == begun.stamps[return_id]
            and order.demand == begun.demands[demand_id]
            and order.demand.ship_by_us > earliest_us
            and self.active is not None
            and self.active.version == begun.policy.version
            and self.report(parcel, begun.policy, begun.areas).passed
        )

    # --- Moves -----------------------------------------------------------------

    def decide(self, parcel: Parcel) -> None:
        """Decide an item outside a round."""
        report = self.report(parcel, self.active, self.areas)
        late = self._is_late(parcel)
        if report.eligible and not parcel.has_asked and not late and self.active:
            parcel.has_asked = True
            parcel.has_place = report.passed and self._has_place(self.active)
            self._count(self.active, parcel.has_place)
        # Who waits keeps the place during a pause; nobody new comes in.
        stays = (
            report.paused and parcel.stamp > 0 and parcel.state is ReturnState.WAITING
        )
        passed = report.passed and parcel.has_place
        waits = (passed or report.pending or stays) and not late
        self.move(parcel, ReturnState.WAITING if waits else ReturnState.WAREHOUSE)
        if not waits and not late:
            no_place = ReasonCode.VOLUME_CAP_REACHED if report.passed else None
            self._shade(parcel, no_place or report.kept_out)

    def _shade(self, parcel: Parcel, kept_out: ReasonCode) -> None:
        if kept_out:
            assert self.active is not None
            self.shades.come(
                Shade(
                    parcel.item,
                    kept_out,
                    self.active.version,
                    parcel.created_us,
                    parcel.released,
                )
            )

    def _has_place(self, policy: Policy) -> bool:
        if policy.volume_cap is None:
            return True
        first = self.now_us - self.now_us % HOUR_US - policy.volume_cap.window_us
        counted = [n for hour, n in self.hours.items() if hour * HOUR_US > first]
        eligible = 1 + sum(n[0] for n in counted)
        admitted = 1 + sum(n[1] for n in counted)
        return admitted / eligible <= policy.volume_cap.basis_points / 10_000

    def _count(self, policy: Policy, admitted: bool) -> None:
        if policy.volume_cap is not None:
            row = self.hours.setdefault(self.now_us // HOUR_US, [0, 0])
            row[0] += 1
            row[1] += admitted

    def move(self, parcel: Parcel, state: ReturnState) -> None:
        """Take an item to a state by a decision."""
        parcel.state = state
        parcel.stamp += 1

    def _is_active(self, match: Match) -> bool:
        return match.hold_state is HoldState.ACTIVE

    def _is_late(self, parcel: Parcel) -> bool:
        return self.now_us >= parcel.item.decide_by_us - self.margin_us
