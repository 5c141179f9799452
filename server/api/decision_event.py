"""Decisions as events: what leaves the house without being asked for."""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict

from matcher.domain.ids import TenantId
from matcher.engine.erasure import erased_decision
from server.api.convert.decision import from_decision
from server.events.cloud_event import cloud_event
from server.events.event import Event
from server.storage.store import LoggedDecision


def decision_event(tenant: TenantId, logged: LoggedDecision) -> Event:
    """
    Return the event of a decision.

    Its data is the JSON of the message ``Decision`` under the names of the contract,
    in the form that erasure leaves: no event can be called back, and one that is
    published again after an erasure is the same to the byte.
    """
    message = from_decision(erased_decision(logged.decision))
    data = MessageToDict(message, preserving_proto_field_name=True)
    return cloud_event(tenant, logged, data)
