"""What would have become of a return item that was kept out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from matcher.domain.ids import DemandId, RoundId
from matcher.domain.reason import Reason, ReasonCode

# What keeps an item out that nothing else keeps out, the strongest first: lifting the
# mode alone opens nothing to somebody who is not in the rollout.
CONTROL_CODES = (
    ReasonCode.NOT_IN_ROLLOUT,
    ReasonCode.VOLUME_CAP_REACHED,
    ReasonCode.SHADOW_MODE,
)


class ShadowState(IntEnum):
    """
    Where a shadow is.

    OPEN is still being asked about. SKIPPED was not kept: too many were open, or its
    item's data was erased.
    """

    UNSPECIFIED = 0
    OPEN = 1
    MATCHED = 2
    UNMATCHED = 3
    SKIPPED = 4


@dataclass(frozen=True, slots=True)
class ShadowResult:
    """
    What would have become of an item, and when that was known.

    Distances and money are 0 unless it would have matched. ``demand_id`` is whose unit
    it would have had; it never leaves the engine. ``reasons`` say why it would not have
    matched; one that was not asked about has none.
    """

    decided_us: int
    waiting_us: int
    policy_version: int
    reasons: tuple[Reason, ...] = ()
    round_id: RoundId = RoundId("")
    demand_id: DemandId = DemandId("")
    distance_m: int = 0
    saving_micros: int = 0
    label_micros: int = 0


@dataclass(frozen=True, slots=True)
class ShadowCount:
    """
    Shadows that one policy version kept out of one category for one reason.

    ``control_count`` is all of them, and the sum of the four after it. Sums are of
    those that would have matched: what a wider rollout, a wider cap, or acting would
    have given at most (R31).
    """

    policy_version: int
    category: str
    kept_out: ReasonCode
    control_count: int
    open_count: int
    matched_count: int
    unmatched_count: int
    skipped_count: int
    saving_micros: int
    distance_sum_m: int
    waiting_sum_us: int
