"""
Rows of every kind with every field away from its default.

A field that a store drops, swaps or rounds makes the value that comes back another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.demand import Demand, DemandState
from matcher.domain.demand_floor import DemandFloor, SeenDemand
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.ids import (
    DecisionId,
    DemandId,
    DropOffPointId,
    ReturnId,
    RoundId,
    ServiceAreaId,
    TenantId,
    WarehouseId,
)
from matcher.domain.item import (
    Condition,
    Fact,
    ItemAttributes,
    ReturnReason,
    Verification,
    VerificationStatus,
)
from matcher.domain.item_outcome import Arrival, BuyerResponse, ItemOutcome
from matcher.domain.justification import Justification
from matcher.domain.latlng import LatLng
from matcher.domain.match import HoldState, Match
from matcher.domain.match_limit import LimitKey, LimitScope, MatchLimit
from matcher.domain.mode import Mode
from matcher.domain.objective import Objective
from matcher.domain.policy import (
    CategoryRule,
    CostModel,
    LocaleMessages,
    MatchKey,
    Policy,
    PolicyState,
    StepLimits,
    VolumeCap,
    ZoneRate,
)
from matcher.domain.policy_change import Dimension
from matcher.domain.program import (
    Pause,
    Program,
    ProgramEvent,
    ProgramEventKind,
    SignOff,
    SignOffItem,
)
from matcher.domain.reason import Check, CheckResult, Gate, Reason, ReasonCode
from matcher.domain.return_item import (
    Channel,
    ReturnItem,
    ReturnPath,
    ReturnState,
    TransitState,
)
from matcher.domain.shadow import ShadowResult, ShadowState
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.changes import Changes
from matcher.engine.journal import Entry
from matcher.engine.ledger import decision_id, match_id
from matcher.engine.records import (
    DemandRecord,
    GuardrailDay,
    MatchCount,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
    SkuDay,
    VolumeHour,
    WarehouseDay,
)
from matcher.engine.shadow_records import ShadowRecord, ShadowUnits
from matcher.engine.standing import OutcomeRecord, Standing
from matcher.policy.volume import Admission
from server.storage.store import StoredAnswer
from tests.scenarios import DAY_US, NOW_US

BRAND = TenantId("brand")
OTHER = TenantId("other")

#: The highest and the lowest number that a column holds.
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

# The third of a degree has no finite binary form; the other is the smallest number
# above zero.
_PLACE = LatLng(1 / 3, -5e-324)


def demand_row(demand_id: str = "d1", **changes: Any) -> DemandRecord:
    """Return a demand of which one unit is held and two are shipped."""
    demand = Demand(
        demand_id=DemandId(demand_id),
        location=_PLACE,
        sku="shirt",
        category="apparel",
        quantity=1_000_000,
        ship_by_us=INT64_MAX,
        min_condition=Condition.LIKE_NEW,
        accepts_returned_item=True,
        segment="retail",
        priority=9,
    )
    record = DemandRecord(
        demand=demand,
        state=DemandState.HELD,
        held_count=1,
        fulfilled_count=2,
        version=3,
        created_us=INT64_MIN,
        updated_us=NOW_US,
    )
    return replace(record, **changes)


def return_row(return_id: str = "r1", **changes: Any) -> ReturnRecord:
    """Return an item that waits again after two matches were released."""
    item = ReturnItem(
        return_id=ReturnId(return_id),
        order_id="order-1",
        customer_id="customer-1",
        location=_PLACE,
        sku="shirt",
        category="apparel",
        decide_by_us=INT64_MAX,
        reason=ReturnReason.FIT,
        condition=Condition.NEW,
        attributes=ItemAttributes(
            Fact.NO, Fact.YES, Fact.UNKNOWN, Fact.NO, Fact.YES, Fact.NO
        ),
        verification=Verification(
            status=VerificationStatus.PASSED,
            method="photo",
            source="grader",
            source_version="3",
            evidence_id="evidence-1",
            confidence=0.1 + 0.2,
            verify_us=NOW_US,
            expire_us=INT64_MAX,
        ),
        customer_consents=True,
        value_micros=10**15,
        channel=Channel.SUPPORT,
        transit_state=TransitState.IN_TRANSIT,
        segment="retail",
        order_return_count=10_000,
        preferred_path=ReturnPath.IN_STORE,
        weight_grams=1_000_000,
        refund_due_us=INT64_MIN,
        season_end_us=NOW_US,
    )
    record = ReturnRecord(
        item=item,
        state=ReturnState.WAITING,
        payload_hash="5e" * 32,
        version=4,
        created_us=NOW_US,
        updated_us=NOW_US + 1,
        decision_id=decision_id(7),
        outcome=Outcome.WAITING,
        reason_codes=(ReasonCode.MATCH_RELEASED, ReasonCode.AWAITING_ROUND),
        match_id=match_id(2),
        released_demand_ids=(DemandId("d1"), DemandId("d2")),
        admission=Admission.ADMITTED,
        standing=Standing(2, True, True, NOW_US + 2, 3, 4, 5),
        outcome_record=OutcomeRecord(
            ItemOutcome(
                NOW_US,
                Arrival.ARRIVED,
                Condition.GOOD,
                BuyerResponse.COMPLAINED,
                "«Fleck»",
            ),
            NOW_US + 3,
            6,
        ),
        seen_demand=SeenDemand(1, 2, 3, -1),
    )
    return replace(record, **changes)


def match_row(number: int = 1, **changes: Any) -> Match:
    """Return a match whose hold stands."""
    match = Match(
        match_id=match_id(number),
        return_id=ReturnId("r1"),
        demand_id=DemandId("d1"),
        distance_m=500_000,
        match_cost_micros=INT64_MAX - 1,
        fallback_cost_micros=INT64_MAX,
        saving_micros=INT64_MIN,
        hold_state=HoldState.ACTIVE,
        hold_expire_us=INT64_MAX,
        round_id=RoundId("r-000000000001"),
        policy_version=2,
        version=3,
        places=(
            LimitKey(LimitScope.DAY, 0, "", 20_514),
            LimitKey(LimitScope.SKU, 0, 'a/"b"', 20_514),
        ),
    )
    return replace(match, **changes)


def decision_row(number: int = 1, return_id: str = "r1", **changes: Any) -> Decision:
    """Return a matched decision with two reasons and a check."""
    decision = Decision(
        decision_id=decision_id(number),
        return_id=ReturnId(return_id),
        outcome=Outcome.MATCHED,
        reasons=(
            Reason(ReasonCode.MATCHED_BEST_SAVING, "Zürich, 3 km: «näher»."),
            Reason(ReasonCode.WAREHOUSE_OVER_CAPACITY, 'It says "full".'),
        ),
        checks=(
            Check(
                Gate.ELIGIBILITY,
                "category_allowed",
                CheckResult.PASSED,
                "apparel",
                "apparel, shoes",
                ReasonCode.CATEGORY_NOT_ALLOWED,
                "evidence-1",
            ),
        ),
        fallback=WarehouseRoute(WarehouseId("w1"), 1, INT64_MAX, over_capacity=True),
        policy_version=2,
        decided_us=NOW_US,
        match=match_row(number),
        round_id=RoundId("r-000000000001"),
        refund_due_us=INT64_MAX,
        path=ReturnPath.DROP_OFF,
    )
    return replace(decision, **changes)


def policy_row(version: int = 1, **changes: Any) -> PolicyRecord:
    """Return the active policy, its derived look-ups made."""
    rule = CategoryRule(
        category="apparel",
        reasons=(ReturnReason.FIT, ReturnReason.PREFERENCE),
        min_condition=Condition.GOOD,
        min_confidence=1 / 3,
        verification_max_age_us=INT64_MAX,
        radius_m=500_000,
        match_key=MatchKey.CATEGORY,
        min_saving_micros=2,
        allow_custom_made=True,
        season_end_us=INT64_MIN,
        demand_floor=DemandFloor(DAY_US, 1, 2, 3),
        justification=Justification("app-1", "«Klein anfangen»", "Zoë", "https://x"),
    )
    policy = Policy(
        version=version,
        owner="operations",
        currency_code="EUR",
        categories=(rule,),
        rollout_basis_points=10_000,
        hold_duration_us=INT64_MAX,
        cost_model=CostModel(1, 2, (ZoneRate(1, 2, 3), ZoneRate(4, 5, 6)), 3, 4, 5),
        description="Narrow.",
        segments=("retail", "staff"),
        rollout_salt="salt",
        round_interval_us=6,
        round_size=7,
        handling_duration_us=8,
        allow_multi_item_returns=True,
        rollout_steps=(),
        volume_cap=VolumeCap(9, 7_200_000_000),
        step_limits=StepLimits(1, 2, 3),
        messages=(LocaleMessages("en", "help-what-it-is = «Hilfe»"),),
        banned_terms=("wow",),
        guardrails=(Guardrail("apparel", GuardrailMetric.LOST_SHARE, 1, 2, DAY_US),),
        evidence_thresholds=EvidenceThresholds(1, 2, 3, 4),
        mode=Mode.SHADOW,
        objective=Objective.MAX_MATCHES_THEN_DISTANCE,
        match_limits=(
            MatchLimit(LimitScope.DAY, 0),
            MatchLimit(LimitScope.ZONE, 10**9, 15),
        ),
    )
    assert policy.rule_for("apparel") is not None
    assert policy.category_names == ("apparel",)
    record = PolicyRecord(policy, PolicyState.ACTIVE, NOW_US, NOW_US + 1)
    return replace(record, **changes)


def program_row() -> Program:
    """Return a program of two versions and two pauses."""
    pauses = Pause("", "audit", INT64_MIN), Pause("apparel", "«Rückruf»", INT64_MAX)
    return Program((7, INT64_MAX), pauses, 3, INT64_MAX)


def program_event_row(number: int = 1) -> ProgramEvent:
    """Return an event of the program's log."""
    return ProgramEvent(
        number=number,
        kind=ProgramEventKind.ACTIVATED,
        happened_us=INT64_MAX,
        policy_version=2,
        previous_version=1,
        category="apparel",
        note="\u2028 \U0001f9e5",
        acknowledged=(Dimension.RADIUS, Dimension.ROLLOUT),
        sign_offs=(SignOff(SignOffItem.OWNER, "Zoë"),),
    )


