"""Whatever is wrong with a request is named by field, value and accepted range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.type.latlng_pb2 import LatLng

from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import explain_service_pb2 as explain
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import network_pb2
from nearturn.v1 import network_service_pb2 as network
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api, ApiError
from tests.contract.messages import (
    demand,
    policy,
    return_item,
    timestamp,
    verification,
    warehouse,
)
from tests.scenarios import NOW_US

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEGREES = "finite degrees from"
ID = "1 to 128 printable characters"


def _place(latitude: float, longitude: float) -> LatLng:
    return LatLng(latitude=latitude, longitude=longitude)


def _upsert(**fields: Any) -> Callable[[], Any]:
    return lambda: demands.UpsertDemandRequest(demand=demand(**fields))


def _submit(**fields: Any) -> Callable[[], Any]:
    return lambda: returns.SubmitReturnRequest(return_item=return_item(**fields))


def _policy(**fields: Any) -> Callable[[], Any]:
    return lambda: policies.CreatePolicyRequest(policy=policy(**fields))


def _damaging_policy() -> Any:
    document = policy()
    document.categories[0].reasons[:] = [7]
    return policies.CreatePolicyRequest(policy=document)


# name: request, field at fault, value as shown, what is accepted (a part of it).
CASES: dict[str, tuple[Callable[[], Any], str, str, str]] = {
    "latitude NaN": (
        _upsert(location=_place(math.nan, 0)),
        "demand.location.latitude",
        "nan",
        f"{DEGREES} -90 to 90",
    ),
    "longitude infinite": (
        _upsert(location=_place(0, math.inf)),
        "demand.location.longitude",
        "inf",
        f"{DEGREES} -180 to 180",
    ),
    "longitude minus infinite": (
        _submit(location=_place(0, -math.inf)),
        "return_item.location.longitude",
        "-inf",
        f"{DEGREES} -180 to 180",
    ),
    "latitude 91": (
        _submit(location=_place(91, 0)),
        "return_item.location.latitude",
        "91.0",
        f"{DEGREES} -90 to 90",
    ),
    "latitude just past the pole": (
        _upsert(location=_place(math.nextafter(90, 91), 0)),
        "demand.location.latitude",
        "90.00000000000001",
        f"{DEGREES} -90 to 90",
    ),
    "longitude 540": (
        _upsert(location=_place(0, 540)),
        "demand.location.longitude",
        "540.0",
        f"{DEGREES} -180 to 180",
    ),
    "warehouse at longitude 540": (
        lambda: network.UpsertWarehouseRequest(
            warehouse=warehouse(location=_place(0, 540))
        ),
        "warehouse.location.longitude",
        "540.0",
        f"{DEGREES} -180 to 180",
    ),
    "no location": (_upsert(location=None), "demand.location", "nothing", "a LatLng"),
    "confidence NaN": (
        _submit(verification=verification(confidence=math.nan)),
        "return_item.verification.confidence",
        "nan",
        "finite, 0 to 1",
    ),
    "empty batch of demands": (
        demands.BatchUpsertDemandsRequest,
        "demands",
        "0 items",
        "1 to 10,000 items",
    ),
    "10,001 demands": (
        lambda: demands.BatchUpsertDemandsRequest(
            demands=[demand(f"d{number}") for number in range(10_001)]
        ),
        "demands",
        "10,001 items",
        "1 to 10,000 items",
    ),
    "empty batch of returns": (
        returns.BatchSubmitReturnsRequest,
        "return_items",
        "0 items",
        "1 to 10,000 items",
    ),
    "10,001 returns": (
        lambda: returns.BatchSubmitReturnsRequest(
            return_items=[return_item(f"r{number}") for number in range(10_001)]
        ),
        "return_items",
        "10,001 items",
        "1 to 10,000 items",
    ),
    "plan without returns": (
        lambda: matches.PlanRequest(policy=policy()),
        "return_items",
        "0 items",
        "1 to 10,000 items",
    ),
    "unknown condition": (
        _upsert(min_condition=99),
        "demand.min_condition",
        "99",
        "one of CONDITION_POOR, CONDITION_FAIR",
    ),
    "condition unspecified": (
        _upsert(min_condition=0),
        "demand.min_condition",
        "0",
        "one of CONDITION_POOR",
    ),
    "unknown reason": (
        _submit(reason=-1),
        "return_item.reason",
        "-1",
        "one of RETURN_REASON_UNSPECIFIED, RETURN_REASON_FIT",
    ),
    "unknown state of a list": (
        lambda: demands.ListDemandsRequest(state=6),  # type: ignore[arg-type]
        "state",
        "6",
        "one of DEMAND_STATE_UNSPECIFIED, DEMAND_STATE_OPEN",
    ),
    "policy that lists damage": (
        _damaging_policy,
        "policy.categories[0].reasons[0]",
        "7",
        "RETURN_REASON_ARRIVED_LATE",
    ),
    "ship-by time now": (
        _upsert(ship_by_time=timestamp(NOW_US)),
        "demand.ship_by_time",
        "2026-03-02T12:00:00Z",
        "after now, 2026-03-02T12:00:00Z",
    ),
    "decide-by time a microsecond ago": (
        _submit(decide_by_time=timestamp(NOW_US - 1)),
        "return_item.decide_by_time",
        "2026-03-02T11:59:59.999999Z",
        "after now, 2026-03-02T12:00:00Z",
    ),
    "decide-by time missing": (
        _submit(decide_by_time=None),
        "return_item.decide_by_time",
        "nothing",
        "a Timestamp",
    ),
    "quantity negative": (
        _upsert(quantity=-1),
        "demand.quantity",
        "-1",
        "1 to 1,000,000",
    ),
    "quantity zero": (_upsert(quantity=0), "demand.quantity", "0", "1 to 1,000,000"),
    "value negative": (
        _submit(value_micros=-1),
        "return_item.value_micros",
        "-1",
        "0 to 1,000,000,000,000,000",
    ),
    "capacity negative": (
        lambda: network.UpsertWarehouseRequest(warehouse=warehouse(daily_capacity=-1)),
        "warehouse.daily_capacity",
        "-1",
        "0 to 1,000,000,000",
    ),
    "control character in an id": (
        _upsert(demand_id="d\x00"),
        "demand.demand_id",
        r"'d\x00'",
        ID,
    ),
    "line feed at the end of an id": (
        _submit(return_id="r1\n", order_id="o1", customer_id="c1"),
        "return_item.return_id",
        r"'r1\n'",
        ID,
    ),
    "text direction turned in an id": (
        _submit(customer_id="a\u202eb"),
        "return_item.customer_id",
        r"'a\u202eb'",
        ID,
    ),
    "id of a megabyte": (
        _submit(return_id="x" * 1_000_000, order_id="o1", customer_id="c1"),
        "return_item.return_id",
        "(1,000,000 characters)",
        ID,
    ),
    "id of 129 characters": (
        _upsert(demand_id="x" * 129),
        "demand.demand_id",
        "(129 characters)",
        ID,
    ),
    "id missing": (_upsert(demand_id=""), "demand.demand_id", "''", ID),
    "sku missing": (_upsert(sku=""), "demand.sku", "''", ID),
    "id of a look-up with a control character": (
        lambda: returns.GetReturnRequest(return_id="\x1b[2J"),
        "return_id",
        r"'\x1b[2J'",
        ID,
    ),
    "request id no UUID": (
        lambda: demands.UpsertDemandRequest(demand=demand(), request_id="once"),
        "request_id",
        "'once'",
        "a UUID",
    ),
    "request id without its dashes": (
        lambda: matches.RunRoundRequest(request_id="123e4567e89b42d3a456426614174000"),
        "request_id",
        "'123e4567e89b42d3a456426614174000'",
        "a UUID",
    ),
    "time beyond the year 9999": (
        _submit(refund_due_time={"seconds": 2**62}),
        "return_item.refund_due_time",
        f"{2**62} s",
        "to 253402300799 s",
    ),
    "time with negative nanoseconds": (
        _upsert(ship_by_time={"seconds": 2_000_000_000, "nanos": -5}),
        "demand.ship_by_time",
        "-5 ns",
        "0 to 999999999 ns",
    ),
    "hold of no time": (
        _policy(hold_duration={"seconds": 0}),
        "policy.hold_duration",
        "0 s",
        "1 s to 7,776,000 s",
    ),
    "currency in small letters": (
        _policy(currency_code="eur"),
        "policy.currency_code",
        "'eur'",
        "three capital letters",
    ),
    "the same demand twice": (
        lambda: demands.BatchUpsertDemandsRequest(demands=[demand("d1"), demand("d1")]),
        "demands[1].demand_id",
        "'d1'",
        "each id once",
    ),
    "the same return twice": (
        lambda: returns.BatchSubmitReturnsRequest(
            return_items=[return_item("r1"), return_item("r2"), return_item("r1")]
        ),
        "return_items[2].return_id",
        "'r1'",
        "each id once",
    ),
    "a fault deep in a batch": (
        lambda: returns.BatchSubmitReturnsRequest(
            return_items=[
                return_item(f"r{number}", weight_grams=-1 if number == 77 else 1)
                for number in range(100)
            ]
        ),
        "return_items[77].weight_grams",
        "-1",
        "0 to 1,000,000",
    ),
    "GeoJSON of a point": (
        lambda: network.UpsertServiceAreaRequest(
            service_area=network_pb2.ServiceArea(
                service_area_id="a1", geojson='{"type":"Point","coordinates":[0,0]}'
            )
        ),
        "service_area.geojson",
        "Point",
        "a GeoJSON Polygon or MultiPolygon",
    ),
    "page size negative": (
        lambda: returns.ListReturnsRequest(page_size=-1),
        "page_size",
        "-1",
        "0 or more",
    ),
    "page token made up": (
        lambda: demands.ListDemandsRequest(page_token="AAAA"),  # noqa: S106 - of a page
        "page_token",
        "'AAAA'",
        "empty, or as an answer",
    ),
    "neither return nor decision": (
        explain.ExplainDecisionRequest,
        "subject",
        "none of them",
        "exactly one of return_id, decision_id",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_bad_input_is_named_and_nothing_is_stored(
    untouched_api: Api, case: tuple[Callable[[], Any], str, str, str]
):
    """Each fault alone gives INVALID_ARGUMENT with its field, value and range."""
    request, field, value, accepted = case
    with pytest.raises(ApiError) as refused:
        await untouched_api(request())
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(refused.value.violations) == [field]
    got, _, wanted = refused.value.violations[field].partition("; accepted: ")
    assert got.startswith("got ")
    assert value in got
    assert accepted in wanted
    assert refused.value.info.metadata["field"] == field
    assert not any((await untouched_api.stored_counts()).values())


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"\x0a\xff\xff\xff\xff\x0f",
        demands.UpsertDemandRequest(demand=demand()).SerializeToString()[:-1],
        b"\x0a\x03\x0a\x01\xff",
    ],
    ids=["half a tag", "length past the end", "cut off", "no UTF-8"],
)
async def test_malformed_bytes_are_named_without_our_classes(
    untouched_api: Api, raw: bytes
):
    """Bytes that are no message are the caller's fault, not UNKNOWN or INTERNAL."""
    with pytest.raises(ApiError) as refused:
        await untouched_api.raw(demands.UpsertDemandRequest, raw)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.violations == {
        "message": f"got {len(raw)} bytes; accepted: an encoded "
        "nearturn.v1.UpsertDemandRequest"
    }
    assert "DecodeError" not in str(refused.value.status)
    assert not any((await untouched_api.stored_counts()).values())


