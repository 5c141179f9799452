"""Shadows as they must be, in plain dictionaries; part of the reference model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from matcher.domain.ids import DemandId, ReturnId
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnItem
from matcher.domain.shadow import ShadowState

CONTROL = {
    ReasonCode.NOT_IN_ROLLOUT,
    ReasonCode.VOLUME_CAP_REACHED,
    ReasonCode.SHADOW_MODE,
}


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