def volume_hour_row(hour: int = 492_000, eligible_count: int = INT64_MAX) -> VolumeHour:
    """Return the count of an hour."""
    return VolumeHour(hour, eligible_count, eligible_count - 1)


def shadow_row(return_id: str = "r1", **changes: Any) -> ShadowRecord:
    """Return the shadow of a return item that would have matched."""
    result = ShadowResult(
        decided_us=INT64_MAX,
        waiting_us=1,
        policy_version=2,
        round_id=RoundId("r-3"),
        demand_id=DemandId("d\u20284"),
        distance_m=5,
        saving_micros=6,
        label_micros=7,
    )
    record = ShadowRecord(
        return_id=ReturnId(return_id),
        category="«Mäntel»",
        policy_version=8,
        kept_out=ReasonCode.VOLUME_CAP_REACHED,
        decision_id=DecisionId("d-9"),
        since_us=INT64_MIN,
        until_us=INT64_MAX,
        state=ShadowState.MATCHED,
        reasons=(Reason(ReasonCode.NO_DEMAND, "Niemand."),),
        result=result,
    )
    return replace(record, **changes)


def open_shadow_row(return_id: str = "r1", **changes: Any) -> ShadowRecord:
    """Return a shadow that is still asked about."""
    return shadow_row(return_id, state=ShadowState.OPEN, result=None, **changes)


