"""NetworkService: warehouses and service areas."""

from __future__ import annotations

import json

import grpc
import pytest

from nearturn.v1 import decision_pb2, network_pb2
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import network_service_pb2 as pb
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api, ApiError
from tests.contract.messages import (
    activate,
    demand,
    return_item,
    submit,
    upsert,
    warehouse,
)
from tests.scenarios import service_area

REQUEST_ID = "8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11"


def _area(area_id: str = "a1") -> network_pb2.ServiceArea:
    box = service_area(area_id)
    return network_pb2.ServiceArea(service_area_id=area_id, geojson=box.geojson)


async def test_a_warehouse_is_stored_changed_listed_and_deleted(api: Api):
    """The last word counts, and after the deletion there is none."""
    await api(pb.UpsertWarehouseRequest(warehouse=warehouse("w1")))
    changed = warehouse("w1", daily_capacity=5, categories=["apparel"])
    stored = await api(pb.UpsertWarehouseRequest(warehouse=changed))
    changed.etag = stored.warehouse.etag
    assert changed.etag
    assert stored.warehouse == changed
    assert list((await api(pb.ListWarehousesRequest())).warehouses) == [changed]
    await api(pb.DeleteWarehouseRequest(warehouse_id="w1"))
    assert not (await api(pb.ListWarehousesRequest())).warehouses


async def test_warehouses_come_in_pages(api: Api):
    """Three warehouses in pages of two: by id, each once."""
    for each in ("w3", "w1", "w2"):
        await api(pb.UpsertWarehouseRequest(warehouse=warehouse(each)))
    first = await api(pb.ListWarehousesRequest(page_size=2))
    second = await api(pb.ListWarehousesRequest(page_token=first.next_page_token))
    assert [each.warehouse_id for each in first.warehouses] == ["w1", "w2"]
    assert [each.warehouse_id for each in second.warehouses] == ["w3"]


async def test_deleting_what_is_not_there_is_not_found(api: Api):
    """Neither a warehouse nor an area of that id: NOT_FOUND with its kind."""
    for request, kind in (
        (pb.DeleteWarehouseRequest(warehouse_id="w1"), "warehouse"),
        (pb.DeleteServiceAreaRequest(service_area_id="a1"), "service area"),
    ):
        with pytest.raises(ApiError) as refused:
            await api(request)
        assert refused.value.code is grpc.StatusCode.NOT_FOUND
        assert refused.value.status.message.startswith(f"{kind} ")


async def test_an_area_is_repeated_by_its_request_id(api: Api):
    """Area writes keep their first answers too; a deletion repeated is answered."""
    request = pb.UpsertServiceAreaRequest(service_area=_area(), request_id=REQUEST_ID)
    assert await api(request) == await api(request)
    gone = pb.DeleteServiceAreaRequest(
        service_area_id="a1", request_id="0b0e0a3e-50a7-4a3c-8f1c-8e2a4f2f7a10"
    )
    assert await api(gone) == await api(gone)
    assert not (await api(pb.ListServiceAreasRequest())).service_areas


async def test_nothing_is_matched_outside_the_areas(api: Api):
    """20 km east of a box 10 km wide: OUTSIDE_SERVICE_AREA; inside it, matched."""
    await activate(api)
    await api(pb.UpsertServiceAreaRequest(service_area=_area()))
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"), return_item("r2", 20_000))
    await api(matches.RunRoundRequest())
    inside = await api(returns.GetReturnRequest(return_id="r1"))
    outside = await api(returns.GetReturnRequest(return_id="r2"))
    assert inside.decision.outcome == decision_pb2.OUTCOME_MATCHED
    assert outside.decision.outcome == decision_pb2.OUTCOME_WAREHOUSE
    assert outside.decision.reasons[0].code == (
        decision_pb2.REASON_CODE_OUTSIDE_SERVICE_AREA
    )


async def test_pages_of_large_areas_fit_a_message(api: Api):
    """Five areas of 900 kB come a few at a time, all of them once."""
    # Spaces between tokens are as good as vertices for the size of a document.
    document = json.dumps(json.loads(_area().geojson)) + " " * 900_000
    for number in range(5):
        area = network_pb2.ServiceArea(service_area_id=f"a{number}", geojson=document)
        await api(pb.UpsertServiceAreaRequest(service_area=area))
    ids, token, pages = [], "", 0
    while True:
        page = await api(pb.ListServiceAreasRequest(page_token=token))
        assert page.ByteSize() < 4 * 1024 * 1024
        ids.extend(each.service_area_id for each in page.service_areas)
        token, pages = page.next_page_token, pages + 1
        if not token:
            break
    assert ids == ["a0", "a1", "a2", "a3", "a4"]
    assert pages == 2
