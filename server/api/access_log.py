"""One line in the log for each call, with nothing of what it carried."""

from __future__ import annotations

import time

import structlog
from google.protobuf.message import Message

from server.access.caller import current_caller
from server.api.call_watch import Ongoing

log = structlog.get_logger(__name__)


class AccessLine:
    """
    The line of one call: method, tenant, caller, status, time taken and items.

    Tenant and caller are those of the credentials, empty where nobody could tell.
    Payloads stay out of it, as they hold places and people.

    Parameters
    ----------
    method
        Full name of the method.
    ongoing
        Is told of its end, too.
    """

    def __init__(self, method: str, ongoing: Ongoing | None = None) -> None:
        self._method = method
        self._ongoing = ongoing
        self._started = time.perf_counter()
        self._item_count = 0

    def carries(self, request: Message) -> None:
        """Count the items of a request: the entries of its lists."""
        self._item_count += sum(
            len(value) for field, value in request.ListFields() if field.is_repeated
        )

    def answered(self) -> None:
        """Count one answer of a stream."""
        self._item_count += 1

    def ended(self, code: str) -> None:
        """Write the line; ``code`` is the name of the status."""
        if self._ongoing is not None:
            self._ongoing.ended(code)
        caller = current_caller()
        log.info(
            "call",
            method=self._method,
            tenant=caller.tenant if caller else "",
            caller=caller.subject if caller else "",
            code=code,
            ms=round(1000 * (time.perf_counter() - self._started), 3),
            items=self._item_count,
        )
