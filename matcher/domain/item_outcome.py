"""What became of a return item after its route was final."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.errors import InvalidValueError
from matcher.domain.item import Condition

#: Characters of the note that goes with an outcome.
NOTE_LENGTH_MAX = 1_000


class Arrival(IntEnum):
    """Whether the item came where it was sent."""

    UNSPECIFIED = 0
    ARRIVED = 1
    LOST = 2


class BuyerResponse(IntEnum):
    """What the buyer made of it."""

    UNSPECIFIED = 0
    SATISFIED = 1
    COMPLAINED = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """
    What became of one item; whatever is not known is left unspecified.

    ``condition`` is the grade on arrival. ``occurred_us`` is when it happened, in
    microseconds since the epoch.

    Raises
    ------
    InvalidValueError
        If it says nothing, or contradicts itself.
    """

    occurred_us: int
    arrival: Arrival = Arrival.UNSPECIFIED
    condition: Condition = Condition.UNSPECIFIED
    response: BuyerResponse = BuyerResponse.UNSPECIFIED
    note: str = ""

    def __post_init__(self) -> None:
        if not (self.arrival or self.response):
            raise InvalidValueError(
                "arrival", "UNSPECIFIED", "ARRIVED or LOST, unless the buyer responded"
            )
        if self.condition and self.arrival is not Arrival.ARRIVED:
            raise InvalidValueError(
                "condition", self.condition.name, "unset unless the item arrived"
            )
        pleased_or_refused = (BuyerResponse.SATISFIED, BuyerResponse.REFUSED)
        if self.arrival is Arrival.LOST and self.response in pleased_or_refused:
            raise InvalidValueError(
                "buyer_response",
                self.response.name,
                "COMPLAINED or unset for an item that was lost",
            )
        if len(self.note) > NOTE_LENGTH_MAX:
            raise InvalidValueError(
                "note",
                f"{len(self.note):,} characters",
                f"at most {NOTE_LENGTH_MAX:,} characters",
            )
