"""Hashes that tell a repetition from another request."""

from __future__ import annotations

import random

from nearturn.v1 import demand_service_pb2 as pb
from server.api.idempotency import payload_hash
from tests.contract.messages import demand

REQUEST = pb.UpsertDemandRequest(demand=demand("d1"))


def test_the_request_id_is_no_part_of_the_payload():
    """The same said under another id is the same payload, and the request is kept."""
    request = pb.UpsertDemandRequest(demand=demand("d1"), request_id="a")
    assert payload_hash("M", request) == payload_hash("M", REQUEST)
    assert request.request_id == "a"


def test_method_and_every_field_count():
    """Another method, or any field changed, gives another hash."""
    hashes = {
        payload_hash("M", REQUEST),
        payload_hash("N", REQUEST),
        payload_hash("M", pb.UpsertDemandRequest(demand=demand("d1", quantity=2))),
        payload_hash("M", pb.UpsertDemandRequest(demand=demand("d1", segment="s"))),
    }
    assert len(hashes) == 4


def test_the_order_of_fields_on_the_wire_does_not_count():
    """Bytes of the fields in any order decode to one payload."""
    raw = REQUEST.demand.SerializeToString()
    fields = [
        type(REQUEST.demand)(**{field.name: value}).SerializeToString()
        for field, value in REQUEST.demand.ListFields()
    ]
    random.Random(7).shuffle(fields)
    shuffled = b"".join(fields)
    assert shuffled != raw
    again = pb.UpsertDemandRequest()
    again.demand.MergeFromString(shuffled)
    assert payload_hash("M", again) == payload_hash("M", REQUEST)


def test_the_hash_never_changes():
    """Stored hashes outlive the process: the value itself is fixed here."""
    small = pb.CancelDemandRequest(demand_id="d1")
    assert payload_hash("CancelDemandRequest", small) == (
        "3e52ac3b5d1a61947baeda527aafa2ca"
    )
