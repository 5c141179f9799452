"""MatchService and etags: extensions, labels, releases of many, who was overtaken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from nearturn.v1 import decision_pb2, match_label_pb2
from nearturn.v1 import demand_service_pb2 as demands
from nearturn.v1 import match_service_pb2 as pb
from nearturn.v1 import network_service_pb2 as network
from nearturn.v1 import policy_service_pb2 as policies
from nearturn.v1 import return_service_pb2 as returns
from tests.contract.api_target import Api, ApiError, HandClock
from tests.contract.messages import (
    activate,
    activation,
    demand,
    drop_off_point,
    return_item,
    submit,
    timestamp,
    upsert,
    verification,
    warehouse,
)
from tests.scenarios import HOUR_US, MINUTE_US, NOW_US, service_area

REQUESTED = match_label_pb2.LABEL_STATE_REQUESTED
ISSUED = match_label_pb2.LABEL_STATE_ISSUED
VOIDED = match_label_pb2.LABEL_STATE_VOIDED
SUPERSEDED = match_label_pb2.LABEL_STATE_SUPERSEDED


async def _held(api: Api) -> Any:
    await activate(api)
    await upsert(api, demand("d1", 1_000))
    await submit(api, return_item("r1"))
    await api(pb.RunRoundRequest())
    return (await api(returns.GetReturnRequest(return_id="r1"))).decision.match


async def _refused(api: Api, request: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await api(request)
    return refused.value


async def _labelled(api: Api, match: Any, label_id: str, state: Any) -> Any:
    request = pb.RecordLabelRequest(
        match_id=match.match_id, label_id=label_id, state=state
    )
    return (await api(request)).match


async def test_a_hold_is_extended_once(api: Api, clock: HandClock):
    """By half an hour to 90 minutes; the second time names what stands in the way."""
    match = await _held(api)
    clock.now_us += MINUTE_US
    request = pb.ExtendMatchRequest(
        match_id=match.match_id, extension=Duration(seconds=1_800), etag=match.etag
    )
    longer = (await api(request)).match
    assert longer.hold_expire_time == timestamp(NOW_US + HOUR_US * 3 // 2)
    assert longer.extend_time == timestamp(NOW_US + MINUTE_US)
    assert longer.etag != match.etag
    assert (await api(pb.GetMatchRequest(match_id=match.match_id))).match == longer
    again = await _refused(api, pb.ExtendMatchRequest(match_id=match.match_id))
    assert again.code is grpc.StatusCode.FAILED_PRECONDITION
    assert again.info.metadata["move"] == "extending"
    assert again.info.metadata["state"].startswith("extended at")
    clock.now_us = NOW_US + HOUR_US * 3 // 2
    late = await _refused(api, pb.ConfirmMatchRequest(match_id=match.match_id))
    assert late.info.metadata["state"] == "EXPIRED"


async def test_an_extension_has_its_range(api: Api):
    """The policy's hold time is an hour: more, or nothing, names the field."""
    match = await _held(api)
    for seconds in (0, 3_601):
        request = pb.ExtendMatchRequest(
            match_id=match.match_id, extension=Duration(seconds=seconds)
        )
        error = await _refused(api, request)
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert list(error.violations) == ["extension"]
    error = await _refused(
        api,
        pb.ExtendMatchRequest(match_id=match.match_id, extension=Duration(nanos=1)),
    )
    assert "1 us, nanoseconds being cut off, to 1 h" in error.violations["extension"]


async def test_labels_are_kept_with_their_match(api: Api):
    """Requested, issued, superseded; read back with the match and with the return."""
    match = await _held(api)
    await _labelled(api, match, "l1", REQUESTED)
    await _labelled(api, match, "l1", ISSUED)
    found = await _labelled(api, match, "l2", ISSUED)
    assert [(each.label_id, each.state) for each in found.labels] == [
        ("l1", SUPERSEDED),
        ("l2", ISSUED),
    ]
    assert [each.must_void for each in found.labels] == [True, False]
    read = (await api(returns.GetReturnRequest(return_id="r1"))).decision.match
    assert read == found
    told = await _labelled(api, match, "l1", VOIDED)
    assert not any(each.must_void for each in told.labels)
    assert await _labelled(api, match, "l1", VOIDED) == told


