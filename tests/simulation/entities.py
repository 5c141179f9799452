"""Orders and parcels, as the reference model has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from matcher.domain.demand import Demand, DemandState
from matcher.domain.demand_floor import SeenDemand
from matcher.domain.ids import DemandId, MatchId
from matcher.domain.return_item import ReturnItem, ReturnState
from tests.simulation.guardrail_model import Said

FINAL = (DemandState.FULFILLED, DemandState.CANCELLED, DemandState.EXPIRED)


@dataclass
class Order:
    """A demand; ``end`` is how it ended, if it was not by its units."""

    demand: Demand
    version: int = 1
    held: int = 0
    fulfilled: int = 0
    end: DemandState | None = None

    @property
    def state(self) -> DemandState:
        """The state that its units say, unless it has ended."""
        if self.end:
            return self.end
        if self.fulfilled == self.demand.quantity:
            return DemandState.FULFILLED
        full = self.held + self.fulfilled == self.demand.quantity
        return DemandState.HELD if full else DemandState.OPEN

    @property
    def open(self) -> int:
        """Units that may still be promised."""
        if self.state in FINAL:
            return 0
        return self.demand.quantity - self.held - self.fulfilled

    def move(self, *, held: int, fulfilled: int = 0) -> None:
        """Add to the units that are held and fulfilled."""
        self.held += held
        self.fulfilled += fulfilled
        self.version += 1


@dataclass
class Parcel:
    """A return item; ``stamp`` counts its decisions."""

    item: ReturnItem
    payload: str
    created_us: int
    state: ReturnState = ReturnState.WAITING
    stamp: int = 0
    match_id: MatchId | None = None
    released: list[DemandId] = field(default_factory=list)
    has_asked: bool = False
    has_place: bool = False
    said: Said | None = None
    seen: SeenDemand | None = None
