"""The envelope, read by the SDK of CloudEvents, and what names an event."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.decision import Decision
from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId, check_id
from matcher.engine.erasure import erased_decision
from nearturn.v1 import decision_pb2
from server.api.convert.decision import from_decision
from server.api.decision_event import decision_event
from server.events.cloud_event import token
from server.events.event import Event
from server.storage.store import LoggedDecision
from tests.contract.store.rows import decision_row
from tests.scenarios import NOW_US

TENANT = TenantId("brand")


def _decision() -> Decision:
    # Instants at the end of 64 bits are no dates.
    row = decision_row(1)
    assert row.match is not None
    return replace(
        row,
        decided_us=NOW_US + 1,
        refund_due_us=NOW_US,
        match=replace(row.match, hold_expire_us=NOW_US),
    )


def _event(tenant: str = TENANT, sequence: int = 42) -> Event:
    return decision_event(TenantId(tenant), LoggedDecision(sequence, _decision()))


def test_the_sdk_reads_what_we_write() -> None:
    """Every attribute comes back from the official parser, which checks the rules."""
    event = _event()
    read = JSONFormat().read(CloudEvent, event.body)
    assert read.get_specversion() == "1.0"
    assert read.get_id() == event.event_id == f"brand:42:{NOW_US + 1}"
    assert read.get_source() == "/nearturn/tenants/brand"
    assert read.get_type() == decision_pb2.Decision.DESCRIPTOR.full_name
    assert read.get_subject() == _decision().return_id
    decided = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW_US + 1)
    assert read.get_time() == decided
    assert read.get_datacontenttype() == "application/json"
    assert read.get_dataschema() == "urn:nearturn:proto:nearturn.v1.Decision"
    assert read.get_extension("sequence") == "00000000000000000042"


def test_data_is_the_decision_of_the_contract() -> None:
    """Parsed as JSON of the message, it is the decision without ids of evidence."""
    data = json.loads(_event().body)["data"]
    parsed = ParseDict(data, decision_pb2.Decision())
    assert parsed == from_decision(erased_decision(_decision()))
    assert any(check.evidence_id for check in _decision().checks)
    assert not any(check.evidence_id for check in parsed.checks)


def test_an_event_is_the_same_before_and_after_erasure() -> None:
    """What is published again is the same to the byte, whatever was erased."""
    erased = LoggedDecision(42, erased_decision(_decision()))
    assert decision_event(TENANT, erased) == _event()


@pytest.mark.parametrize("change", [{"decided_us": NOW_US + 2}, {}])
def test_another_decision_at_the_same_place_has_another_id(
    change: dict[str, int],
) -> None:
    """A store made anew counts from one again; instants tell its events apart."""
    other = replace(_decision(), **change)
    same = decision_event(TENANT, LoggedDecision(42, other)).event_id
    assert (same == _event().event_id) is not bool(change)
    assert _event(sequence=43).event_id != _event().event_id


@given(st.text(min_size=1, max_size=128), st.text(min_size=1, max_size=128))
def test_a_token_is_plain_and_tells_tenants_apart(one: str, other: str) -> None:
    """Whatever a tenant is called, its token has no dot, wildcard, space or colon."""
    for text in (one, other):
        try:
            check_id("tenant", text)
        except InvalidValueError:
            return
    assert set(token(one)).isdisjoint(" .*>:/\r\n\t")
    assert token(one).isascii()
    assert (token(one) == token(other)) is (one == other)


@pytest.mark.parametrize("tenant", ["a.b", ">", "a b", "a:b", "café", "%2E", "~"])
def test_hostile_tenants_keep_an_envelope(tenant: str) -> None:
    """Wildcards, dots, spaces and percent signs: the parser takes them all."""
    event = _event(tenant)
    read = JSONFormat().read(CloudEvent, event.body)
    assert read.get_id() == event.event_id
    assert event.event_id.isascii()
    assert event.event_id.count(":") == 2
