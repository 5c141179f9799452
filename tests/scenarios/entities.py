"""Builders of entities whose defaults pass every gate."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from matcher.domain.decision import Outcome
from matcher.domain.demand import Demand, DemandState
from matcher.domain.ids import (
    DecisionId,
    DemandId,
    ReturnId,
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
from matcher.domain.latlng import LatLng
from matcher.domain.policy import CategoryRule, CostModel, MatchKey, Policy
from matcher.domain.reason import ReasonCode
from matcher.domain.return_item import ReturnItem, ReturnState, TransitState
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.records import DemandRecord, ReturnRecord

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

#: 2026-03-02 12:00 UTC: noon, so that an hour either way is the same UTC day.
NOW_US = 1_772_452_800_000_000

TENANT = TenantId("brand")
HOME = LatLng(0.0, 0.0)

# Metres of one degree of a great circle on the sphere that H3 uses.
_METRES_PER_DEGREE = 111_195.080


def at(east_m: float, north_m: float = 0.0) -> LatLng:
    """Return the place that many metres east and north of home, near the equator."""
    return LatLng(north_m / _METRES_PER_DEGREE, east_m / _METRES_PER_DEGREE)


def verification(**changes: Any) -> Verification:
    """Return evidence that passed an hour ago, with a confidence of 0.95."""
    return replace(
        Verification(
            status=VerificationStatus.PASSED,
            method="photo",
            source="grader",
            source_version="3",
            evidence_id="evidence-1",
            confidence=0.95,
            verify_us=NOW_US - HOUR_US,
        ),
        **changes,
    )


def return_item(
    return_id: str = "r1", east_m: float = 0.0, north_m: float = 0.0, **changes: Any
) -> ReturnItem:
    """Return an item of SKU "shirt" that passes every gate; a day to decide."""
    return replace(
        ReturnItem(
            return_id=ReturnId(return_id),
            order_id=f"order-of-{return_id}",
            customer_id=f"customer-of-{return_id}",
            location=at(east_m, north_m),
            sku="shirt",
            category="apparel",
            decide_by_us=NOW_US + DAY_US,
            reason=ReturnReason.FIT,
            condition=Condition.LIKE_NEW,
            attributes=ItemAttributes(
                fragile=Fact.NO,
                regulated=Fact.NO,
                custom_made=Fact.NO,
                damaged=Fact.NO,
                defective=Fact.NO,
                end_of_season=Fact.NO,
            ),
            verification=verification(),
            customer_consents=True,
            transit_state=TransitState.WITH_CUSTOMER,
            weight_grams=400,
        ),
        **changes,
    )


def demand(
    demand_id: str = "d1", east_m: float = 0.0, north_m: float = 0.0, **changes: Any
) -> Demand:
    """Return an open order of one "shirt" that accepts a returned one."""
    return replace(
        Demand(
            demand_id=DemandId(demand_id),
            location=at(east_m, north_m),
            sku="shirt",
            category="apparel",
            quantity=1,
            ship_by_us=NOW_US + 2 * DAY_US,
            min_condition=Condition.GOOD,
            accepts_returned_item=True,
        ),
        **changes,
    )


def demand_record(value: Demand, **changes: Any) -> DemandRecord:
    """Return a demand as stored just now, all its units open."""
    return replace(
        DemandRecord(value, DemandState.OPEN, 0, 0, 1, NOW_US, NOW_US), **changes
    )


def waiting(item: ReturnItem, **changes: Any) -> ReturnRecord:
    """Return the record of an item that waits for a round since now."""
    return replace(
        ReturnRecord(
            item=item,
            state=ReturnState.WAITING,
            payload_hash="",
            version=1,
            created_us=NOW_US,
            updated_us=NOW_US,
            decision_id=DecisionId(""),
            outcome=Outcome.WAITING,
            reason_codes=(ReasonCode.AWAITING_ROUND,),
        ),
        **changes,
    )


def rule(**changes: Any) -> CategoryRule:
    """Return the rule that opens "apparel" by SKU within 50 km."""
    return replace(
        CategoryRule(
            category="apparel",
            reasons=(ReturnReason.FIT, ReturnReason.PREFERENCE),
            min_condition=Condition.GOOD,
            min_confidence=0.9,
            verification_max_age_us=7 * DAY_US,
            radius_m=50_000,
            match_key=MatchKey.SKU,
        ),
        **changes,
    )


def policy(*rules: CategoryRule, **changes: Any) -> Policy:
    """
    Return a policy that lets every customer in and holds for an hour.

    Without warehouses the ordinary way costs 9,000,000 micros and a label
    3,000,000 and 10 a metre, so a match ``d`` metres away saves
    ``6_000_000 - 10 * d``.
    """
    return replace(
        Policy(
            version=1,
            owner="operations",
            currency_code="EUR",
            categories=rules or (rule(),),
            rollout_basis_points=10_000,
            hold_duration_us=HOUR_US,
            cost_model=CostModel(
                label_base_micros=3_000_000,
                label_per_km_micros=10_000,
                standard_return_micros=5_000_000,
                standard_shipping_micros=4_000_000,
            ),
        ),
        **changes,
    )


def warehouse(
    warehouse_id: str = "w1", east_m: float = 0.0, north_m: float = 0.0, **changes: Any
) -> Warehouse:
    """Return a warehouse that takes 100 units a day of every category."""
    return replace(
        Warehouse(
            warehouse_id=WarehouseId(warehouse_id),
            location=at(east_m, north_m),
            daily_capacity=100,
            inbound_base_micros=3_000_000,
            inbound_per_km_micros=20_000,
            processing_micros=2_000_000,
            outbound_base_micros=4_000_000,
            outbound_per_km_micros=20_000,
        ),
        **changes,
    )


def service_area(
    area_id: str = "a1",
    west_m: float = -10_000.0,
    east_m: float = 10_000.0,
    height_m: float = 1_000_000.0,
) -> ServiceArea:
    """Return a box from west to east, ``height_m`` to the north and south."""
    south_west, north_east = at(west_m, -height_m), at(east_m, height_m)
    ring = [
        [south_west.lng, south_west.lat],
        [north_east.lng, south_west.lat],
        [north_east.lng, north_east.lat],
        [south_west.lng, north_east.lat],
        [south_west.lng, south_west.lat],
    ]
    document = {"type": "Polygon", "coordinates": [ring]}
    return ServiceArea(ServiceAreaId(area_id), json.dumps(document))
