"""
The envelope: CloudEvents 1.0 as JSON.

Made by hand: it is ten attributes, and their order and spelling have to stay as they
are for the bytes of an event to stay the same. The tests read it with the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from matcher.domain.ids import TenantId
from server.events.event import Event
from server.storage.store import LoggedDecision

CONTENT_TYPE = "application/cloudevents+json"

#: Type of the event: the message of the contract that its data is.
DECISION_TYPE = "nearturn.v1.Decision"

_SCHEMA = f"urn:nearturn:proto:{DECISION_TYPE}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def token(text: str) -> str:
    """
    Return a text of letters, digits, ``_``, ``-``, ``~`` and ``%`` only.

    Everything else is percent-encoded, the dot too: it separates the parts of a
    subject of NATS. Different texts give different tokens.
    """
    return quote(text, safe="").replace(".", "%2E")


def cloud_event(
    tenant: TenantId, logged: LoggedDecision, data: Mapping[str, object]
) -> Event:
    """
    Put a decision into its envelope.

    Parameters
    ----------
    tenant
        Whose decision.
    logged
        The decision with its place in the log.
    data
        The decision as JSON would have it.

    Returns
    -------
    Event
        With an id of tenant, place in the log and instant: after a backup was restored,
        or a store made anew, the same place holds another decision.
    """
    decision, sequence = logged.decision, logged.sequence
    encoded = token(tenant)
    event_id = f"{encoded}:{sequence}:{decision.decided_us}"
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/nearturn/tenants/{encoded}",
        "type": DECISION_TYPE,
        "subject": decision.return_id,
        "time": _rfc3339(decision.decided_us),
        "datacontenttype": "application/json",
        "dataschema": _SCHEMA,
        # Of the extension of this name: a text that sorts as the numbers do.
        "sequence": f"{sequence:020d}",
        "data": data,
    }
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return Event(tenant, sequence, decision.return_id, event_id, body)


def _rfc3339(instant_us: int) -> str:
    instant = _EPOCH + timedelta(microseconds=instant_us)
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")