async def test_another_route_says_which_labels_to_void(api: Api):
    """To whoever releases the match, and to whoever watches decisions (R11)."""
    match = await _held(api)
    await _labelled(api, match, "l1", ISSUED)
    released = await api(pb.ReleaseMatchRequest(match_id=match.match_id))
    (label,) = released.match.labels
    assert (label.state, label.must_void) == (VOIDED, True)
    assert list(released.decision.void_label_ids) == ["l1"]
    watching = api.stream(pb.WatchDecisionsRequest(stop_at_end=True))
    last = [each async for each in watching][-1]
    assert last.decision == released.decision
    late = pb.RecordLabelRequest(match_id=match.match_id, label_id="l2", state=ISSUED)
    error = await _refused(api, late)
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION
    assert error.info.metadata["state"] == "RELEASED"


async def test_a_label_state_of_the_engines_own_is_refused(api: Api):
    """Nobody says SUPERSEDED: the schema names what may be said."""
    match = await _held(api)
    for state in (SUPERSEDED, match_label_pb2.LABEL_STATE_UNSPECIFIED):
        request = pb.RecordLabelRequest(
            match_id=match.match_id, label_id="l1", state=state
        )
        error = await _refused(api, request)
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert list(error.violations) == ["state"]
        assert "LABEL_STATE_VOIDED" in error.violations["state"]
        assert "SUPERSEDED" not in error.violations["state"]


async def test_matches_are_released_together(api: Api):
    """Three units of d1, two at a time, then the rest; a round by its id."""
    await activate(api)
    await upsert(api, demand("d1", quantity=3), demand("d2", sku="coat"))
    await submit(api, *(return_item(f"r{number}") for number in range(3)))
    await submit(api, return_item("r3", sku="coat"))
    made = (await api(pb.RunRoundRequest())).round
    request = pb.ReleaseMatchesRequest(demand_id="d1", match_count_max=2)
    first = await api(request)
    found = [each.match.return_id for each in first.released_matches]
    assert (found, first.remaining_count) == (["r0", "r1"], 1)
    for each in first.released_matches:
        assert each.match.hold_state == decision_pb2.HOLD_STATE_RELEASED
        assert each.decision.outcome == decision_pb2.OUTCOME_WAITING
    second = await api(request)
    assert (len(second.released_matches), second.remaining_count) == (1, 0)
    rest = await api(pb.ReleaseMatchesRequest(round_id=made.round_id))
    assert [each.match.demand_id for each in rest.released_matches] == ["d2"]
    for nothing_left in ({"round_id": made.round_id}, {"demand_id": "d2"}):
        empty = await api(pb.ReleaseMatchesRequest(**nothing_left))
        assert empty == pb.ReleaseMatchesResponse()


@pytest.mark.parametrize("round_id", ["r-000000000002", "r-1", "1", "r-٣", "r-"])
async def test_a_release_of_an_unknown_round_is_not_found(api: Api, round_id: str):
    """An id that no round had, or the number of one in another form."""
    await activate(api)
    await api(pb.RunRoundRequest())
    error = await _refused(api, pb.ReleaseMatchesRequest(round_id=round_id))
    assert error.code is grpc.StatusCode.NOT_FOUND
    assert str(error) == f"round {round_id!r} does not exist"


async def test_a_release_of_an_unknown_demand_is_not_found(api: Api):
    """Named in the error; one that holds nothing, cancelled even, is no error."""
    await activate(api)
    await upsert(api, demand("d1"))
    await api(demands.CancelDemandRequest(demand_id="d1"))
    answer = await api(pb.ReleaseMatchesRequest(demand_id="d1"))
    assert answer == pb.ReleaseMatchesResponse()
    error = await _refused(api, pb.ReleaseMatchesRequest(demand_id="d2"))
    assert error.code is grpc.StatusCode.NOT_FOUND
    assert str(error) == "demand 'd2' does not exist"


async def test_a_release_of_many_names_whose(api: Api):
    """Neither round nor demand would be everything: refused."""
    error = await _refused(api, pb.ReleaseMatchesRequest())
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(error.violations) == ["holder"]


async def test_an_unknown_match_is_not_found(api: Api):
    """Read, extended or labelled, a match that was never made is NOT_FOUND."""
    for request in (
        pb.GetMatchRequest(match_id="m-9"),
        pb.ExtendMatchRequest(match_id="m-9"),
        pb.RecordLabelRequest(match_id="m-9", label_id="l1", state=ISSUED),
    ):
        assert (await _refused(api, request)).code is grpc.StatusCode.NOT_FOUND


