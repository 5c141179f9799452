"""Random lives of a shard whose rounds take no time, with all that they left behind."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from matcher.domain.demand import Demand
from matcher.domain.demand_floor import DemandFloor
from matcher.domain.errors import NearturnError
from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.ids import DemandId, LabelId, MatchId, ReturnId, ServiceAreaId
from matcher.domain.item import Condition, VerificationStatus
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.domain.match import HoldState, Match
from matcher.domain.match_label import LabelState
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective
from matcher.domain.policy import MatchKey, Policy, VolumeCap
from matcher.domain.return_item import ReturnItem
from matcher.engine.changes import Changes
from matcher.engine.commands import (
    CancelDemand,
    CancelReturn,
    Command,
    ConfirmMatch,
    DeleteServiceArea,
    ExtendMatch,
    PauseProgram,
    RecordLabel,
    RecordOutcome,
    RecordVerification,
    ReleaseMatch,
    ReleaseMatches,
    ResumeProgram,
    Tick,
    UpsertDemands,
    UpsertServiceArea,
    UpsertWarehouse,
)
from matcher.engine.journal import Checkpoint, Entry, RoundFinished
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    NOW_US,
    MemoryStore,
    RunningShard,
    demand,
    policy,
    return_item,
    rule,
    service_area,
    verification,
    warehouse,
)

SKUS = ("shirt", "shirt", "coat")

_GUARDRAILS = (
    Guardrail("apparel", GuardrailMetric.LOST_SHARE, 3_000, 2, DAY_US),
    Guardrail("", GuardrailMetric.HOLD_EXPIRED_SHARE, 7_000, 4, DAY_US),
)


class RecordingShard(RunningShard):
    """A shard that remembers each commit, and is ticked whenever something is due."""

    def __init__(self) -> None:
        self.history: list[Changes] = []
        super().__init__()

    @property
    def entries(self) -> list[Entry]:
        """The journal so far."""
        return [entry for changes in self.history for entry in changes.journal]

    def commit(self) -> None:
        """Commit, and remember it."""
        changes = self.shard.take_changes()
        self.history.append(changes)
        self.store.commit(changes)
        self.shard.committed()

    def advance(self, to_us: int) -> None:
        """Let time pass."""
        while (due_us := self.shard.next_us()) is not None and due_us <= to_us:
            self.tick(max(self.now_us, due_us))
        self.now_us = max(self.now_us, to_us)

    def attempt(self, command: Command) -> None:
        """Carry out a command, or have it refused."""
        try:
            self.apply(command)
        except NearturnError:
            return

    def from_the_middle(self) -> tuple[Checkpoint, list[Entry], list[Match]]:
        """Return a checkpoint half way, what came after it, and its matches."""
        return self.cut(len(self.history) // 2)

    def cut(self, middle: int) -> tuple[Checkpoint, list[Entry], list[Match]]:
        """Return a checkpoint behind so many commits or a few more, as above."""
        while any(isinstance(e.event, RoundFinished) for e in self._after(middle)[:1]):
            # A checkpoint is never made while a round is under way.
            middle += 1
        store = MemoryStore()
        for changes in self.history[:middle]:
            store.commit(changes)
        rows = store.load()
        at_us = max(entry.now_us for entry in store.rows.journal)
        start = Checkpoint(at_us, len(store.rows.journal), rows)
        old = set(store.rows.matches) - {match.match_id for match in rows.matches}
        matches = [m for m in self.store.rows.matches.values() if m.match_id not in old]
        return start, self._after(middle), matches

    def _after(self, middle: int) -> list[Entry]:
        return [e for changes in self.history[middle:] for e in changes.journal]


LIMITS: list[tuple[MatchLimit, ...]] = [
    (MatchLimit(LimitScope.DAY, 3),),
    (MatchLimit(LimitScope.SKU, 1), MatchLimit(LimitScope.DAY, 4)),
    (MatchLimit(LimitScope.ZONE, 1, 6), MatchLimit(LimitScope.ZONE, 3, 4)),
    (MatchLimit(LimitScope.WAREHOUSE, 2),),
]


def draw_policy(rng: random.Random) -> Policy:
    """Draw a policy that opens one category."""
    return policy(
        rule(
            radius_m=rng.choice([2_000, 10_000, 50_000]),
            match_key=rng.choice([MatchKey.SKU, MatchKey.CATEGORY]),
            min_saving_micros=rng.choice([1, 5_950_000]),
            verification_max_age_us=rng.choice([7 * DAY_US, 5 * HOUR_US]),
            demand_floor=rng.choice([None, _draw_floor(rng)]),
        ),
        rollout_basis_points=rng.choice([10_000, 10_000, 5_000]),
        hold_duration_us=rng.choice([10 * MINUTE_US, HOUR_US]),
        handling_duration_us=rng.choice([0, HOUR_US]),
        volume_cap=rng.choice([None, None, VolumeCap(5_000, 2 * HOUR_US)]),
        mode=rng.choice([Mode.ACT] * 7 + [Mode.SHADOW]),
        match_limits=rng.choice([(), (), *LIMITS]),
        objective=rng.choice([Objective.MAX_SAVING] * 2 + list(Objective)[1:]),
        guardrails=rng.choice([(), _GUARDRAILS]),
    )


def _draw_floor(rng: random.Random) -> DemandFloor:
    return DemandFloor(
        rng.choice([1, 1, 3]) * DAY_US,
        min_open_units=rng.choice([0, 1, 3]),
        min_orders=rng.choice([1, 4, 9]),
        min_steadiness_basis_points=rng.choice([0, 0, 6_000]),
    )


class RecordedLife:
    """Draws what callers, operators and inspectors do, from a seed."""

    confirm_weight, outcome_weight, policy_weight = 8.0, 4.0, 1.5

    def __init__(self, seed: int, step_count: int = 200) -> None:
        self.rng = random.Random(seed)
        self.shard = RecordingShard()
        self._demand_count = self._return_count = 0
        self._moves: tuple[tuple[float, Callable[[], object]], ...] = (
            (25, self._upsert),
            (30, self._submit),
            (5, self._verify),
            (3, self._cancel_return),
            (3, self._cancel_demand),
            (self.confirm_weight, self._confirm),
            (4, self._release),
            (4, self._extend),
            (1.5, self._release_all),
            (2, self._label),
            (0.5, self._pause),
            (self.outcome_weight, self._outcome),
            (5.5, self._resume),
            (2, self._warehouse),
            (1, self._area),
            (1.5, self._no_area),
            (self.policy_weight, lambda: self.shard.activate(self._policy())),
            (10, self.shard.round),
        )
        self.shard.activate(self._policy())
        if self.rng.random() < 0.7:
            self._warehouse()
        # Orders of the days before.
        for _ in range(self.rng.randrange(3)):
            self._upsert()
            self.shard.advance(self.shard.now_us + DAY_US)
        for _ in range(step_count):
            self.shard.advance(self.shard.now_us + self.rng.randrange(1, 9 * MINUTE_US))
            weights = [weight for weight, _ in self._moves]
            (move,) = self.rng.choices([move for _, move in self._moves], weights)
            move()
        self.end_us = self.shard.now_us
        self.shard.apply(Tick())

    def _policy(self) -> Policy:
        return draw_policy(self.rng)

    def _upsert(self) -> None:
        drawn = [self._demand() for _ in range(self.rng.randrange(1, 3))]
        demands = tuple({each.demand_id: each for each in drawn}.values())
        self.shard.attempt(UpsertDemands(demands, ("",) * len(demands)))

    def _demand(self) -> Demand:
        rng, now_us = self.rng, self.shard.now_us
        self._demand_count += 1
        is_new = rng.random() < 0.8
        number = self._demand_count if is_new else rng.randrange(self._demand_count) + 1
        return demand(
            f"d{number:03d}",
            rng.randrange(15_000),
            rng.randrange(3_000),
            sku=rng.choice(SKUS),
            quantity=rng.choice([1, 1, 2]),
            ship_by_us=now_us + rng.choice([30 * MINUTE_US, 3 * HOUR_US, DAY_US]),
            min_condition=rng.choice([Condition.GOOD, Condition.NEW]),
            priority=rng.choice([0, 0, 3]),
            accepts_returned_item=rng.random() < 0.9,
        )

    def _submit(self) -> None:
        count = self.rng.choice([1, 1, 3])
        self.shard.submit(*(self._item() for _ in range(count)))

    def _item(self) -> ReturnItem:
        rng, now_us = self.rng, self.shard.now_us
        self._return_count += 1
        passed, pending = VerificationStatus.PASSED, VerificationStatus.PENDING
        return return_item(
            f"r{rng.randrange(1_000):03d}-{self._return_count}",
            rng.randrange(15_000),
            rng.randrange(3_000),
            sku=rng.choice(SKUS),
            decide_by_us=now_us
            + rng.choice([20 * MINUTE_US, 2 * HOUR_US, 6 * HOUR_US]),
            verification=verification(
                status=rng.choice([passed] * 5 + [pending, VerificationStatus.FAILED]),
                verify_us=now_us - rng.choice([0, HOUR_US, 3 * HOUR_US]),
            ),
            season_end_us=rng.choice([None, None, now_us + HOUR_US]),
            weight_grams=rng.choice([100, 400]),
        )

    def _verify(self) -> None:
        status = self.rng.choice([*VerificationStatus][1:])
        evidence = verification(
            evidence_id=f"e{self.rng.random()}",
            verify_us=self.shard.now_us,
            status=status,
        )
        self._of_return(lambda each: RecordVerification(each, evidence))

    def _cancel_return(self) -> None:
        self._of_return(CancelReturn)

    def _cancel_demand(self) -> None:
        number = self.rng.randrange(self._demand_count + 1)
        self.shard.attempt(CancelDemand(DemandId(f"d{number:03d}")))

    def _confirm(self) -> None:
        self._of_match(ConfirmMatch)

    def _release(self) -> None:
        self._of_match(ReleaseMatch)

    def _extend(self) -> None:
        span_us = self.rng.choice([None, None, MINUTE_US, 9 * MINUTE_US])
        self._of_match(lambda each: ExtendMatch(each, span_us))

    def _release_all(self) -> None:
        matches = list(self.shard.store.rows.matches.values())
        if not matches:
            return
        match, count_max = matches[-1], self.rng.choice([1, 1_000])
        command = ReleaseMatches(match.round_id, count_max=count_max)
        if self.rng.random() < 0.5:
            command = ReleaseMatches(demand_id=match.demand_id)
        self.shard.attempt(command)

    def _label(self) -> None:
        state = self.rng.choice([LabelState.REQUESTED, LabelState.ISSUED])
        label_id = LabelId(f"l{self.rng.randrange(3)}")
        self._of_match(lambda each: RecordLabel(each, label_id, state))

    def _outcome(self) -> None:
        rows = self.shard.store.rows.returns
        gone = [each.item.return_id for each in rows.values() if each.is_confirmed]
        if gone:
            said = self._said()
            self.shard.attempt(RecordOutcome(said, self.rng.choice(gone)))

    def _said(self) -> ItemOutcome:
        arrival = self.rng.choice([Arrival.ARRIVED, Arrival.LOST])
        return ItemOutcome(self.shard.now_us, arrival)

    def _of_return(self, command: Callable[[ReturnId], Command]) -> None:
        rows = self.shard.store.rows.returns
        live = [record.item.return_id for record in rows.values() if record.is_live]
        if live:
            self.shard.attempt(command(self.rng.choice(live)))

    def _of_match(self, command: Callable[[MatchId], Command]) -> None:
        rows = self.shard.store.rows.matches.values()
        held = [m.match_id for m in rows if m.hold_state is HoldState.ACTIVE]
        if held:
            self.shard.attempt(command(self.rng.choice(held)))

    def _pause(self) -> None:
        self.shard.apply(PauseProgram(self.rng.choice(["", "apparel"]), "a try"))

    def _resume(self) -> None:
        for category in ("", "apparel"):
            self.shard.attempt(ResumeProgram(category))

    def _warehouse(self) -> None:
        east_m, capacity = self.rng.randrange(9_000), self.rng.choice([3, 100])
        name = self.rng.choice(["w1", "w2"])
        one = replace(warehouse(name, east_m), daily_capacity=capacity)
        self.shard.apply(UpsertWarehouse(one))

    def _area(self) -> None:
        west_m, east_m = (
            self.rng.choice([-10_000, 2_000]),
            self.rng.choice([8_000, 20_000]),
        )
        self.shard.apply(UpsertServiceArea(service_area("a1", west_m, east_m)))

    def _no_area(self) -> None:
        self.shard.attempt(DeleteServiceArea(ServiceAreaId("a1")))


def draw_guarded(rng: random.Random) -> Policy:
    """Draw a policy that matches much and bears little."""
    guardrails = tuple(
        Guardrail(
            category,
            metric,
            rng.choice([1_000, 3_000, 5_000]),
            rng.choice([2, 3, 5]),
            rng.choice([1, 2]) * DAY_US,
        )
        for category in ("", "apparel")
        for metric in GuardrailMetric
        if metric and rng.random() < 0.5
    )
    return replace(
        draw_policy(rng),
        categories=(rule(radius_m=rng.choice([10_000, 50_000])),),
        rollout_basis_points=10_000,
        mode=Mode.ACT,
        guardrails=guardrails,
    )


class GuardedLife(RecordedLife):
    """One in which callers say much of what became of items, and guardrails trip."""

    confirm_weight, outcome_weight = 16.0, 16.0

    def _policy(self) -> Policy:
        return draw_guarded(self.rng)

    def _said(self) -> ItemOutcome:
        rng = self.rng
        if rng.random() < 0.4:
            return ItemOutcome(self.shard.now_us, Arrival.LOST)
        grades = [Condition.UNSPECIFIED, Condition.GOOD, Condition.NEW]
        return ItemOutcome(
            self.shard.now_us,
            Arrival.ARRIVED,
            rng.choice(grades),
            rng.choice([*BuyerResponse]),
        )


class SteadyLife(GuardedLife):
    """One under the same policy from beginning to end."""

    policy_weight = 0.0

    def _policy(self) -> Policy:
        self.policy = super()._policy()
        return self.policy


START = Checkpoint(NOW_US, 0, MemoryStore().load())
