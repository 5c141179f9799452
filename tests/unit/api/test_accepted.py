"""Every rule of the schema has words, and they say what the rule says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration

from nearturn.buf.validate import validate_pb2
from nearturn.v1 import (
    demand_pb2,
    demand_service_pb2,
    item_pb2,
    network_pb2,
    policy_pb2,
    policy_service_pb2,
    return_item_pb2,
)
from server.api.accepted import (
    EXPRESSION_WORDS,
    accepted_by,
    accepted_by_oneof,
    seconds_text,
)
from server.api.registration import services

DEMAND = demand_pb2.Demand.DESCRIPTOR.fields_by_name
ITEM = return_item_pb2.ReturnItem.DESCRIPTOR.fields_by_name
RULE = policy_pb2.CategoryRule.DESCRIPTOR.fields_by_name


def _messages(kind: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    if kind.full_name in seen or not kind.full_name.startswith("nearturn."):
        return
    seen.add(kind.full_name)
    yield kind
    for field in kind.fields:
        if field.message_type is not None:
            yield from _messages(field.message_type, seen)


def _ruled_fields() -> list[FieldDescriptor]:
    seen: set[str] = set()
    return [
        field
        for service in services()
        for method in service.methods
        for kind in _messages(method.input_type, seen)
        for field in kind.fields
        if field.GetOptions().HasExtension(validate_pb2.field)
    ]


def test_every_rule_of_the_schema_has_words():
    """No rule falls back to nothing, to a pattern or to an expression's source."""
    fields = _ruled_fields()
    assert len(fields) > 80
    for field in fields:
        rules = field.GetOptions().Extensions[validate_pb2.field]
        texts = [accepted_by(field)]
        if rules.repeated.HasField("items"):
            texts.append(accepted_by(field, is_item=True))
        for text in texts:
            assert text
            assert text != "a value", field.full_name
            assert not set("^$\\[]{}") & set(text), field.full_name
        assert {each.id for each in rules.cel} <= set(EXPRESSION_WORDS)


@pytest.mark.parametrize(
    ("field", "is_item", "text"),
    [
        (DEMAND["demand_id"], False, "1 to 128 printable characters"),
        (DEMAND["segment"], False, "at most 128 printable characters"),
        (DEMAND["etag"], False, "at most 64 characters"),
        (DEMAND["quantity"], False, "1 to 1,000,000"),
        (DEMAND["location"], False, "a LatLng"),
        (ITEM["decide_by_time"], False, "a Timestamp"),
        (RULE["min_confidence"], False, "finite, 0 to 1"),
        (RULE["match_key"], False, "one of MATCH_KEY_SKU, MATCH_KEY_CATEGORY"),
        (RULE["verification_max_age"], False, "1 s to 315,360,000 s"),
        (RULE["reasons"], False, "1 to 16 items, each once"),
        (
            RULE["reasons"],
            True,
            (
                "one of RETURN_REASON_FIT, RETURN_REASON_PREFERENCE, "
                "RETURN_REASON_NO_LONGER_NEEDED, RETURN_REASON_WRONG_ITEM, "
                "RETURN_REASON_NOT_AS_DESCRIBED, RETURN_REASON_ARRIVED_LATE"
            ),
        ),
        (
            network_pb2.Warehouse.DESCRIPTOR.fields_by_name["categories"],
            False,
            "at most 1,000 items, each once",
        ),
        (
            network_pb2.Warehouse.DESCRIPTOR.fields_by_name["categories"],
            True,
            "1 to 128 printable characters",
        ),
        (
            network_pb2.ServiceArea.DESCRIPTOR.fields_by_name["geojson"],
            False,
            "1 to 1,000,000 bytes",
        ),
        (
            policy_pb2.Policy.DESCRIPTOR.fields_by_name["currency_code"],
            False,
            "three capital letters, as in ISO 4217",
        ),
        (
            policy_service_pb2.ActivatePolicyRequest.DESCRIPTOR.fields_by_name[
                "version"
            ],
            False,
            "1 or more",
        ),
        (
            demand_service_pb2.UpsertDemandRequest.DESCRIPTOR.fields_by_name[
                "request_id"
            ],
            False,
            "a UUID, such as 123e4567-e89b-42d3-a456-426614174000",
        ),
    ],
)
def test_words_say_what_the_rule_says(field: FieldDescriptor, is_item: bool, text: str):
    """Bounds, names and units as the schema has them, one example per kind of rule."""
    assert accepted_by(field, is_item=is_item) == text


def test_an_enum_without_refusals_lists_all_its_names():
    """Unspecified is accepted where no rule forbids it."""
    field = item_pb2.ItemAttributes.DESCRIPTOR.fields_by_name["fragile"]
    assert accepted_by(field) == "one of FACT_UNSPECIFIED, FACT_YES, FACT_NO"


def test_a_group_names_its_fields():
    """Who set neither learns which two there are."""
    assert accepted_by_oneof(["a_id", "b_id"]) == "exactly one of a_id, b_id"


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (0, 0, "0 s"),
        (-4, -500_000_000, "-4.5 s"),
        (0, -1, "-0.000000001 s"),
        (7_776_000, 0, "7,776,000 s"),
    ],
)
def test_durations_are_shown_in_seconds(seconds: int, nanos: int, text: str):
    """Sign and fraction survive, also where the seconds alone are zero."""
    assert seconds_text(Duration(seconds=seconds, nanos=nanos)) == text
