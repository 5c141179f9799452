"""Writing twice: by request id, by entity id, and what differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from matcher.domain.ids import MatchId
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import item_outcome_pb2, item_pb2, match_label_pb2
from nearturn.v1 import match_service_pb2 as matches
from nearturn.v1 import network_service_pb2 as network
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import privacy_service_pb2 as privacy
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import TENANT, Api, ApiError, HandClock, all_methods
from tests.contract.messages import (
    activate,
    activation,
    demand,
    drop_off_point,
    policy,
    return_item,
    submit,
    timestamp,
    upsert,
    verification,
    warehouse,
)
from tests.scenarios import NOW_US

REQUEST_ID = "8d1f3a52-6f0e-4c57-9a53-0d6d4f7b2c11"


async def _prepared(api: Api) -> str:
    # A held match, a second demand and a waiting item: something for every write.
    await activate(api)
    await activate(api)
    await upsert(api, demand("d1"))
    await submit(api, return_item("r1"))
    await api(matches.RunRoundRequest())
    await upsert(api, demand("d2", quantity=5, sku="coat"))
    damaged = return_item("r3")
    damaged.attributes.damaged = item_pb2.FACT_YES
    await submit(api, return_item("r2", sku="hat"), damaged)
    await submit(api, return_item("r4", customer_consents=False))
    await api(network.UpsertWarehouseRequest(warehouse=warehouse("gone")))
    gone = drop_off_point("gone")
    await api(network.UpsertDropOffPointRequest(drop_off_point=gone))
    held = await api(returns.GetReturnRequest(return_id="r1"))
    match_id: str = held.decision.match.match_id
    return match_id


WRITES: dict[str, Callable[[str], Any]] = {
    "UpsertDemand": lambda _: demands.UpsertDemandRequest(demand=demand("n1")),
    "BatchUpsertDemands": lambda _: demands.BatchUpsertDemandsRequest(
        demands=[demand("n1"), demand("n2")]
    ),
    "CancelDemand": lambda _: demands.CancelDemandRequest(demand_id="d2"),
    "SubmitReturn": lambda _: returns.SubmitReturnRequest(
        return_item=return_item("n1")
    ),
    "BatchSubmitReturns": lambda _: returns.BatchSubmitReturnsRequest(
        return_items=[return_item("n1")]
    ),
    "RecordVerification": lambda _: returns.RecordVerificationRequest(
        return_id="r2", verification=verification(evidence_id="evidence-2")
    ),
    "CancelReturn": lambda _: returns.CancelReturnRequest(return_id="r2"),
    "RunRound": lambda _: matches.RunRoundRequest(),
    "ConfirmMatch": lambda match: matches.ConfirmMatchRequest(match_id=match),
    "RecordOutcome": lambda _: matches.RecordOutcomeRequest(
        return_id="r3",
        outcome=item_outcome_pb2.ItemOutcome(
            arrival=item_outcome_pb2.ARRIVAL_ARRIVED, occurred_time=timestamp(NOW_US)
        ),
    ),
    "ExtendMatch": lambda match: matches.ExtendMatchRequest(match_id=match),
    "ReleaseMatches": lambda _: matches.ReleaseMatchesRequest(demand_id="d1"),
    "RecordLabel": lambda match: matches.RecordLabelRequest(
        match_id=match, label_id="l1", state=match_label_pb2.LABEL_STATE_ISSUED
    ),
    "ReleaseMatch": lambda match: matches.ReleaseMatchRequest(match_id=match),
    "CreatePolicy": lambda _: policies.CreatePolicyRequest(policy=policy()),
    "ActivatePolicy": lambda _: activation(1),
    "RollbackPolicy": lambda _: policies.RollbackPolicyRequest(note="complaints"),
    "PauseProgram": lambda _: policies.PauseProgramRequest(note="stock-taking"),
    "ResumeProgram": lambda _: policies.ResumeProgramRequest(category="shoes"),
    "UpsertWarehouse": lambda _: network.UpsertWarehouseRequest(warehouse=warehouse()),
    "DeleteWarehouse": lambda _: network.DeleteWarehouseRequest(warehouse_id="gone"),
    "UpsertDropOffPoint": lambda _: network.UpsertDropOffPointRequest(
        drop_off_point=drop_off_point()
    ),
    "DeleteDropOffPoint": lambda _: network.DeleteDropOffPointRequest(
        drop_off_point_id="gone"
    ),
    "ErasePersonalData": lambda _: privacy.ErasePersonalDataRequest(return_ids=["r3"]),
}


def test_every_write_is_covered():
    """Each method that takes a request id is tried below, but for those named here."""
    takes = {
        method.name
        for method in all_methods()
        if "request_id" in method.input_type.fields_by_name
    }
    # Tested by name: areas with the network, the stream with the returns.
    elsewhere = {"UpsertServiceArea", "DeleteServiceArea", "StreamReturns"}
    assert takes == set(WRITES) | elsewhere


@pytest.mark.parametrize("name", WRITES)
async def test_a_request_id_gives_the_first_answer_again(
    clock: HandClock, api: Api, name: str
):
    """The repetition is the same answer to the byte and changes nothing, whatever."""
    match_id = await _prepared(api)
    request = WRITES[name](match_id)
    request.request_id = REQUEST_ID
    first = await api(request)
    before = await _trace(api)
    clock.now_us += 1
    again = await api(request)
    assert again.SerializeToString() == first.SerializeToString()
    assert await _trace(api) == before


async def _trace(api: Api) -> Any:
    # All rows that a second execution would change or add.
    return await api.runtime.read(
        lambda store: (
            store.decisions_after(TENANT, 0, 100),
            store.list_policies(TENANT, after_version=0, limit=100),
            store.list_demands(TENANT, state=None, after_id="", limit=100),
            store.list_returns(TENANT, state=None, after_id="", limit=100),
            store.match(TENANT, MatchId("m-000000000001")),
        )
    )


async def _refused(call: Awaitable[Any]) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await call
    return refused.value


@pytest.mark.parametrize(
    "other",
    [
        demands.UpsertDemandRequest(demand=demand("d1", quantity=2)),
        demands.CancelDemandRequest(demand_id="d1"),
    ],
    ids=["other payload", "other method"],
)
async def test_a_request_id_is_for_one_request(api: Api, other: Any):
    """Reused for another payload or method it is INVALID_ARGUMENT with both hashes."""
    await api(demands.UpsertDemandRequest(demand=demand("d1"), request_id=REQUEST_ID))
    other.request_id = REQUEST_ID
    error = await _refused(api(other))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.info.reason == "REQUEST_REUSED"
    hashes = {error.info.metadata["stored_hash"], error.info.metadata["received_hash"]}
    assert len(hashes) == 2
    assert list(error.violations) == ["request_id"]
    stored = await api(demands.GetDemandRequest(demand_id="d1"))
    assert stored.demand.etag == "1"


async def test_a_refused_request_may_be_mended_under_its_id(api: Api):
    """An error keeps no answer: the mended request goes through with the same id."""
    request = demands.CancelDemandRequest(demand_id="d1", request_id=REQUEST_ID)
    assert (await _refused(api(request))).code is grpc.StatusCode.NOT_FOUND
    await upsert(api, demand("d1"))
    assert (await api(request)).demand.demand_id == "d1"


async def test_the_same_return_is_submitted_once(api: Api):
    """Without any request id, the same item again gives the stored one."""
    first = await api(returns.SubmitReturnRequest(return_item=return_item("r1")))
    again = await api(returns.SubmitReturnRequest(return_item=return_item("r1")))
    assert again == first


async def test_a_return_read_and_sent_back_is_the_same_one(api: Api):
    """
    What the server fills in or rounds is no other payload.

    State, times and etag are its own; an unset count of the order's items is read as
    1, minus zero as zero, and nanoseconds below a microsecond are cut.
    """
    said = return_item("r1")
    said.location.latitude = -0.0
    said.decide_by_time.nanos = 999
    first = await api(returns.SubmitReturnRequest(return_item=said))
    read = await api(returns.GetReturnRequest(return_id="r1"))
    assert read.return_item != said
    again = await api(returns.SubmitReturnRequest(return_item=read.return_item))
    assert again == first


async def test_a_return_id_with_another_payload_already_exists(api: Api):
    """The id is taken: ALREADY_EXISTS with both hashes, the stored item unchanged."""
    await submit(api, return_item("r1"))
    error = await _refused(
        api(returns.SubmitReturnRequest(return_item=return_item("r1", sku="coat")))
    )
    assert error.code is grpc.StatusCode.ALREADY_EXISTS
    assert error.info.reason == "ALREADY_EXISTS"
    hashes = {error.info.metadata["stored_hash"], error.info.metadata["received_hash"]}
    assert len(hashes) == 2
    stored = await api(returns.GetReturnRequest(return_id="r1"))
    assert stored.return_item.sku == "shirt"
