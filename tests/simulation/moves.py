"""Random moves: what callers of all kinds may do, wise or not."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from matcher.domain.demand import Demand
from matcher.domain.demand_floor import DemandFloor
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.ids import (
    DemandId,
    DropOffPointId,
    LabelId,
    MatchId,
    ReturnId,
    ServiceAreaId,
    WarehouseId,
)
from matcher.domain.item import Condition, Fact, Verification, VerificationStatus
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.domain.match_label import LabelState
from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective
from matcher.domain.policy import MatchKey, Policy, VolumeCap
from matcher.domain.return_item import ReturnItem, ReturnState
from matcher.domain.warehouse import Warehouse
from matcher.engine.commands import (
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
    SubmitReturns,
    UpsertDemands,
    UpsertDropOffPoint,
    UpsertServiceArea,
    UpsertWarehouse,
)
from tests.scenarios import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    activation,
    at,
    demand,
    policy,
    return_item,
    rule,
    service_area,
    verification,
    warehouse,
)
from tests.simulation.shadow_checks import ask_between_rounds
from tests.simulation.world import World

SKUS = ("shirt", "shirt", "coat")
LIVE = (ReturnState.WAITING, ReturnState.MATCHED)

# As many as a life's day may reach; half of the versions have none.
LIMITS: tuple[tuple[MatchLimit, ...], ...] = (
    *((),) * 5,
    (MatchLimit(LimitScope.DAY, 8),),
    (MatchLimit(LimitScope.SKU, 4), MatchLimit(LimitScope.DAY, 20)),
    (MatchLimit(LimitScope.ZONE, 2, 7),),
    (
        MatchLimit(LimitScope.DAY, 16),
        MatchLimit(LimitScope.ZONE, 2, 7),
        MatchLimit(LimitScope.ZONE, 6, 4),
    ),
    (MatchLimit(LimitScope.WAREHOUSE, 4),),
)
_ENDED = (ReturnState.CONFIRMED, ReturnState.COMPLETED, ReturnState.WAREHOUSE)


class Moves:
    """
    Draws the next move of a world from a seeded generator.

    ``erasures`` is how often something is erased, of a hundred moves: each reads all of
    a journal on disk.
    """

    def __init__(self, world: World, seed: int, *, erasures: int = 3) -> None:
        self.world = world
        self.rng = random.Random(seed)
        self._weighted: tuple[tuple[int, Callable[[], object]], ...] = (
            (14, self._upsert),
            (3, self._cancel_demand),
            (18, self._submit),
            (4, self._verify),
            (3, self._cancel_return),
            (9, self._confirm),
            (8, self._outcome),
            (6, self._release),
            (5, self._extend),
            (1, self._release_all),
            (7, self._label),
            (2, self._network),
            (1, self._drop_off),
            (1, self._policy),
            (2, self._pause),
            (erasures, self._erase),
            (14, self._round),
            (4, self._shadows),
            (10, self._advance),
            (5, self.world.restart),
            (1, self.world.lose_round),
        )

    def start(self) -> None:
        """Put a policy in force; one in four has no warehouses, half see midnight."""
        self.world.advance(self.rng.choice([0, 11 * HOUR_US]))
        self.world.apply(CreatePolicy(self._terms()))
        self.world.apply(activation(1))
        if self.rng.random() < 0.75:
            self.world.apply(UpsertWarehouse(self._warehouse()))

    def step(self) -> None:
        """Make one move."""
        weights = [weight for weight, _ in self._weighted]
        (move,) = self.rng.choices([move for _, move in self._weighted], weights)
        move()

    # --- Moves -----------------------------------------------------------------

    def _apply(self, command: Command) -> None:
        crash = self.rng.random() < 0.1
        back_us = MINUTE_US if not crash and self.rng.random() < 0.05 else 0
        self.world.apply(command, crash=crash, back_us=back_us)

    def _upsert(self) -> None:
        demands = tuple(self._demand() for _ in range(self.rng.randrange(1, 4)))
        etags = []
        for each in demands:
            order = self.world.model.orders.get(each.demand_id)
            current = str(order.version) if order else ""
            etags.append(self.rng.choices(["", current, "99"], [8, 2, 0.3])[0])
        self._apply(UpsertDemands(demands, tuple(etags)))

    def _cancel_demand(self) -> None:
        self._apply(CancelDemand(self._demand_id(), self._etag()))

    def _submit(self) -> None:
        items = [self._item() for _ in range(self.rng.randrange(1, 5))]
        known = list(self.world.model.parcels.values())
        if known and self.rng.random() < 0.2:
            again = self.rng.choice(known)
            self._resubmit(again.item, again.payload)
            return
        hashes = tuple(item.return_id for item in items)
        self._apply(SubmitReturns(tuple(items), hashes))

    def _resubmit(self, item: ReturnItem, payload: str) -> None:
        self._apply(
            SubmitReturns((item,), (self.rng.choice([payload, payload, "other"]),))
        )

    def _verify(self) -> None:
        evidence = self._evidence()
        self._apply(RecordVerification(self._return_id(), evidence, self._etag()))

    def _cancel_return(self) -> None:
        return_id = self._return_id()
        if self.rng.random() < 0.4:
            # One that is matched, as far as somebody is.
            parcels = self.world.model.parcels.items()
            held = [k for k, p in parcels if p.state is ReturnState.MATCHED]
            return_id = self.rng.choice(held or [return_id])
        self._apply(CancelReturn(return_id, self._etag()))

    def _confirm(self) -> None:
        self._apply(ConfirmMatch(self._match_id(), self.rng.choice(["", "", "1", "2"])))

    def _release(self) -> None:
        self._apply(ReleaseMatch(self._match_id(), self.rng.choice(["", "", "1", "2"])))

    def _extend(self) -> None:
        span_us = self.rng.choice([None, None, SECOND_US, HOUR_US, 0])
        etag = self.rng.choice(["", "", "1", "2"])
        self._apply(ExtendMatch(self._match_id(), span_us, etag))

    def _release_all(self) -> None:
        matches = list(self.world.model.holds.values())[-8:]
        if not matches:
            return
        match, count_max = self.rng.choice(matches), self.rng.choice([1, 1_000])
        by_round = ReleaseMatches(match.round_id, count_max=count_max)
        by_demand = ReleaseMatches(demand_id=match.demand_id)
        self._apply(self.rng.choice([by_round, by_demand]))

    def _label(self) -> None:
        states = [LabelState.REQUESTED, LabelState.ISSUED, LabelState.VOIDED]
        self._apply(
            RecordLabel(
                self._match_id(),
                LabelId(f"l{self.rng.randrange(4)}"),
                self.rng.choice(states),
                self.rng.choices(["", "1", "99"], [20, 4, 1])[0],
            )
        )

    def _outcome(self) -> None:
        rng = self.rng
        parcels = list(self.world.model.parcels.values())
        known = [p for p in parcels if p.state in _ENDED]
        parcel = rng.choice(
            known if known and rng.random() < 0.9 else parcels or [None]
        )
        return_id = parcel.item.return_id if parcel else ReturnId("r999")
        match_id = parcel.match_id if parcel and parcel.match_id else None
        by_match = match_id is not None and rng.random() < 0.5
        self._apply(
            RecordOutcome(
                self._said(parcel.said.outcome if parcel and parcel.said else None),
                ReturnId("") if by_match else return_id,
                MatchId(match_id if match_id and by_match else ""),
                rng.choices(["", "3", "99"], [20, 1, 1])[0],
            )
        )

    def _said(self, before: ItemOutcome | None) -> ItemOutcome:
        rng = self.rng
        if before is not None and rng.random() < 0.2:
            return before
        occurred_us = self.world.now_us + rng.choice([0, 0, 0, -MINUTE_US, HOUR_US])
        if rng.random() < 0.2:
            return ItemOutcome(occurred_us, Arrival.LOST)
        responses = [BuyerResponse.UNSPECIFIED, *BuyerResponse]
        return ItemOutcome(
            occurred_us,
            Arrival.ARRIVED,
            rng.choice([Condition.UNSPECIFIED, Condition.GOOD, Condition.NEW]),
            rng.choice(responses),
            rng.choice(["", "", "a word"]),
        )

    def _network(self) -> None:
        commands: list[Command] = [
            UpsertWarehouse(self._warehouse()),
            UpsertWarehouse(self._warehouse()),
            DeleteWarehouse(WarehouseId(f"w{self.rng.randrange(3)}")),
            UpsertServiceArea(service_area("a1", -15_000, 35_000)),
            DeleteServiceArea(ServiceAreaId("a1")),
        ]
        self._apply(self.rng.choice(commands))

    def _drop_off(self) -> None:
        point_id = DropOffPointId(f"p{self.rng.randrange(2)}")
        if self.rng.random() < 0.5:
            self._apply(DeleteDropOffPoint(point_id))
            return
        point = DropOffPoint(point_id, at(self._east_m()), "Kiosk")
        self._apply(UpsertDropOffPoint(point))

    def _policy(self) -> None:
        count = len(self.world.model.policies)
        if self.rng.random() < 0.5:
            self._apply(CreatePolicy(self._terms()))
            self._apply(activation(count + 1))
        else:
            if self.rng.random() < 0.4:
                self._apply(RollbackPolicy("complaints"))
            version = self.rng.randrange(1, count + 2)
            self._apply(activation(version))

    def _pause(self) -> None:
        category = self.rng.choice(["", "apparel", "apparel", "toys"])
        if self.rng.random() < 0.3:
            self._apply(PauseProgram(category, "audit"))
        else:
            self._apply(ResumeProgram(category))

    def _erase(self) -> None:
        # Now and then of something that lives, or that nobody knows.
        parcels, orders = self.world.model.parcels, self.world.model.orders
        settled = [k for k, p in parcels.items() if p.state not in LIVE] or [*parcels]
        closed = [k for k, o in orders.items() if not (o.open or o.held)] or [*orders]
        some = self.rng.sample(settled, min(2, len(settled)))
        demands = self.rng.sample(closed, min(1, len(closed)))
        if self.rng.random() < 0.2:
            some.append(self._return_id())
        self._apply(ErasePersonalData(tuple(some), tuple(demands), "asked for"))

    def _round(self) -> None:
        if self.world.in_flight is not None:
            self.world.finish_round()
            return
        self.world.begin_round()
        if self.rng.random() < 0.5:
            self.world.finish_round()

    def _shadows(self) -> None:
        if self.world.in_flight is not None:
            return
        meanwhile = self._upsert, self._cancel_demand, self._advance, self._policy
        if self.rng.random() < 0.5:
            ask_between_rounds(self.world, lambda: None)
        else:
            (move,) = self.rng.choices(meanwhile, [4, 2, 2, 1])
            ask_between_rounds(self.world, move)

    def _advance(self) -> None:
        steps = (SECOND_US, MINUTE_US, 10 * MINUTE_US, HOUR_US)
        (step_us,) = self.rng.choices(steps, [3, 4, 3, 1])
        self.world.advance(self.rng.randrange(step_us))

    # --- What they are about ---------------------------------------------------

    def _demand_id(self) -> DemandId:
        return DemandId(f"d{self.rng.randrange(60):02d}")

    def _return_id(self) -> ReturnId:
        known = [p.item.return_id for p in self.world.model.waiting()]
        if known and self.rng.random() < 0.8:
            return self.rng.choice(known)
        return ReturnId(f"r{self.rng.randrange(400):03d}")

    def _match_id(self) -> MatchId:
        known = list(self.world.model.holds)[-8:]
        if known and self.rng.random() < 0.95:
            return self.rng.choice(known)
        return MatchId("m-000000009999")

    def _etag(self) -> str:
        return self.rng.choices(["", "1", "99"], [10, 2, 1])[0]

    def _east_m(self) -> float:
        return self.rng.randrange(-4, 9) * 5_000.0

    def _demand(self) -> Demand:
        rng, world = self.rng, self.world
        demand_id = self._demand_id()
        order = world.model.orders.get(demand_id)
        if order and rng.random() < 0.3:
            return order.demand
        if order and rng.random() < 0.5:
            if rng.random() < 0.5:
                return replace(order.demand, quantity=rng.randrange(1, 4))
            return replace(order.demand, priority=rng.randrange(1, 4))
        return demand(
            demand_id,
            self._east_m(),
            sku=rng.choice(SKUS),
            quantity=rng.choice([1, 1, 2, 3]),
            ship_by_us=world.now_us + rng.randrange(-MINUTE_US, 6 * HOUR_US),
            min_condition=rng.choice([Condition.GOOD, Condition.LIKE_NEW]),
            accepts_returned_item=rng.random() < 0.95,
        )

    def _item(self) -> ReturnItem:
        rng, world = self.rng, self.world
        now_us = world.now_us
        flawed = rng.random() < 0.1
        attributes = replace(
            return_item().attributes,
            **{rng.choice(["damaged", "fragile", "regulated"]): Fact.YES}
            if flawed
            else {},
        )
        return return_item(
            f"r{rng.randrange(400):03d}",
            self._east_m(),
            sku=rng.choice(SKUS),
            decide_by_us=now_us + rng.randrange(-10 * SECOND_US, 3 * HOUR_US),
            condition=rng.choice([Condition.GOOD, Condition.NEW]),
            attributes=attributes,
            verification=self._evidence(),
            refund_due_us=rng.choice([None, now_us + HOUR_US]),
            season_end_us=rng.choice([None, None, now_us + rng.randrange(HOUR_US)]),
        )

    def _evidence(self) -> Verification:
        now_us = self.world.now_us
        passed, pending = VerificationStatus.PASSED, VerificationStatus.PENDING
        return verification(
            status=self.rng.choices(
                [passed, pending, VerificationStatus.FAILED], [20, 4, 1]
            )[0],
            verify_us=now_us,
            expire_us=self.rng.choice([None, now_us + self.rng.randrange(HOUR_US)]),
        )

    def _warehouse(self) -> Warehouse:
        return warehouse(
            f"w{self.rng.randrange(3)}",
            self._east_m(),
            daily_capacity=self.rng.choice([0, 5, 40]),
            categories=self.rng.choice([(), (), ("shoes",)]),
        )

    def _floor(self) -> DemandFloor:
        rng = self.rng
        return DemandFloor(
            DAY_US,
            min_open_units=rng.choice([1, 2]),
            min_orders=rng.choice([0, 4]),
            min_steadiness_basis_points=rng.choice([0, 10_000]),
        )

    def _terms(self) -> Policy:
        rng = self.rng
        return policy(
            rule(
                radius_m=rng.choice([5_000, 20_000, 60_000]),
                match_key=rng.choice([MatchKey.SKU, MatchKey.CATEGORY]),
                verification_max_age_us=rng.choice([HOUR_US, 24 * HOUR_US]),
                demand_floor=rng.choice([None, None, self._floor()]),
            ),
            hold_duration_us=rng.choice([MINUTE_US, HOUR_US]),
            handling_duration_us=rng.choice([0, 10 * MINUTE_US]),
            rollout_basis_points=rng.choice([6_000, 9_000, 10_000]),
            mode=rng.choices([Mode.ACT, Mode.SHADOW], [6, 1])[0],
            volume_cap=rng.choice([None, None, VolumeCap(7_000, 2 * HOUR_US)]),
            objective=rng.choice([Objective.MAX_SAVING, *list(Objective)[1:]]),
            match_limits=rng.choice(LIMITS),
            guardrails=tuple(
                Guardrail(category, metric, 4_000, rng.choice([2, 4]), DAY_US)
                for category in ("", "apparel")
                for metric in GuardrailMetric
                if metric and rng.random() < 0.4
            ),
        )
