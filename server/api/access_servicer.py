"""AccessService: the audit log."""

from __future__ import annotations

from nearturn.v1 import access_service_pb2 as pb
from server.api.context import ApiContext
from server.api.convert.times import to_timestamp
from server.api.paging import after_key, page_of, page_size, page_token
from server.storage.audit_entry import AuditEntry


class AccessServicer:
    """Implements every method of the service under its own name."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest
    ) -> pb.ListAuditEntriesResponse:
        """List what was changed by whom, oldest first."""
        tenant = self._context.tenant
        after = int(after_key("ListAuditEntries", request.page_token) or "0")
        size = page_size(request.page_size)
        entries = await self._context.runtime.read(
            lambda store: store.list_audit_entries(
                tenant, after_number=after, limit=size + 1
            )
        )
        page, token = page_of(
            entries,
            size,
            _from_entry,
            lambda entry: page_token("ListAuditEntries", str(entry.number)),
        )
        return pb.ListAuditEntriesResponse(entries=page, next_page_token=token)


def _from_entry(entry: AuditEntry) -> pb.AuditEntry:
    return pb.AuditEntry(
        number=entry.number,
        happened_time=to_timestamp(entry.happened_us),
        subject=entry.subject,
        action=pb.AuditAction.ValueType(entry.action),
        target=entry.target,
        previous_version=entry.previous_version,
        version=entry.version,
        note=entry.note,
    )
