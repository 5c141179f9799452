"""One event on its way out."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.ids import ReturnId, TenantId


@dataclass(frozen=True, slots=True)
class Event:
    """
    A decision as it goes out.

    The same decision gives the same ``event_id`` and the same bytes, however often it
    is made into an event: consumers tell repetitions by it.

    Parameters
    ----------
    tenant
        Whose decision.
    sequence
        Its place in the tenant's log.
    return_id
        What has to stay in order.
    event_id
        Unique among all events of all stores; ASCII without white space.
    body
        The whole event.
    """

    tenant: TenantId
    sequence: int
    return_id: ReturnId
    event_id: str
    body: bytes
