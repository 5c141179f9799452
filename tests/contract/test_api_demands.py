"""DemandService: store, read, list and cancel."""

from __future__ import annotations

import grpc
import pytest
from h3.api import basic_str as h3

from nearturn.v1 import demand_pb2
from nearturn.v1 import demand_service_pb2 as pb
from tests.contract.api_target import Api, ApiError
from tests.contract.messages import demand, timestamp, upsert
from tests.scenarios import NOW_US


async def test_a_stored_demand_is_read_back_as_it_was_said(api: Api):
    """All that the caller said comes back, with state, cell, etag and times."""
    said = demand("d1", 1_234.5, quantity=3, segment="gold", priority=2)
    stored = (await api(pb.UpsertDemandRequest(demand=said))).demand
    assert (await api(pb.GetDemandRequest(demand_id="d1"))).demand == stored
    expected = demand_pb2.Demand()
    expected.CopyFrom(said)
    expected.state = demand_pb2.DEMAND_STATE_OPEN
    expected.cell = h3.latlng_to_cell(
        said.location.latitude, said.location.longitude, 7
    )
    expected.etag = "1"
    expected.create_time.CopyFrom(timestamp(NOW_US))
    expected.update_time.CopyFrom(timestamp(NOW_US))
    assert stored == expected


async def test_output_only_fields_of_a_request_are_ignored(api: Api):
    """A caller can neither set a state nor count units: those are the engine's."""
    said = demand("d1", state=demand_pb2.DEMAND_STATE_CANCELLED, held_count=1)
    stored = (await api(pb.UpsertDemandRequest(demand=said))).demand
    assert (stored.state, stored.held_count) == (demand_pb2.DEMAND_STATE_OPEN, 0)


async def test_a_stale_etag_is_aborted(api: Api):
    """Who changes what somebody else changed meanwhile is told, and nothing moves."""
    first = (await api(pb.UpsertDemandRequest(demand=demand("d1")))).demand
    await api(pb.UpsertDemandRequest(demand=demand("d1", quantity=2)))
    with pytest.raises(ApiError) as refused:
        await api(
            pb.UpsertDemandRequest(demand=demand("d1", quantity=9, etag=first.etag))
        )
    assert refused.value.code is grpc.StatusCode.ABORTED
    assert refused.value.info.reason == "VERSION_MISMATCH"
    assert dict(refused.value.info.metadata) == {
        "kind": "demand",
        "id": "d1",
        "current_etag": "2",
        "received_etag": "1",
    }
    stored = (await api(pb.GetDemandRequest(demand_id="d1"))).demand
    assert stored.quantity == 2


async def test_an_unknown_demand_is_not_found(api: Api):
    """A look-up of nothing names the kind and the id."""
    with pytest.raises(ApiError) as refused:
        await api(pb.GetDemandRequest(demand_id="nobody"))
    assert refused.value.code is grpc.StatusCode.NOT_FOUND
    assert refused.value.info.reason == "NOT_FOUND"
    assert "'nobody'" in refused.value.status.message


async def test_a_cancelled_demand_cannot_change(api: Api):
    """CANCELLED is final: a change is FAILED_PRECONDITION, cancelling again is not."""
    await upsert(api, demand("d1"))
    first = await api(pb.CancelDemandRequest(demand_id="d1"))
    assert first.demand.state == demand_pb2.DEMAND_STATE_CANCELLED
    assert await api(pb.CancelDemandRequest(demand_id="d1")) == first
    with pytest.raises(ApiError) as refused:
        await api(pb.UpsertDemandRequest(demand=demand("d1", quantity=2)))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.info.metadata["state"] == "CANCELLED"


async def test_batch_answers_stand_in_the_order_of_the_request(api: Api):
    """Ids out of order come back in the order in which they were sent."""
    ids = ["d3", "d1", "d2"]
    answer = await upsert(api, *(demand(each) for each in ids))
    assert [each.demand_id for each in answer.demands] == ids


async def test_pages_hold_all_demands_once(api: Api):
    """Five demands in pages of two are 2, 2 and 1, by id, and the last has no token."""
    await upsert(api, *(demand(f"d{number}") for number in (4, 2, 5, 1, 3)))
    pages, token = [], ""
    while True:
        page = await api(pb.ListDemandsRequest(page_size=2, page_token=token))
        pages.append([each.demand_id for each in page.demands])
        token = page.next_page_token
        if not token:
            break
    assert pages == [["d1", "d2"], ["d3", "d4"], ["d5"]]


async def test_a_full_last_page_ends_the_list(api: Api):
    """Two demands in a page of two leave nothing: no token to an empty page."""
    await upsert(api, demand("d1"), demand("d2"))
    assert not (await api(pb.ListDemandsRequest(page_size=2))).next_page_token


async def test_a_token_is_bound_to_its_filter(api: Api):
    """A token of the whole list is refused with a state, and one changed a bit too."""
    await upsert(api, demand("d1"), demand("d2"))
    token = (await api(pb.ListDemandsRequest(page_size=1))).next_page_token
    tampered = ("B" if token[0] != "B" else "C") + token[1:]
    for request in (
        pb.ListDemandsRequest(
            page_token=token, state=demand_pb2.DEMAND_STATE_OPEN, page_size=1
        ),
        pb.ListDemandsRequest(page_token=tampered),
    ):
        with pytest.raises(ApiError) as refused:
            await api(request)
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
        assert list(refused.value.violations) == ["page_token"]


async def test_lists_can_be_restricted_to_a_state(api: Api):
    """Of an open and a cancelled demand, each list has its own."""
    await upsert(api, demand("d1"), demand("d2"))
    await api(pb.CancelDemandRequest(demand_id="d1"))
    for state, expected in (
        (demand_pb2.DEMAND_STATE_OPEN, ["d2"]),
        (demand_pb2.DEMAND_STATE_CANCELLED, ["d1"]),
        (demand_pb2.DEMAND_STATE_UNSPECIFIED, ["d1", "d2"]),
    ):
        page = await api(pb.ListDemandsRequest(state=state))
        assert [each.demand_id for each in page.demands] == expected


async def test_ids_are_kept_byte_for_byte(api: Api):
    """Composed and decomposed letters are two ids; 128 characters of 4 bytes pass."""
    ids = ["\u00e9t\u00e9", "e\u0301te\u0301", "\U0001f600" * 128, "a b/c?d=\u4e2d"]
    await upsert(api, *(demand(each) for each in ids))
    for each in ids:
        found = await api(pb.GetDemandRequest(demand_id=each))
        assert found.demand.demand_id == each