def warehouse_row(warehouse_id: str = "w1", **changes: Any) -> Warehouse:
    """Return a warehouse of two categories."""
    warehouse = Warehouse(
        WarehouseId(warehouse_id), _PLACE, 10**9, ("apparel", "shoes"), 1, 2, 3, 4, 5
    )
    return replace(warehouse, **changes)


def service_area_row(area_id: str = "a1", geojson: str = "{}") -> ServiceArea:
    """Return a service area; a store does not read its geometry."""
    return ServiceArea(ServiceAreaId(area_id), geojson)


def drop_off_point_row(point_id: str = "p1", **changes: Any) -> DropOffPoint:
    """Return a drop-off point with every field away from its default."""
    point = DropOffPoint(
        DropOffPointId(point_id), _PLACE, "Kiosk «Zoë»", "Mo-Sa 8-22\nSo 10-14", True
    )
    return replace(point, **changes)


def round_row(number: int = 1, **changes: Any) -> RoundRecord:
    """Return a round whose proof has every byte there is."""
    record = RoundRecord(
        round_id=RoundId(f"r-{number:012d}"),
        policy_version=2,
        started_us=NOW_US,
        return_count=3,
        demand_count=4,
        candidate_count=5,
        matched_count=6,
        waiting_count=7,
        warehouse_count=8,
        dropped_count=9,
        distance_sum_m=10,
        saving_micros=INT64_MAX,
        dual_micros=INT64_MIN,
        verified=True,
        reason_counts=((ReasonCode.NO_DEMAND, 1), (ReasonCode.OUT_OF_RADIUS, 2)),
        proof=bytes(range(256)),
    )
    return replace(record, **changes)


