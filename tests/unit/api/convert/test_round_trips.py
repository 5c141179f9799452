"""What the domain says survives the contract, and the other way round."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.demand import Demand
from matcher.domain.demand_floor import DemandFloor
from matcher.domain.evidence import EvidenceThresholds
from matcher.domain.guardrail import Guardrail, GuardrailMetric
from matcher.domain.item import (
    Condition,
    Fact,
    ItemAttributes,
    ReturnReason,
    Verification,
    VerificationStatus,
)
from matcher.domain.justification import Justification
from matcher.domain.latlng import LatLng
from matcher.domain.mode import Mode
from matcher.domain.policy import (
    CategoryRule,
    CostModel,
    MatchKey,
    Policy,
    PolicyState,
    ZoneRate,
)
from matcher.domain.return_item import Channel, ReturnItem, ReturnPath, TransitState
from matcher.domain.warehouse import Warehouse
from matcher.engine.records import PolicyRecord
from nearturn.v1 import network_pb2
from server.api.convert.demand import from_open_demand, to_demand, to_latlng
from server.api.convert.network import (
    from_service_area,
    from_warehouse,
    to_service_area,
    to_warehouse,
)
from server.api.convert.policy import from_policy, to_policy
from server.api.convert.return_item import from_return_item, to_return_item
from tests.scenarios import NOW_US, service_area

# Every field differs from its default and from every other of its kind, so that one
# left out or swapped shows.
VERIFICATION = Verification(
    VerificationStatus.PASSED,
    "photo",
    "grader",
    "v3",
    "e-1",
    0.25,
    1_000_001,
    2_000_002,
)
ITEM = ReturnItem(
    return_id="r",  # type: ignore[arg-type]
    order_id="o",
    customer_id="c",
    location=LatLng(1.5, -2.5),
    sku="s",
    category="k",
    decide_by_us=NOW_US + 1,
    reason=ReturnReason.PREFERENCE,
    condition=Condition.GOOD,
    attributes=ItemAttributes(
        fragile=Fact.YES, regulated=Fact.NO, damaged=Fact.NO, end_of_season=Fact.YES
    ),
    verification=VERIFICATION,
    customer_consents=True,
    value_micros=10**15,
    channel=Channel.STORE,
    transit_state=TransitState.IN_TRANSIT,
    segment="g",
    order_return_count=3,
    preferred_path=ReturnPath.IN_STORE,
    weight_grams=1_000_000,
    refund_due_us=NOW_US + 2,
    season_end_us=NOW_US + 3,
)
DEMAND = Demand(
    demand_id="d",  # type: ignore[arg-type]
    location=LatLng(-90.0, 180.0),
    sku="s",
    category="k",
    quantity=1_000_000,
    ship_by_us=NOW_US + 1,
    min_condition=Condition.FAIR,
    accepts_returned_item=True,
    segment="g",
    priority=9,
)
WAREHOUSE = Warehouse(
    warehouse_id="w",  # type: ignore[arg-type]
    location=LatLng(3.5, 4.5),
    daily_capacity=7,
    categories=("b", "a"),
    inbound_base_micros=1,
    inbound_per_km_micros=2,
    processing_micros=3,
    outbound_base_micros=4,
    outbound_per_km_micros=5,
)
POLICY = Policy(
    version=0,
    owner="o",
    currency_code="EUR",
    categories=(
        CategoryRule(
            category="k",
            reasons=(ReturnReason.PREFERENCE, ReturnReason.FIT),
            min_condition=Condition.FAIR,
            min_confidence=0.75,
            verification_max_age_us=11,
            radius_m=500_000,
            match_key=MatchKey.CATEGORY,
            min_saving_micros=12,
            allow_custom_made=True,
            season_end_us=13,
            demand_floor=DemandFloor(259_200_000_000, 38, 39, 40),
            justification=Justification("j", "t", "w", "l"),
        ),
    ),
    rollout_basis_points=14,
    hold_duration_us=15,
    cost_model=CostModel(
        16, 17, (ZoneRate(18, 19, 20), ZoneRate(21, 22, 23)), 24, 25, 26
    ),
    description="d",
    segments=("y", "x"),
    rollout_salt="z",
    round_interval_us=27,
    round_size=28,
    handling_duration_us=29,
    allow_multi_item_returns=True,
    guardrails=(
        Guardrail("", GuardrailMetric.LOST_SHARE, 30, 31, 86_400_000_000),
        Guardrail("k", GuardrailMetric.HOLD_EXPIRED_SHARE, 32, 33, 172_800_000_000),
    ),
    evidence_thresholds=EvidenceThresholds(34, 35, 36, 37),
    mode=Mode.SHADOW,
)


def _left_alone(value: Any, bare: Any) -> list[str]:
    return [
        f.name for f in fields(value) if getattr(value, f.name) == getattr(bare, f.name)
    ]


def test_the_examples_leave_no_field_at_its_default():
    """The values above would show a field that conversion forgets."""
    item = ReturnItem("r2", "o2", "c2", LatLng(0, 0), "s2", "k2", 0)  # type: ignore[arg-type]
    assert not _left_alone(ITEM, item)
    bare = Demand("d2", LatLng(0, 0), "s2", "k2", 1, 0, Condition.NEW)  # type: ignore[arg-type]
    assert not _left_alone(DEMAND, bare)
    assert not _left_alone(WAREHOUSE, Warehouse("w2", LatLng(0, 0), 0))  # type: ignore[arg-type]
    assert not _left_alone(VERIFICATION, Verification(VerificationStatus.FAILED))


def test_entities_survive_the_contract():
    """Domain to message and back is the same value, for all that callers send."""
    assert to_return_item(from_return_item(ITEM)) == ITEM
    assert to_demand(from_open_demand(DEMAND)) == DEMAND
    assert to_warehouse(from_warehouse(WAREHOUSE)) == WAREHOUSE
    assert to_service_area(from_service_area(service_area())) == service_area()
    stored = PolicyRecord(POLICY, PolicyState.ACTIVE, NOW_US, NOW_US)
    assert to_policy(from_policy(stored)) == POLICY


def test_entities_survive_their_bytes():
    """The same through encoding and decoding, as on the wire."""
    message = from_return_item(ITEM)
    again = type(message).FromString(message.SerializeToString())
    assert to_return_item(again) == ITEM


def test_unknown_is_not_zero():
    """Unset evidence, confidence and times stay unknown, so that they fail closed."""
    bare = replace(ITEM, verification=None, refund_due_us=None, season_end_us=None)
    assert to_return_item(from_return_item(bare)) == bare
    unsure = Verification(VerificationStatus.PASSED, confidence=None)
    for confidence in (None, 0.0):
        item = replace(ITEM, verification=replace(unsure, confidence=confidence))
        found = to_return_item(from_return_item(item)).verification
        assert found is not None
        assert found.confidence == confidence
        assert found.verify_us is None


def test_an_unset_count_is_one_and_an_unset_saving_is_one():
    """What the contract says of zero: one item of the order, one micro at least."""
    message = from_return_item(ITEM)
    message.order_return_count = 0
    assert to_return_item(message).order_return_count == 1
    document = from_policy(PolicyRecord(POLICY, PolicyState.CREATED, NOW_US))
    document.categories[0].min_saving_micros = 0
    assert to_policy(document).categories[0].min_saving_micros == 1


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
)
def test_places_are_kept_exactly(lat: float, lng: float):
    """Every pair of degrees comes back bit for bit, but for the sign of zero."""
    warehouse = replace(WAREHOUSE, location=LatLng(lat, lng))
    message = network_pb2.Warehouse.FromString(
        from_warehouse(warehouse).SerializeToString()
    )
    assert to_warehouse(message).location == LatLng(lat, lng)
    found = to_latlng(message.location)
    assert "-0.0" not in (str(found.lat), str(found.lng))
