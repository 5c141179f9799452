"""
Three shards' lives side by side: one that crashes, one that never does, the model.

Every step is done to all three and compared; the invariants of DESIGN.md, section
8, are checked on what was committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import h3.api.basic_str as h3

from matcher.domain.decision import Decision, Outcome
from matcher.domain.errors import NearturnError
from matcher.domain.ids import DemandId, ReturnId, WarehouseId
from matcher.domain.match import HoldState, Match
from matcher.domain.match_limit import LimitKey, LimitScope
from matcher.domain.policy import MatchKey
from matcher.domain.return_item import ReturnState
from matcher.domain.warehouse import Warehouse
from matcher.engine.changes import Changes
from matcher.engine.commands import Command, DeleteWarehouse, Tick, UpsertWarehouse
from matcher.engine.network_book import DAY_US
from matcher.engine.proof import unpack
from matcher.engine.records import RoundRecord
from matcher.engine.round_task import RoundTask, SolvedRound, solve_round
from matcher.engine.shard import Shard
from tests.scenarios import NOW_US, RunningShard
from tests.simulation.entities import Parcel
from tests.simulation.outcome_checks import check_outcomes
from tests.simulation.promise_checks import check_labels, check_overtaken
from tests.simulation.reference_model import Begun, ReferenceModel
from tests.simulation.shadow_checks import (
    check_asked,
    check_shadows,
    finish_shadows,
)
from tests.simulation.side import LIMITS, CrashingSide, Side
from tests.unit.engine.naive_market import metres

MARGIN_US = LIMITS.decide_margin_us

# From each state of a return item, where one step may take it, kept beside the engine's
# own tables on purpose. A released or expired match may go on in the same step; one
# that is extended or labelled leaves its item alone.
MOVES = {
    None: {ReturnState.WAITING, ReturnState.WAREHOUSE},
    ReturnState.WAITING: {
        ReturnState.WAITING,
        ReturnState.MATCHED,
        ReturnState.WAREHOUSE,
        ReturnState.CANCELLED,
    },
    ReturnState.MATCHED: {
        ReturnState.WAITING,
        ReturnState.CONFIRMED,
        ReturnState.WAREHOUSE,
        ReturnState.CANCELLED,
    },
    ReturnState.CONFIRMED: {ReturnState.CONFIRMED, ReturnState.COMPLETED},
    ReturnState.COMPLETED: {ReturnState.COMPLETED},
    ReturnState.WAREHOUSE: {ReturnState.WAREHOUSE},
    ReturnState.CANCELLED: set[ReturnState](),
}


@dataclass
class InFlight:
    """A round that both sides have begun."""

    begun: Begun
    crashing: RoundTask
    steady: RoundTask


class World:
    """Drives both shards and the model, and compares them after every step."""

    def __init__(self, crashing: CrashingSide | None = None) -> None:
        self.crashing: CrashingSide = crashing or Side()
        self.steady = Side()
        self.model = ReferenceModel(MARGIN_US, NOW_US)
        self.model.shades.limit = LIMITS.shadow_count_max
        self.is_asking = False
        self.now_us = NOW_US
        self.in_flight: InFlight | None = None
        self.warehouses: dict[WarehouseId, Warehouse] = {}
        self.routed: Counter[tuple[WarehouseId, int]] = Counter()
        self.states: dict[ReturnId, ReturnState] = {}
        self.met: Counter[str] = Counter()

    # --- Steps -----------------------------------------------------------------

    def advance(self, step_us: int) -> None:
        """Let time pass; like the host, tick whenever something is due."""
        goal_us = self.now_us + step_us
        while (due_us := self.crashing.shard.next_us()) is not None:
            assert due_us == self.steady.shard.next_us()
            if due_us > goal_us:
                break
            self.now_us = max(self.now_us, due_us)
            self.apply(Tick())
        self.now_us = goal_us
        self.apply(Tick())

    def apply(self, command: Command, *, crash: bool = False, back_us: int = 0) -> None:
        """
        Do a command to all; ``crash`` loses it once before it is committed.

        ``back_us`` is how far the clock of this one command lies in the past.
        """
        self._set_clocks(self.now_us - back_us)
        if crash and self.in_flight is None and not self.is_asking:
            self.met["lost before commit"] += 1
            try:
                self.crashing.shard.apply(command, self.crashing.now_us)
            except NearturnError:
                self.met["refused, then lost"] += 1
            self._rebuild()
        expected = self.model.apply(command, self.now_us - back_us)
        mine, other = (side.outcome(command) for side in (self.crashing, self.steady))
        assert mine == other, command
        refused = _refusal(mine)
        assert refused is expected, (command, mine, expected)
        self.met[
            f"{type(command).__name__}{'' if refused is None else ' refused'}"
        ] += 1
        self.compare()
        if refused is None and isinstance(command, UpsertWarehouse):
            self.warehouses[command.warehouse.warehouse_id] = command.warehouse
        if refused is None and isinstance(command, DeleteWarehouse):
            del self.warehouses[command.warehouse_id]

    def restart(self) -> None:
        """Throw one shard away and build it from its rows; nothing else changes."""
        if self.in_flight is None and not self.is_asking:
            # A new shard cannot know that the last command came from the past.
            self._set_clocks(self.now_us)
            self._rebuild()
            self.met["restart"] += 1

    def begin_round(self) -> None:
        """Begin a round on all sides."""
        assert self.in_flight is None
        self._set_clocks(self.now_us)
        tasks = []
        begun = self.model.begin(self.now_us)
        for side in (self.crashing, self.steady):
            tasks.append(side.shard.begin_round(self.now_us))
            side.commit()
        self.compare()
        taken = [parcel.item.return_id for parcel in self._taken_along(begun)]
        for task in tasks:
            looked_at = [record.item.return_id for record in task.records]
            assert looked_at == [each for each in taken if each not in task.unmoved]
            assert set(task.unmoved) <= set(taken)
            check_asked(self, begun, task.shadows)
            self.met["left as they were"] += len(task.unmoved)
        self.in_flight = InFlight(begun, tasks[0], tasks[1])

    def lose_round(self) -> None:
        """Crash both with a round in flight: nobody is promised anything by it."""
        if self.in_flight is not None:
            self.in_flight = None
            # As in `restart`: the command before may have come from the past.
            self._set_clocks(self.now_us)
            for side in (self.crashing, self.steady):
                side.restart()
            self.met["round lost"] += 1

    def finish_round(self) -> None:
        """Finish the round in flight on all sides."""
        if self.in_flight is None:
            return
        flight, self.in_flight = self.in_flight, None
        self._set_clocks(self.now_us)
        solved: tuple[SolvedRound, ...] = (
            solve_round(flight.crashing),
            solve_round(flight.steady, threads=2),
        )
        proof = unpack(solved[0].proof)
        proof.check()
        kept = self.model.finish(flight.begun, proof.pairs, self.now_us)
        records = [
            side.shard.finish_round(each, self.now_us)
            for side, each in zip((self.crashing, self.steady), solved, strict=True)
        ]
        for side in (self.crashing, self.steady):
            side.commit()
        assert records[0] == records[1]
        made = [m for m in self.crashing.fresh.matches.values() if _is_new(m)]
        assert [(m.return_id, m.demand_id) for m in made] == kept
        for match in made:
            self._check_promise(match, flight.begun)
            self._check_places(match, flight.begun)
            self.model.promise(match)
        self._check_limits(made, flight.begun)
        used = Counter(DemandId(demand_id) for _, demand_id in proof.pairs)
        answers = (solved[0].shadows, solved[1].shadows)
        finish_shadows(self, flight.begun, answers, used, records[0].round_id)
        self.compare()
        self._check_round(records[0], len(made), len(proof.pairs))
        stamps = {str(key): stamp for key, stamp in flight.begun.stamps.items()}
        pairs = [(match.return_id, match.demand_id) for match in made]
        check_overtaken(self, records[0], proof, pairs, stamps)

    def end(self) -> None:
        """Let all time run out: every return is on its one route, in time (I1, R2)."""
        self.finish_round()
        self.met["guardrail tripped"] += self.model.tripped
        while (due_us := self.crashing.shard.next_us()) is not None:
            self.now_us = max(self.now_us, due_us)
            self.apply(Tick())
        for return_id, parcel in self.model.parcels.items():
            record = self.crashing.item(return_id)
            assert record.state not in (ReturnState.WAITING, ReturnState.MATCHED)
            last = self.crashing.store.decision(record.decision_id)
            assert last is not None
            assert last.decided_us < parcel.item.decide_by_us
            assert not record.is_live
        live = self.crashing.store.load()
        assert not live.returns
        assert not live.matches
        assert not live.shadows

    # --- Checks ----------------------------------------------------------------

    def check_memory(self) -> None:
        """Compare what the shard holds with what a new one would read (I12)."""
        if self.in_flight is not None or self.is_asking:
            return
        mine = self.crashing.shard
        for other in (self._fresh_shard(), self.steady.shard):
            assert mine._demands._live == other._demands._live
            assert mine._returns._live == other._returns._live
            assert mine._matches._active == other._matches._active
            assert mine._matches.limits._counts == other._matches.limits._counts
            assert mine._network._warehouses == other._network._warehouses
            assert mine._drop_off._points == other._drop_off._points
            assert mine._policies.active == other._policies.active
            assert mine._shadows._open == other._shadows._open
            assert mine._shadows._items == other._shadows._items
            assert mine._shadows._taken == other._shadows._taken
            assert mine._guardrails._days == other._guardrails._days
            skus, others = mine._demands._skus, other._demands._skus
            assert (skus._units, skus._days) == (others._units, others._days)
            assert mine._policies.program.program == other._policies.program.program
            for shard in (mine, other):
                shard._demands.index()
            assert len(mine._open) == len(other._open)
            assert mine.next_us() == other.next_us()

    def _fresh_shard(self) -> Shard:
        store = self.crashing.store
        return RunningShard(store, now_us=self.now_us, limits=LIMITS).shard

    def _rebuild(self) -> None:
        self.crashing.restart()

    def set_clocks(self) -> None:
        """Let both sides know what time it is."""
        self._set_clocks(self.now_us)

    def _set_clocks(self, now_us: int) -> None:
        self.crashing.now_us = self.steady.now_us = now_us

    def _taken_along(self, begun: Begun) -> list[Parcel]:
        return [p for p in self.model.waiting() if p.item.return_id in begun.stamps]

    def compare(self) -> None:
        """Compare all sides in what was committed since the last time."""
        mine, other = self.crashing.taken(), self.steady.taken()
        assert mine == other
        self._check_states()
        self._check_units()
        for return_id, record in mine.returns.items():
            before = self.states.get(return_id)
            is_erased = record.erased_us is not None and record.state is before
            moves = {before} if is_erased else MOVES[before]
            assert record.state in moves, (return_id, before, record.state)
            self.states[return_id] = record.state
            self.model.etags[return_id] = record.version
        for decision in mine.decisions:
            self._check_decision(decision)
        self._check_capacity(mine)
        check_shadows(self.crashing.store.rows, self.model)
        check_labels(self, mine)
        for shadow in mine.shadows.values():
            self.met[f"{shadow.kept_out.name} {shadow.state.name}"] += 1
            for reason in shadow.result.reasons if shadow.result else ():
                self.met[f"shadow {reason.code.name}"] += 1
        check_outcomes(
            mine, self.crashing.store.rows, self.crashing.shard.pauses, self.model
        )
        # I3: the volume cap counts what the model counts.
        counted = self.crashing.store.rows.volume_hours.values()
        assert self.model.hours == {
            row.hour: [row.eligible_count, row.admitted_count]
            for row in counted
            if row.eligible_count
        }
        # I3: and so do match limits.
        taken = self.crashing.store.rows.match_counts
        assert self.model.counts == {key: row.match_count for key, row in taken.items()}

    def _check_states(self) -> None:
        # I1: each entity is in exactly the state that the model says.
        rows = self.crashing.store.rows
        assert {k: r.state for k, r in rows.returns.items()} == {
            k: p.state for k, p in self.model.parcels.items()
        }
        assert {
            k: (r.demand, r.version, r.state, r.held_count, r.fulfilled_count)
            for k, r in rows.demands.items()
        } == {
            k: (o.demand, o.version, o.state, o.held, o.fulfilled)
            for k, o in self.model.orders.items()
        }
        assert rows.matches == self.model.holds

    def _check_units(self) -> None:
        # I2: units that are promised are promised once, and a return to one buyer.
        matches = self.crashing.store.rows.matches.values()
        active = Counter(m.demand_id for m in matches if _is_active(m))
        done = Counter(m.demand_id for m in matches if _is_confirmed(m))
        for demand_id, record in self.crashing.store.rows.demands.items():
            assert record.held_count == active[demand_id]
            assert record.fulfilled_count == done[demand_id]
            assert active[demand_id] + done[demand_id] <= record.demand.quantity
        buyers = [m.return_id for m in matches if _is_active(m) or _is_confirmed(m)]
        assert len(buyers) == len(set(buyers))

    def _check_decision(self, decision: Decision) -> None:
        # I7 and I8, and R39: evidence, a reason, a fallback, the caller's refund.
        item = self.model.parcels[decision.return_id].item
        assert decision.reasons
        assert decision.checks or decision.outcome is Outcome.CANCELLED
        assert decision.refund_due_us == item.refund_due_us
        assert decision.decided_us <= self.now_us
        if decision.outcome is Outcome.WAREHOUSE:
            assert decision.warehouse == decision.fallback
        self.met[decision.outcome.name] += 1
        for reason in decision.reasons:
            self.met[reason.code.name] += 1

    def _check_capacity(self, changes: Changes) -> None:
        # I3: on no UTC day does a warehouse get more than it takes, unflagged.
        within: Counter[tuple[WarehouseId, int]] = Counter()
        total: Counter[tuple[WarehouseId, int]] = Counter()
        for decision in changes.decisions:
            route = decision.warehouse
            if route is not None and route.warehouse_id:
                key = (route.warehouse_id, decision.decided_us // DAY_US)
                total[key] += 1
                within[key] += not route.over_capacity
        for key, count in within.items():
            room = self.warehouses[key[0]].daily_capacity - self.routed[key]
            assert count <= max(0, room), (key, count, room)
        self.routed.update(total)
        stored = self.crashing.store.rows.warehouse_days
        assert {k: day.routed_count for k, day in stored.items()} == self.routed

    def _check_promise(self, match: Match, begun: Begun) -> None:
        # I3: the never-list and every limit of the pair, asked pair by pair.
        parcel = self.model.parcels[match.return_id]
        item, wanted = parcel.item, self.model.orders[match.demand_id].demand
        report = self.model.report(parcel, begun.policy, begun.areas)
        assert report.passed
        rule = report.rule
        assert rule is not None
        if rule.match_key is MatchKey.SKU:
            assert item.sku == wanted.sku
        assert item.category == wanted.category or rule.match_key is MatchKey.SKU
        assert match.distance_m == metres(item.location, wanted.location)
        assert match.distance_m <= rule.radius_m
        assert item.condition >= wanted.min_condition
        assert wanted.accepts_returned_item
        assert match.demand_id not in parcel.released
        assert match.saving_micros >= rule.min_saving_micros
        assert match.policy_version == begun.policy.version
        latest_us = min(
            self.now_us + begun.policy.hold_duration_us,
            item.decide_by_us - MARGIN_US,
            wanted.ship_by_us - begun.policy.handling_duration_us,
        )
        assert self.now_us < match.hold_expire_us == latest_us

    def _check_places(self, match: Match, begun: Begun) -> None:
        # What a match counts for under limits, asked one by one.
        item = self.model.parcels[match.return_id].item
        place = self.model.orders[match.demand_id].demand.location
        (decision,) = [
            d for d in self.crashing.fresh.decisions if d.match and d.match == match
        ]
        limits = begun.policy.match_limits
        zones = sorted(e.resolution for e in limits if e.scope is LimitScope.ZONE)
        day = self.now_us // DAY_US
        expected = {LimitKey(LimitScope.DAY, 0, "", day)}
        for limit in limits:
            key = {
                LimitScope.DAY: "",
                LimitScope.SKU: item.sku,
                LimitScope.WAREHOUSE: decision.fallback.warehouse_id,
            }.get(limit.scope)
            if key is None:
                finest = h3.latlng_to_cell(place.lat, place.lng, zones[-1])
                key = h3.cell_to_parent(finest, limit.resolution)
            if key or limit.scope is LimitScope.DAY:
                expected.add(LimitKey(limit.scope, limit.resolution, key, day))
        assert set(match.places) == expected
        assert len(match.places) == len(expected)

    def _check_limits(self, made: Sequence[Match], begun: Begun) -> None:
        # I3: no round takes a place that is not there, whatever was taken before.
        counts = self.model.counts
        for limit in begun.policy.match_limits:
            for key in {key for match in made for key in match.places}:
                if (key.scope, key.resolution) == (limit.scope, limit.resolution):
                    assert counts[key] <= limit.count_max, key
                    self.met["limit filled"] += counts[key] == limit.count_max

    def _check_round(self, record: RoundRecord, made: int, proposed: int) -> None:
        # I6, and the sums that a report would show.
        assert record.saving_micros == record.dual_micros
        assert (record.matched_count, record.dropped_count) == (made, proposed - made)
        parts = record.matched_count + record.waiting_count + record.warehouse_count
        assert record.return_count == parts
        self.met["round"] += 1
        self.met["dropped"] += record.dropped_count


def _refusal(outcome: object) -> object:
    if isinstance(outcome, tuple) and outcome and isinstance(outcome[0], type):
        return outcome[0]
    return None


def _is_new(match: Match) -> bool:
    return _is_active(match) and match.version == 1


def _is_active(match: Match) -> bool:
    return match.hold_state is HoldState.ACTIVE


def _is_confirmed(match: Match) -> bool:
    return match.hold_state is HoldState.CONFIRMED
