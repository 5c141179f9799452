"""What is known about one unit: condition, reason of return, facts, evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import check_id


class Condition(IntEnum):
    """Grade of the physical state; a higher number is a better grade."""

    UNSPECIFIED = 0
    POOR = 1
    FAIR = 2
    GOOD = 3
    LIKE_NEW = 4
    NEW = 5


class ReturnReason(IntEnum):
    """What the customer gave as the reason."""

    UNSPECIFIED = 0
    FIT = 1
    PREFERENCE = 2
    NO_LONGER_NEEDED = 3
    WRONG_ITEM = 4
    NOT_AS_DESCRIBED = 5
    ARRIVED_LATE = 6
    DAMAGED = 7
    DEFECTIVE = 8
    OTHER = 9


#: Reasons that no policy may list: damage, defects, and what nobody can name.
UNMATCHABLE_REASONS = frozenset(
    {
        ReturnReason.UNSPECIFIED,
        ReturnReason.DAMAGED,
        ReturnReason.DEFECTIVE,
        ReturnReason.OTHER,
    }
)


class Fact(IntEnum):
    """Answer to one factual question; unknown is an answer of its own."""

    UNKNOWN = 0
    YES = 1
    NO = 2


@dataclass(frozen=True, slots=True)
class ItemAttributes:
    """Facts that decide whether an item may go to a buyer at all."""

    fragile: Fact = Fact.UNKNOWN
    regulated: Fact = Fact.UNKNOWN
    custom_made: Fact = Fact.UNKNOWN
    damaged: Fact = Fact.UNKNOWN
    defective: Fact = Fact.UNKNOWN
    end_of_season: Fact = Fact.UNKNOWN


class VerificationStatus(IntEnum):
    """Result of the inspection of an item."""

    UNSPECIFIED = 0
    PASSED = 1
    FAILED = 2
    PENDING = 3


@dataclass(frozen=True, slots=True)
class Verification:
    """
    Evidence of one inspection.

    ``confidence`` is 0 to 1; ``verify_us`` and ``expire_us`` are microseconds
    since the epoch. ``None`` is unknown; for ``expire_us`` it means no own expiry.
    """

    status: VerificationStatus
    method: str = ""
    source: str = ""
    source_version: str = ""
    evidence_id: str = ""
    confidence: float | None = None
    verify_us: int | None = None
    expire_us: int | None = None

    def __post_init__(self) -> None:
        for name in ("method", "source", "source_version", "evidence_id"):
            check_id(f"verification.{name}", getattr(self, name), allow_empty=True)
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            raise InvalidValueError(
                "verification.confidence", self.confidence, "finite, 0 to 1"
            )
