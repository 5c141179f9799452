"""Requests as a caller would write them; their defaults pass every gate."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.latlng_pb2 import LatLng

from nearturn.v1 import (
    demand_pb2,
    demand_service_pb2,
    drop_off_point_pb2,
    item_pb2,
    network_pb2,
    policy_pb2,
    policy_service_pb2,
    program_pb2,
    return_item_pb2,
    return_service_pb2,
)
from tests.contract.api_target import Api
from tests.scenarios import DAY_US, HOUR_US, NOW_US, at


def timestamp(instant_us: int) -> Timestamp:
    """Return an instant as a timestamp."""
    return Timestamp(
        seconds=instant_us // 1_000_000, nanos=instant_us % 1_000_000 * 1_000
    )


def place(east_m: float = 0.0, north_m: float = 0.0) -> LatLng:
    """Return the place that many metres east and north of home."""
    home = at(east_m, north_m)
    return LatLng(latitude=home.lat, longitude=home.lng)


def demand(demand_id: str = "d1", east_m: float = 0.0, **fields: Any) -> Any:
    """Return an order of one shirt that ships in two days."""
    values = {
        "demand_id": demand_id,
        "location": place(east_m),
        "sku": "shirt",
        "category": "apparel",
        "quantity": 1,
        "ship_by_time": timestamp(NOW_US + 2 * DAY_US),
        "min_condition": item_pb2.CONDITION_GOOD,
        "accepts_returned_item": True,
        **fields,
    }
    return demand_pb2.Demand(**values)


def verification(**fields: Any) -> Any:
    """Return evidence of an hour ago that passed."""
    values = {
        "status": item_pb2.VERIFICATION_STATUS_PASSED,
        "method": "photo",
        "source": "grader",
        "source_version": "3",
        "evidence_id": "evidence-1",
        "confidence": 0.95,
        "verify_time": timestamp(NOW_US - HOUR_US),
        **fields,
    }
    return return_item_pb2.Verification(**values)


def return_item(return_id: str = "r1", east_m: float = 0.0, **fields: Any) -> Any:
    """Return a shirt that may be matched, with a day to decide."""
    no = item_pb2.FACT_NO
    values = {
        "return_id": return_id,
        "order_id": f"order-of-{return_id}",
        "customer_id": f"customer-of-{return_id}",
        "location": place(east_m),
        "sku": "shirt",
        "category": "apparel",
        "reason": item_pb2.RETURN_REASON_FIT,
        "condition": item_pb2.CONDITION_LIKE_NEW,
        "attributes": item_pb2.ItemAttributes(
            fragile=no,
            regulated=no,
            custom_made=no,
            damaged=no,
            defective=no,
            end_of_season=no,
        ),
        "verification": verification(),
        "customer_consents": True,
        "decide_by_time": timestamp(NOW_US + DAY_US),
        "transit_state": return_item_pb2.TRANSIT_STATE_WITH_CUSTOMER,
        "weight_grams": 400,
        **fields,
    }
    return return_item_pb2.ReturnItem(**values)


def policy(**fields: Any) -> Any:
    """Return a policy that opens apparel within 50 km for everybody."""
    values = {
        "owner": "operations",
        "currency_code": "EUR",
        "categories": [
            policy_pb2.CategoryRule(
                category="apparel",
                reasons=[item_pb2.RETURN_REASON_FIT],
                min_condition=item_pb2.CONDITION_GOOD,
                min_confidence=0.9,
                verification_max_age=Duration(seconds=7 * 86_400),
                radius_m=50_000,
                match_key=policy_pb2.MATCH_KEY_SKU,
            )
        ],
        "rollout_basis_points": 10_000,
        "hold_duration": Duration(seconds=3_600),
        "cost_model": policy_pb2.CostModel(
            label_base_micros=3_000_000,
            label_per_km_micros=10_000,
            standard_return_micros=5_000_000,
            standard_shipping_micros=4_000_000,
        ),
        **fields,
    }
    return policy_pb2.Policy(**values)


def warehouse(warehouse_id: str = "w1", east_m: float = 0.0, **fields: Any) -> Any:
    """Return a warehouse that takes a hundred units a day."""
    values = {
        "warehouse_id": warehouse_id,
        "location": place(east_m),
        "daily_capacity": 100,
        "inbound_base_micros": 3_000_000,
        "processing_micros": 2_000_000,
        "outbound_base_micros": 4_000_000,
        **fields,
    }
    return network_pb2.Warehouse(**values)


def drop_off_point(point_id: str = "p1", east_m: float = 0.0, **fields: Any) -> Any:
    """Return a kiosk that is open by day."""
    values = {
        "drop_off_point_id": point_id,
        "location": place(east_m),
        "name": "Kiosk",
        "opening_hours": "Mo-Sa 8-20",
        **fields,
    }
    return drop_off_point_pb2.DropOffPoint(**values)


SIGN_OFFS = [
    program_pb2.SignOff(item=item, name="lead")
    for item in program_pb2.SignOffItem.values()[1:]
]


def activation(version: int) -> policy_service_pb2.ActivatePolicyRequest:
    """Return the request that puts a version in force, however wide it is."""
    return policy_service_pb2.ActivatePolicyRequest(
        version=version,
        acknowledged_dimensions=policy_pb2.PolicyDimension.values()[1:],
        sign_offs=SIGN_OFFS,
    )


async def activate(api: Api, document: Any = None) -> int:
    """Store a policy, put it in force and return its number."""
    created = await api(
        policy_service_pb2.CreatePolicyRequest(policy=document or policy())
    )
    version: int = created.policy.version
    await api(activation(version))
    return version


async def upsert(api: Api, *demands: Any) -> Any:
    """Store demands."""
    return await api(demand_service_pb2.BatchUpsertDemandsRequest(demands=demands))


async def submit(api: Api, *items: Any) -> Any:
    """Submit return items and return their decisions."""
    request = return_service_pb2.BatchSubmitReturnsRequest(return_items=items)
    return (await api(request)).decisions
