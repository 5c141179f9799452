"""Shadows as they must be, in plain dictionaries; part of the reference model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from matcher.domain.demand import Demand
from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.match_limit import LimitKey, LimitScope
from matcher.domain.policy import Policy
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.domain.shadow import ShadowState
from matcher.domain.warehouse import ServiceArea
from tests.scenarios import DAY_US

if TYPE_CHECKING:
    from tests.simulation.reference_model import ReferenceModel

CONTROL = {
    ReasonCode.NOT_IN_ROLLOUT,
    ReasonCode.VOLUME_CAP_REACHED,
    ReasonCode.SHADOW_MODE,
}


@dataclass(frozen=True)
class Begun:
    """What a round took along, the shades beside it."""

    policy: Policy
    stamps: dict[ReturnId, int]
    demands: dict[DemandId, Demand]
    areas: dict[str, ServiceArea]
    open: dict[DemandId, int]
    taken: dict[DemandId, int]
    shades: set[ReturnId]
    #: Matches of the day that it began on.
    day_count: int


@dataclass
class Shade:
    """An item that only rollout, cap or mode kept out."""

    item: ReturnItem
    kept_out: ReasonCode
    policy_version: int
    created_us: int
    released: list[DemandId]
    state: ShadowState = ShadowState.OPEN


@dataclass
class Shades:
    """
    Every shade by its return, and the units that would have been theirs.

    ``limit`` is how many may be open at once.
    """

    limit: int
    all: dict[ReturnId, Shade] = field(default_factory=dict)
    taken: Counter[DemandId] = field(default_factory=Counter)
    _coming: list[Shade] = field(default_factory=list)

    def come(self, shade: Shade) -> None:
        """Note one more; :meth:`settle` lets those of one step in together."""
        self._coming.append(shade)

    def settle(self) -> None:
        """Let in whom there is room for, older first, then by id."""
        order = sorted(self._coming, key=lambda s: (s.created_us, s.item.return_id))
        for shade in order:
            assert shade.item.return_id not in self.all, "a shade comes once"
            if len(self.open()) >= self.limit:
                shade.state = ShadowState.SKIPPED
            self.all[shade.item.return_id] = shade
        self._coming.clear()

    def open(self) -> list[Shade]:
        """Return those that are still asked about."""
        return [s for s in self.all.values() if s.state is ShadowState.OPEN]

    def expire(self, now_us: int, margin_us: int) -> None:
        """End those whose time is up."""
        for shade in self.open():
            if now_us >= shade.item.decide_by_us - margin_us:
                shade.state = ShadowState.UNMATCHED

    def match(self, return_id: ReturnId, demand_id: DemandId) -> None:
        """Note that a shade would have had a unit."""
        self.all[return_id].state = ShadowState.MATCHED
        self.taken[demand_id] += 1


def take_shades(
    model: ReferenceModel, policy: Policy, stamps: dict[ReturnId, int]
) -> Begun:
    """Begin a round: end the shades that would not have stayed, note the others."""
    begun = Begun(
        policy,
        stamps,
        {each: order.demand for each, order in model.orders.items()},
        dict(model.areas),
        {each: order.open for each, order in model.orders.items()},
        dict(model.shades.taken),
        set(),
        model.counts[LimitKey(LimitScope.DAY, 0, "", model.now_us // DAY_US)],
    )
    for shade in model.shades.open():
        others = _others(model, shade.item, begun)
        if not others:
            begun.shades.add(shade.item.return_id)
        elif others != {ReasonCode.PROGRAM_PAUSED}:
            shade.state = ShadowState.UNMATCHED
    return begun


def finish_shades(
    model: ReferenceModel, begun: Begun, pairs: list[tuple[ReturnId, DemandId]]
) -> list[tuple[ReturnId, DemandId]]:
    """Return the proposed pairs that would have been, and note them."""
    kept = []
    for return_id, demand_id in pairs:
        shade, order = model.shades.all[return_id], model.orders[demand_id]
        earliest_us = model.now_us + begun.policy.handling_duration_us
        if (
            shade.state is ShadowState.OPEN
            and order.demand == begun.demands[demand_id]
            and order.demand.ship_by_us > earliest_us
            and order.open > model.shades.taken[demand_id]
            and model.active is not None
            and model.active.version == begun.policy.version
            and not _others(model, shade.item, begun)
        ):
            model.shades.match(return_id, demand_id)
            kept.append((return_id, demand_id))
    return kept


def _others(model: ReferenceModel, item: ReturnItem, begun: Begun) -> set[ReasonCode]:
    # Why it may not stay in the pool; what kept it out left aside.
    parcel = replace(model.parcels[item.return_id], item=item)
    report = model.report(parcel, begun.policy, begun.areas)
    return {reason.code for reason in report.reasons} - CONTROL