async def test_one_bad_item_refuses_its_whole_batch(untouched_api: Api):
    """Of a thousand good demands and one bad one, none is stored: all or none."""
    batch = [demand(f"d{number}") for number in range(1_000)]
    batch.append(demand("bad", quantity=-1))
    with pytest.raises(ApiError) as refused:
        await untouched_api(demands.BatchUpsertDemandsRequest(demands=batch))
    assert list(refused.value.violations) == ["demands[1000].quantity"]
    assert not any((await untouched_api.stored_counts()).values())


async def test_all_faults_of_a_request_come_at_once(untouched_api: Api):
    """Three faults, three violations: nobody mends one field per attempt."""
    wrong = demand(sku="", quantity=-1, location=_place(91, 540))
    with pytest.raises(ApiError) as refused:
        await untouched_api(demands.UpsertDemandRequest(demand=wrong))
    assert set(refused.value.violations) == {
        "demand.sku",
        "demand.quantity",
        "demand.location.latitude",
        "demand.location.longitude",
    }


async def test_a_flood_of_faults_still_arrives(untouched_api: Api):
    """
    A batch of faults is INVALID_ARGUMENT, its list cut to what trailers can carry.

    500 items with four faults each: as much as 2,000 violations, where gRPC clients
    take 8 KiB of trailers and would else answer RESOURCE_EXHAUSTED by themselves.
    """
    wrong = [
        demand("\x00" * 100, sku="\U0001f600" * 129, category="\x07", quantity=-1)
        for _ in range(500)
    ]
    with pytest.raises(ApiError) as refused:
        await untouched_api(demands.BatchUpsertDemandsRequest(demands=wrong))
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.info.metadata["violation_count"] == "100"
    assert 4 <= len(refused.value.violations) < 100
