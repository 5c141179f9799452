"""The whole log of a program, page by page."""

from __future__ import annotations

from matcher.domain.ids import TenantId
from matcher.domain.program import ProgramEvent
from server.storage.store import Store

_EVENTS_AT_ONCE = 1_000


def program_log(
    store: Store, tenant: TenantId, *, after_number: int = 0
) -> list[ProgramEvent]:
    """Return all events with a higher number, in order."""
    events: list[ProgramEvent] = []
    while True:
        last = events[-1].number if events else after_number
        more = store.list_program_events(
            tenant, after_number=last, limit=_EVENTS_AT_ONCE
        )
        events += more
        if len(more) < _EVENTS_AT_ONCE:
            return events
