"""Documents: exact there and back, tolerant of other versions, strict on damage."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.demand import Demand, DemandState
from matcher.domain.ids import (
    DecisionId,
    DemandId,
    MatchId,
    ReturnId,
    RoundId,
    ServiceAreaId,
    WarehouseId,
)
from matcher.domain.item import Condition
from matcher.domain.latlng import LatLng
from matcher.domain.match import HoldState, Match
from matcher.domain.policy import CostModel, Policy, PolicyState
from matcher.domain.reason import Reason, ReasonCode
from matcher.domain.return_item import ReturnItem, ReturnState
from matcher.domain.shadow import ShadowState
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.records import (
    DemandRecord,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
)
from matcher.engine.shadow_records import ShadowRecord
from server.storage import codec
from server.storage.codec import DocumentCodec, StoredDocumentError
from tests.contract.store import rows

# Documents as the first version wrote them, with the fields that have no default,
# and what they mean. They must be readable for ever.
_HOME = '"location":{"lat":1.5,"lng":-2.5}'
OLD_DOCUMENTS: tuple[tuple[DocumentCodec[Any], str, object], ...] = (
    (
        codec.DEMANDS,
        '{"demand":{"demand_id":"d1",' + _HOME + ',"sku":"s","category":"c",'
        '"quantity":2,"ship_by_us":3,"min_condition":4},"state":1,"held_count":5,'
        '"fulfilled_count":6,"version":7,"created_us":8,"updated_us":9}',
        DemandRecord(
            Demand(
                DemandId("d1"), LatLng(1.5, -2.5), "s", "c", 2, 3, Condition.LIKE_NEW
            ),
            *(DemandState.OPEN, 5, 6, 7, 8, 9),
        ),
    ),
    (
        codec.RETURNS,
        '{"item":{"return_id":"r1","order_id":"o","customer_id":"k",' + _HOME + ","
        '"sku":"s","category":"c","decide_by_us":1},"state":2,"payload_hash":"h",'
        '"version":3,"created_us":4,"updated_us":5,"decision_id":"d-6","outcome":2,'
        '"reason_codes":[2,52]}',
        ReturnRecord(
            ReturnItem(ReturnId("r1"), "o", "k", LatLng(1.5, -2.5), "s", "c", 1),
            *(ReturnState.MATCHED, "h", 3, 4, 5, DecisionId("d-6"), Outcome.WAITING),
            (ReasonCode.AWAITING_ROUND, ReasonCode.DEMAND_NEEDS_BETTER_CONDITION),
        ),
    ),
    (
        codec.MATCHES,
        (
            '{"match_id":"m-1","return_id":"r1","demand_id":"d1","distance_m":1,'
            '"match_cost_micros":2,"fallback_cost_micros":3,"saving_micros":4,'
            '"hold_state":2,"hold_expire_us":5,"round_id":"r-6","policy_version":7}'
        ),
        Match(
            *(MatchId("m-1"), ReturnId("r1"), DemandId("d1"), 1, 2, 3, 4),
            *(HoldState.CONFIRMED, 5, RoundId("r-6"), 7),
        ),
    ),
    (
        codec.DECISIONS,
        (
            '{"decision_id":"d-1","return_id":"r1","outcome":2,'
            '"reasons":[{"code":2,"text":"It waits."}],"checks":[],"fallback":'
            '{"warehouse_id":"","distance_m":1,"cost_micros":2},"policy_version":3,'
            '"decided_us":4}'
        ),
        Decision(
            *(DecisionId("d-1"), ReturnId("r1"), Outcome.WAITING),
            (Reason(ReasonCode.AWAITING_ROUND, "It waits."),),
            *((), WarehouseRoute(WarehouseId(""), 1, 2), 3, 4),
        ),
    ),
    (
        codec.POLICIES,
        (
            '{"policy":{"version":1,"owner":"o","currency_code":"EUR","categories":[],'
            '"rollout_basis_points":2,"hold_duration_us":3,"cost_model":{}},"state":1,'
            '"created_us":4}'
        ),
        PolicyRecord(
            Policy(1, "o", "EUR", (), 2, 3, CostModel()), PolicyState.CREATED, 4
        ),
    ),
    (
        codec.WAREHOUSES,
        '{"warehouse_id":"w1",' + _HOME + ',"daily_capacity":1}',
        Warehouse(WarehouseId("w1"), LatLng(1.5, -2.5), 1),
    ),
    (
        codec.SERVICE_AREAS,
        '{"service_area_id":"a1","geojson":"{}"}',
        ServiceArea(ServiceAreaId("a1"), "{}"),
    ),
    (
        codec.ROUNDS,
        (
            '{"round_id":"r-1","policy_version":1,"started_us":2,"return_count":3,'
            '"demand_count":4,"candidate_count":5,"matched_count":6,"waiting_count":7,'
            '"warehouse_count":8,"dropped_count":9,"distance_sum_m":10,'
            '"saving_micros":11,"dual_micros":12,"verified":true,'
            '"reason_counts":[[50,13]]}'
        ),
        RoundRecord(
            *(RoundId("r-1"), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, True),
            ((ReasonCode.NO_DEMAND, 13),),
        ),
    ),
    (
        codec.SHADOWS,
        (
            '{"return_id":"r1","category":"c","policy_version":1,"kept_out":36,'
            '"decision_id":"d-2","since_us":3,"until_us":4,"state":1}'
        ),
        ShadowRecord(
            *(ReturnId("r1"), "c", 1, ReasonCode.NOT_IN_ROLLOUT, DecisionId("d-2")),
            *(3, 4, ShadowState.OPEN),
        ),
    ),
)

FULL_ROWS: tuple[tuple[DocumentCodec[Any], object], ...] = (
    (codec.DEMANDS, rows.demand_row()),
    (codec.RETURNS, rows.return_row()),
    (codec.MATCHES, rows.match_row()),
    (codec.DECISIONS, rows.decision_row()),
    (codec.POLICIES, rows.policy_row()),
    (codec.WAREHOUSES, rows.warehouse_row()),
    (codec.SERVICE_AREAS, rows.service_area_row()),
    (codec.ROUNDS, rows.round_row(proof=b"")),
    (codec.SHADOWS, rows.shadow_row()),
)


def _name(value: object) -> str:
    return type(value).__name__ if not isinstance(value, str) else ""


@pytest.mark.parametrize(("kind", "document", "meant"), OLD_DOCUMENTS, ids=_name)
def test_old_document_is_read(
    kind: DocumentCodec[Any], document: str, meant: object
) -> None:
    """A literal document without any later field takes the defaults of these."""
    assert repr(kind.decode(document)) == repr(meant)


@pytest.mark.parametrize(("kind", "document", "meant"), OLD_DOCUMENTS, ids=_name)
def test_unknown_field_is_ignored(
    kind: DocumentCodec[Any], document: str, meant: object
) -> None:
    """A field of a later version, of any shape, does not stop the reading."""
    later = document[:-1] + ',"later":{"a":[null,1e300,"x"]}}'
    assert kind.decode(later) == meant


@pytest.mark.parametrize(("kind", "value"), FULL_ROWS, ids=_name)
def test_full_row_comes_back(kind: DocumentCodec[Any], value: object) -> None:
    """Every field away from its default survives, to the letter of its repr."""
    document = kind.encode(value)
    assert repr(kind.decode(document)) == repr(value)
    assert "\n" not in document


@given(
    st.floats(-90, 90, allow_nan=False),
    st.floats(-180, 180, allow_nan=False),
)
@example(-0.0, 0.0)
@example(5e-324, -math.nextafter(180, 0))
@example(0.1 + 0.2, 89.99999999999999)
def test_places_come_back_to_the_bit(lat: float, lng: float) -> None:
    """The 64 bits of a degree are the same after a round trip, -0.0 included."""
    row = rows.warehouse_row(location=LatLng(lat, lng))
    found = codec.WAREHOUSES.decode(codec.WAREHOUSES.encode(row)).location
    assert struct.pack("2d", found.lat, found.lng) == struct.pack("2d", lat, lng)


@given(st.integers(rows.INT64_MIN, rows.INT64_MAX))
@example(rows.INT64_MIN)
@example(rows.INT64_MAX)
@example(2**53 + 1)
def test_integers_come_back_exactly(number: int) -> None:
    """No number takes the way over a float, which ends at 2^53."""
    row = rows.match_row(saving_micros=number)
    assert codec.MATCHES.decode(codec.MATCHES.encode(row)).saving_micros == number


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example('"\\\u2028\x7f\U0001f9e5')
def test_texts_come_back(text: str) -> None:
    """Any text but lone surrogates, which the border refuses, survives."""
    row = rows.service_area_row(geojson=text)
    assert codec.SERVICE_AREAS.decode(codec.SERVICE_AREAS.encode(row)) == row


def test_enums_are_numbers() -> None:
    """A name may change, its number never: the number is what is stored."""
    assert '"hold_state":1,' in codec.MATCHES.encode(rows.match_row())
    document = codec.RETURNS.encode(rows.return_row())
    assert '"reason_codes":[82,2]' in document
    found = codec.RETURNS.decode(document)
    assert [type(code) for code in found.reason_codes] == [ReasonCode, ReasonCode]


def test_derived_values_are_not_stored() -> None:
    """A policy keeps look-ups beside its fields; its document has the fields only."""
    used = rows.policy_row()
    unused = replace(used, policy=replace(used.policy))
    assert vars(used.policy) != vars(unused.policy)
    assert codec.POLICIES.encode(used) == codec.POLICIES.encode(unused)


@given(st.lists(st.text(max_size=5), max_size=4))
@example(["\n", "\r\n", "\u2028", '"\n"'])
def test_many_documents_are_those_of_each(texts: list[str]) -> None:
    """Cut apart where a line ends, which no text has in it as it is written."""
    values = [replace(rows.decision_row(), round_id=RoundId(text)) for text in texts]
    documents = [codec.DECISIONS.encode(value) for value in values]
    assert codec.DECISIONS.encode_all(values) == documents


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{}",
        "null",
        "{",
        '{"state":77',
        '"quantity":0,',
        '"lat":null,',
        '"sku":"",',
        '"version":"3"',
        '"version":3.5',
    ],
)
def test_damage_is_told_with_its_id(damaged: str) -> None:
    """What no version wrote is refused: broken JSON, enums, ranges, types."""
    document = codec.DEMANDS.encode(rows.demand_row())
    field = damaged.partition(":")[0]
    if field and ":" in damaged:
        start = document.index(field.removeprefix("{"))
        end = document.index(",", start)
        document = document[:start] + damaged.strip("{,") + document[end:]
    else:
        document = damaged
    with pytest.raises(StoredDocumentError, match="stored DemandRecord") as caught:
        codec.DEMANDS.decode(document)
    assert "shirt" not in str(caught.value)
    assert ("d1" in str(caught.value)) == (":" in damaged)


def test_broken_invariant_is_told() -> None:
    """A decision without a reason breaks an assertion of the domain: refused."""
    document = codec.DECISIONS.encode(rows.decision_row())
    start, end = document.index('"reasons":['), document.index('"checks"')
    document = document[:start] + '"reasons":[],' + document[end:]
    with pytest.raises(StoredDocumentError, match="d-000000000001"):
        codec.DECISIONS.decode(document)