def warehouse_day_row(
    warehouse_id: str = "w1", day: int = 20_514, routed_count: int = 1
) -> WarehouseDay:
    """Return what a warehouse was given on a day; the default is 2026-03-02."""
    return WarehouseDay(WarehouseId(warehouse_id), day, routed_count)


def answer_row(
    request_id: str = "q1",
    tenant: TenantId = BRAND,
    *,
    answer: bytes = b"\x00\xff",
    answered_us: int = NOW_US,
) -> StoredAnswer:
    """Return a first answer whose bytes are no text."""
    return StoredAnswer(tenant, request_id, "ab" * 32, answer, answered_us)


def changes_of(
    *rows: DemandRecord
    | ReturnRecord
    | Match
    | Decision
    | PolicyRecord
    | Warehouse
    | ServiceArea
    | DropOffPoint
    | RoundRecord
    | WarehouseDay
    | Program
    | ProgramEvent
    | VolumeHour
    | ShadowRecord
    | ShadowUnits
    | MatchCount
    | GuardrailDay
    | SkuDay
    | Entry,
) -> Changes:
    """Return the changes that write these rows."""
    changes = Changes()
    for row in rows:
        match row:
            case Decision():
                changes.decisions.append(row)
            case RoundRecord():
                changes.rounds.append(row)
            case Program():
                changes.program = row
            case ProgramEvent():
                changes.program_events.append(row)
            case Entry():
                changes.journal.append(row)
            case _:
                kept, key_of = _KEPT[type(row)]
                getattr(changes, kept)[key_of(row)] = row
    return changes


# Rows of which the last value counts: where changes keep them, and under which key.
_KEPT: dict[type, tuple[str, Callable[[Any], object]]] = {
    DemandRecord: ("demands", lambda row: row.demand.demand_id),
    ReturnRecord: ("returns", lambda row: row.item.return_id),
    Match: ("matches", lambda row: row.match_id),
    PolicyRecord: ("policies", lambda row: row.policy.version),
    Warehouse: ("warehouses", lambda row: row.warehouse_id),
    ServiceArea: ("service_areas", lambda row: row.service_area_id),
    DropOffPoint: ("drop_off_points", lambda row: row.drop_off_point_id),
    VolumeHour: ("volume_hours", lambda row: row.hour),
    ShadowRecord: ("shadows", lambda row: row.return_id),
    ShadowUnits: ("shadow_units", lambda row: row.demand_id),
    MatchCount: ("match_counts", lambda row: row.key),
    SkuDay: ("sku_days", lambda row: (row.sku, row.day)),
    GuardrailDay: (
        "guardrail_days",
        lambda row: (row.category, row.metric, row.day),
    ),
    WarehouseDay: ("warehouse_days", lambda row: (row.warehouse_id, row.day)),
}
