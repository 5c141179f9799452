"""What a shard knows about the return items that were kept out."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.ids import DecisionId, DemandId, ReturnId
from matcher.domain.reason import Reason, ReasonCode
from matcher.domain.shadow import ShadowResult, ShadowState


@dataclass(frozen=True, slots=True)
class ShadowRecord:
    """
    A return item of the control group and what would have become of it.

    ``decision_id`` is the decision that sent it to its warehouse, made by
    ``policy_version`` because of ``kept_out``. It counts as waiting from ``since_us``
    until ``until_us``. ``reasons`` are why the last round had no buyer for it. The
    ``result`` is there exactly once it is no longer open.
    """

    return_id: ReturnId
    category: str
    policy_version: int
    kept_out: ReasonCode
    decision_id: DecisionId
    since_us: int
    until_us: int
    state: ShadowState
    reasons: tuple[Reason, ...] = ()
    result: ShadowResult | None = None


@dataclass(frozen=True, slots=True)
class ShadowUnits:
    """Units of a live demand that shadows would have had."""

    demand_id: DemandId
    taken_count: int
