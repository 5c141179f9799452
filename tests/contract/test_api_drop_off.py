"""NetworkService and ExplainService: where a parcel may be left."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from nearturn.v1 import explain_service_pb2 as explain
from nearturn.v1 import justification_pb2
from nearturn.v1 import network_service_pb2 as pb
from nearturn.v1 import privacy_service_pb2 as privacy
from tests.contract.api_target import Api, ApiError
from tests.contract.messages import (
    activate,
    drop_off_point,
    policy,
    return_item,
    submit,
)


async def _store(api: Api, *points: object) -> None:
    for point in points:
        await api(pb.UpsertDropOffPointRequest(drop_off_point=point))


async def test_a_point_is_stored_changed_listed_and_deleted(api: Api):
    """The last word counts; pages go by id; what is gone is NOT_FOUND (R48)."""
    changed = drop_off_point("p1", opening_hours="always", has_extended_hours=True)
    await _store(api, drop_off_point("p2"), drop_off_point("p1"), changed)
    first = await api(pb.ListDropOffPointsRequest(page_size=1))
    (stored,) = first.drop_off_points
    changed.etag = stored.etag
    assert changed.etag
    assert stored == changed
    token = first.next_page_token
    second = await api(pb.ListDropOffPointsRequest(page_token=token))
    (other,) = second.drop_off_points
    assert other == drop_off_point("p2", etag=other.etag)
    await api(pb.DeleteDropOffPointRequest(drop_off_point_id="p1"))
    with pytest.raises(ApiError) as refused:
        await api(pb.DeleteDropOffPointRequest(drop_off_point_id="p1"))
    assert refused.value.code is grpc.StatusCode.NOT_FOUND


async def test_an_explanation_has_the_nearest_few(api: Api):
    """Three within 25 km, nearest first, in the customer's text as they are (R48)."""
    await _store(
        api,
        drop_off_point("far", 26_000.0, name="Far"),
        drop_off_point("c", 3_000.0, name="Post", opening_hours=""),
        drop_off_point("b", 700.0, name="Shop", has_extended_hours=True),
        drop_off_point("d", 4_000.0, name="Station"),
        drop_off_point("a", 700.0, name="Kiosk"),
    )
    await activate(api)
    await submit(api, return_item("r1", customer_consents=False))
    told = await api(explain.ExplainDecisionRequest(return_id="r1"))
    assert [
        (each.drop_off_point.drop_off_point_id, each.distance_m)
        for each in told.drop_off_points
    ] == [("a", 700), ("b", 700), ("c", 3_000)]
    assert (
        "You can leave the parcel here, among other places: "
        "Kiosk (700 m, Mo-Sa 8-20); Shop (700 m, Mo-Sa 8-20, extended hours); "
        "Post (3000 m)."
    ) in told.customer_text
    assert told.customer_text in told.customer_email.body
    german = await api(explain.ExplainDecisionRequest(return_id="r1", locale="de"))
    assert "Shop (700 m, Mo-Sa 8-20, erweiterte Öffnungszeiten)" in german.customer_text


async def test_only_where_there_is_data_and_use_for_it(api: Api):
    """Nothing stored, an item that waits, a place that is erased: none is told."""
    await activate(api)
    await submit(api, return_item("r1", customer_consents=False), return_item("r2"))
    question = explain.ExplainDecisionRequest(return_id="r1")
    bare = await api(question)
    assert not bare.drop_off_points
    assert "leave the parcel" not in bare.customer_text
    await _store(api, drop_off_point())
    assert len((await api(question)).drop_off_points) == 1
    waiting = await api(explain.ExplainDecisionRequest(return_id="r2"))
    assert not waiting.drop_off_points
    await api(privacy.ErasePersonalDataRequest(return_ids=["r1"]))
    after = await api(question)
    assert not after.drop_off_points
    assert after.customer_text == bare.customer_text


async def test_an_explanation_cites_its_rule(api: Api):
    """Who answers for the rule and why it is so, with the checks by it (R24)."""
    why = justification_pb2.Justification(
        rule_id="app-1", text="Easy to inspect.", owner="Kim", link="https://wiki/a"
    )
    document = policy(round_interval=Duration(seconds=60))
    document.categories[0].justification.CopyFrom(why)
    await activate(api, document)
    await submit(api, return_item("r1", customer_consents=False))
    told = await api(explain.ExplainDecisionRequest(return_id="r1"))
    assert told.rule_citation.category == "apparel"
    assert told.rule_citation.justification == why
    assert "condition_sufficient" in told.rule_citation.check_names
    assert "The rule for apparel is app-1, answered for by Kim" in told.summary
