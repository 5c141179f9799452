"""What a shard knows about each entity beyond what the caller said of it."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.decision import Outcome
from matcher.domain.demand import Demand, DemandState
from matcher.domain.demand_floor import SeenDemand
from matcher.domain.guardrail import GuardrailMetric
from matcher.domain.ids import DecisionId, DemandId, MatchId, RoundId, WarehouseId
from matcher.domain.match_limit import LimitKey
from matcher.domain.policy import Policy, PolicyState
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnItem, ReturnState
from matcher.engine.standing import NO_STANDING, OutcomeRecord, Standing
from matcher.policy.volume import Admission

# States of a demand whose units may still be promised.
_TAKING = (DemandState.OPEN, DemandState.HELD)


@dataclass(frozen=True, slots=True)
class DemandRecord:
    """
    A demand with its units.

    ``held_count + fulfilled_count <= demand.quantity`` always. ``version`` rises
    by one with every change and is the etag. ``erased_us`` is when its personal data
    was erased.
    """

    demand: Demand
    state: DemandState
    held_count: int
    fulfilled_count: int
    version: int
    created_us: int
    updated_us: int
    erased_us: int | None = None

    @property
    def open_count(self) -> int:
        """Units that may still be promised; 0 once the demand is closed."""
        if self.state not in _TAKING:
            return 0
        return self.demand.quantity - self.held_count - self.fulfilled_count

    @property
    def is_live(self) -> bool:
        """Whether the shard must keep it in memory: open units or a hold."""
        return self.open_count > 0 or self.held_count > 0


@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """
    A return item with its state and what its latest decision said.

    ``payload_hash`` is of the submission, so that the same id with another payload
    is told apart. ``released_demand_ids`` are the pairs not to be made again.
    ``admission`` is what the volume cap said; it is asked once. ``erased_us`` is when
    its personal data was erased. ``standing`` is what reports count it as.
    ``outcome_record`` is what became of it, once that is known. ``seen_demand`` is
    what its SKU had when it was submitted, where a floor was asked.
    """

    item: ReturnItem
    state: ReturnState
    payload_hash: str
    version: int
    created_us: int
    updated_us: int
    decision_id: DecisionId
    outcome: Outcome
    reason_codes: tuple[ReasonCode, ...]
    match_id: MatchId = MatchId("")
    released_demand_ids: tuple[DemandId, ...] = ()
    admission: Admission = Admission.UNSPECIFIED
    erased_us: int | None = None
    standing: Standing = NO_STANDING
    outcome_record: OutcomeRecord | None = None
    seen_demand: SeenDemand | None = None

    @property
    def is_live(self) -> bool:
        """Whether the shard must keep it in memory: its route may still change."""
        return self.state in (ReturnState.WAITING, ReturnState.MATCHED)

    @property
    def is_confirmed(self) -> bool:
        """Whether it is on its way to a buyer, or there."""
        return self.state in (ReturnState.CONFIRMED, ReturnState.COMPLETED)


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A stored policy version and where it is in its life."""

    policy: Policy
    state: PolicyState
    created_us: int
    activated_us: int | None = None


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """
    Summary of one round; counts are of return items unless named otherwise.

    ``saving_micros`` is what the assignment saves, and ``dual_micros`` that and what
    the objective may have missed: equal, they prove it the best for the policy's
    objective. For ``MAX_SAVING`` the latter is what the prices sum to, which no
    assignment exceeds.
    ``proof`` is the compressed problem and answer with its dual prices
    (:mod:`matcher.engine.proof`), so that anyone can check the round later.
    ``overtaken_count`` counts items that wait while a younger one got a unit that they
    could have had; the oldest of them has waited ``overtaken_wait_us``.
    """

    round_id: RoundId
    policy_version: int
    started_us: int
    return_count: int
    demand_count: int
    candidate_count: int
    matched_count: int
    waiting_count: int
    warehouse_count: int
    dropped_count: int
    distance_sum_m: int
    saving_micros: int
    dual_micros: int
    verified: bool
    reason_counts: tuple[tuple[ReasonCode, int], ...]
    proof: bytes = b""
    overtaken_count: int = 0
    overtaken_wait_us: int = 0


@dataclass(frozen=True, slots=True)
class VolumeHour:
    """
    Eligible return items of one UTC hour (hours since the epoch), and those let in.

    ``admitted_count <= eligible_count`` always.
    """

    hour: int
    eligible_count: int
    admitted_count: int


@dataclass(frozen=True, slots=True)
class MatchCount:
    """Matches of a day, SKU, zone or warehouse, less places that were given back."""

    key: LimitKey
    match_count: int


@dataclass(frozen=True, slots=True)
class SkuDay:
    """Orders of one SKU that came in on one UTC day (days since the epoch)."""

    sku: str
    day: int
    order_count: int


@dataclass(frozen=True, slots=True)
class GuardrailDay:
    """
    What a guardrail watches, of one category and UTC day (days since the epoch).

    An empty category is the whole program. ``bad_count <= total_count`` always.
    ``reset_number`` is the event of the program that last set the counts to zero; what
    was counted before it is no longer in them.
    """

    category: str
    metric: GuardrailMetric
    day: int
    bad_count: int
    total_count: int
    reset_number: int = 0


@dataclass(frozen=True, slots=True)
class WarehouseDay:
    """Returns routed to one warehouse on one UTC day (days since the epoch)."""

    warehouse_id: WarehouseId
    day: int
    routed_count: int
