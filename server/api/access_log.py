"""One line in the log for each call, with nothing of what it carried."""

from __future__ import annotations

import time

import structlog
from google.protobuf.message import Message

from matcher.domain.ids import TenantId
from server.access.caller import current_subject
from server.api.call_watch import Ongoing

log = structlog.get_logger(__name__)


class AccessLine:
    """
    The line of one call: method, tenant, caller, status, time taken and items.

    Payloads stay out of it, as they hold places and people.

    Parameters
    ----------
    method
        Full name of the method.
    tenant
        Whom the caller acts for.
    ongoing
        Is told of its end, too.
    """

    def __init__(
        self, method: str, tenant: TenantId, ongoing: Ongoing | None = None
    ) -> None:
        self._method = method
        self._tenant = tenant
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
        log.info(
            "call",
            method=self._method,
            tenant=self._tenant,
            caller=current_subject(),
            code=code,
            ms=round(1000 * (time.perf_counter() - self._started), 3),
            items=self._item_count,
        )
