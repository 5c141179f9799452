"""Rows to messages."""

from __future__ import annotations

import pytest
from google.protobuf import json_format

from matcher.domain.errors import InvalidValueError
from nearturn.v1 import demand_pb2, item_pb2
from server.files.columns import Kind
from server.files.message import to_message_dict

ROW: dict[str, object] = {
    "demand_id": "D1",
    "location.latitude": "52.5",
    "location.longitude": "13.4",
    "sku": "S",
    "category": "apparel",
    "quantity": "2",
    "ship_by_time": "2026-03-01T12:00:00Z",
    "min_condition": "GOOD",
    "segment": "",
    "priority": None,
}


def test_row_becomes_the_message() -> None:
    """Levels nest, empty values are left out, and the contract's parser takes it."""
    found = to_message_dict(ROW, Kind.DEMAND)
    assert found["location"] == {"latitude": 52.5, "longitude": 13.4}
    assert "segment" not in found
    assert "priority" not in found
    message = json_format.ParseDict(found, demand_pb2.Demand())
    assert message.location.longitude == 13.4
    assert message.quantity == 2
    assert message.min_condition == item_pb2.CONDITION_GOOD
    assert message.ship_by_time.seconds == 1_772_366_400


def test_all_faults_of_a_row_are_found() -> None:
    """A bad number, an unknown column and a missing half of a place are three."""
    row = {**ROW, "quantity": "two", "colour": "red", "location.longitude": ""}
    with pytest.raises(InvalidValueError) as caught:
        to_message_dict(row, Kind.DEMAND)
    assert [each.field for each in caught.value.violations] == [
        "quantity",
        "colour",
        "location.longitude",
    ]


def test_half_a_place_is_not_the_equator() -> None:
    """Without a latitude the row is refused: the contract's default would be 0."""
    row = {name: value for name, value in ROW.items() if name != "location.latitude"}
    with pytest.raises(InvalidValueError, match=r"location\.latitude: got nothing"):
        to_message_dict(row, Kind.DEMAND)


def test_hostile_value_is_cut() -> None:
    """A megabyte in a number's place does not become a megabyte of message."""
    with pytest.raises(InvalidValueError) as caught:
        to_message_dict({**ROW, "quantity": "9" * 1_000_000}, Kind.DEMAND)
    assert len(str(caught.value)) < 300


def test_faults_name_what_is_accepted() -> None:
    """An unknown name of an enumeration is answered with the list of them."""
    with pytest.raises(InvalidValueError, match="POOR, FAIR, GOOD, LIKE_NEW, NEW"):
        to_message_dict({**ROW, "min_condition": "MINT"}, Kind.DEMAND)
