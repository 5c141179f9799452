"""What was decided about one return item, and all that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.ids import DecisionId, LabelId, ReturnId, RoundId, WarehouseId
from matcher.domain.match import Match
from matcher.domain.reason import Check, Reason
from matcher.domain.return_item import ReturnPath


class Outcome(IntEnum):
    """Outcome of a decision."""

    UNSPECIFIED = 0
    MATCHED = 1
    WAITING = 2
    WAREHOUSE = 3
    CANCELLED = 4


class Handoff(IntEnum):
    """How an item leaves the customer."""

    UNSPECIFIED = 0
    STANDARD = 1
    CARRIER_LABEL = 2
    DROP_OFF = 3
    LOCAL_HANDOFF = 4


# Of a matched item, by the path that its customer chose; any other is a parcel.
_HANDOFFS = {
    ReturnPath.DROP_OFF: Handoff.DROP_OFF,
    ReturnPath.LOCAL_HANDOFF: Handoff.LOCAL_HANDOFF,
}


def matched_handoff(path: ReturnPath) -> Handoff:
    """Return how a matched item leaves the customer who chose this path (R36)."""
    return _HANDOFFS.get(path, Handoff.CARRIER_LABEL)


@dataclass(frozen=True, slots=True)
class WarehouseRoute:
    """
    The ordinary route of an item.

    An empty ``warehouse_id`` is the brand's standard return route, for when no
    stored warehouse takes the category.
    """

    warehouse_id: WarehouseId
    distance_m: int
    cost_micros: int
    over_capacity: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """
    Outcome, reasons and evidence of one return item at one instant.

    Never without a reason; ``match`` is set exactly when matched, ``warehouse``
    exactly when routed there. ``fallback`` is the ordinary route that stays open.
    ``path`` is the one that the customer chose; how a matched item leaves follows it.
    ``void_label_ids`` are labels that were issued for another route than this one: the
    brand's label system has to void them (R11).
    """

    decision_id: DecisionId
    return_id: ReturnId
    outcome: Outcome
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]
    fallback: WarehouseRoute
    policy_version: int
    decided_us: int
    match: Match | None = None
    warehouse: WarehouseRoute | None = None
    round_id: RoundId = RoundId("")
    refund_due_us: int | None = None
    path: ReturnPath = ReturnPath.UNSPECIFIED
    void_label_ids: tuple[LabelId, ...] = ()

    @property
    def handoff(self) -> Handoff:
        """How the item leaves the customer (R36)."""
        if self.outcome is not Outcome.MATCHED:
            return Handoff.STANDARD
        return matched_handoff(self.path)

    def __post_init__(self) -> None:
        assert self.reasons, f"decision of {self.return_id!r} without a reason"
        assert (self.match is not None) == (self.outcome is Outcome.MATCHED)
        assert (self.warehouse is not None) == (self.outcome is Outcome.WAREHOUSE)