async def test_a_round_tells_who_was_overtaken(api: Api, clock: HandClock):
    """
    One unit at 1,000 m of the younger item and 3,000 m of the older one.

    The younger saves more and gets it; the older has waited 10 minutes by then.
    """
    await activate(api)
    await submit(api, return_item("older", -2_000))
    clock.now_us += 10 * MINUTE_US
    await submit(api, return_item("younger"))
    await upsert(api, demand("d1", 1_000))
    made = (await api(pb.RunRoundRequest())).round
    assert (made.matched_count, made.overtaken_count) == (1, 1)
    assert made.longest_overtaken_wait == Duration(seconds=600)
    older = await api(returns.GetReturnRequest(return_id="older"))
    assert older.decision.outcome == decision_pb2.OUTCOME_WAITING
    quiet = (await api(pb.RunRoundRequest())).round
    assert quiet.overtaken_count == 0
    assert not quiet.HasField("longest_overtaken_wait")


# --- Etags ----------------------------------------------------------------------


def _area(etag: str) -> Any:
    box = service_area("a1")
    return network.UpsertServiceAreaRequest(
        service_area={"service_area_id": "a1", "geojson": box.geojson, "etag": etag}
    )


def _activation(etag: str) -> Any:
    request = activation(1)
    request.etag = etag
    return request


# Each change, by the etag that it is guarded with.
CHANGES: dict[str, Callable[[str], Any]] = {
    "UpsertDemand": lambda etag: demands.UpsertDemandRequest(
        demand=demand("d1", quantity=2, etag=etag)
    ),
    "CancelDemand": lambda etag: demands.CancelDemandRequest(demand_id="d1", etag=etag),
    "CancelReturn": lambda etag: returns.CancelReturnRequest(return_id="r1", etag=etag),
    "RecordVerification": lambda etag: returns.RecordVerificationRequest(
        return_id="r1", verification=verification(evidence_id="e2"), etag=etag
    ),
    "UpsertWarehouse": lambda etag: network.UpsertWarehouseRequest(
        warehouse=warehouse("w1", daily_capacity=5, etag=etag)
    ),
    "DeleteWarehouse": lambda etag: network.DeleteWarehouseRequest(
        warehouse_id="w1", etag=etag
    ),
    "UpsertServiceArea": _area,
    "DeleteServiceArea": lambda etag: network.DeleteServiceAreaRequest(
        service_area_id="a1", etag=etag
    ),
    "UpsertDropOffPoint": lambda etag: network.UpsertDropOffPointRequest(
        drop_off_point=drop_off_point("p1", name="Kiosk", etag=etag)
    ),
    "DeleteDropOffPoint": lambda etag: network.DeleteDropOffPointRequest(
        drop_off_point_id="p1", etag=etag
    ),
    "ActivatePolicy": _activation,
    "RollbackPolicy": lambda etag: policies.RollbackPolicyRequest(
        note="complaints", etag=etag
    ),
    "PauseProgram": lambda etag: policies.PauseProgramRequest(note="audit", etag=etag),
    "ResumeProgram": lambda etag: policies.ResumeProgramRequest(etag=etag),
}


async def _etags(api: Api) -> dict[str, str]:
    stored = (await api(demands.GetDemandRequest(demand_id="d1"))).demand.etag
    item = (await api(returns.GetReturnRequest(return_id="r1"))).return_item.etag
    (store,) = (await api(network.ListWarehousesRequest())).warehouses
    (area,) = (await api(network.ListServiceAreasRequest())).service_areas
    (point,) = (await api(network.ListDropOffPointsRequest())).drop_off_points
    program = (await api(policies.GetProgramRequest())).program.etag
    return {
        "Demand": stored,
        "Return": item,
        "Verification": item,
        "Warehouse": store.etag,
        "ServiceArea": area.etag,
        "DropOffPoint": point.etag,
        "Policy": program,
        "Program": program,
    }


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_guarded_by_its_etag(api: Api, name: str):
    """A stale one is ABORTED with both etags; the one read last goes through."""
    await activate(api)
    await activate(api)
    await upsert(api, demand("d1"))
    await submit(api, return_item("r1"))
    await api(network.UpsertWarehouseRequest(warehouse=warehouse("w1")))
    await api(_area(""))
    await api(network.UpsertDropOffPointRequest(drop_off_point=drop_off_point("p1")))
    entity = next(each for each in await _etags(api) if name.endswith(each))
    current = (await _etags(api))[entity]
    error = await _refused(api, CHANGES[name]("stale"))
    assert error.code is grpc.StatusCode.ABORTED
    assert error.info.metadata["current_etag"] == current
    assert (await _etags(api))[entity] == current
    await api(CHANGES[name](current))
