"""What `nearturn audit` does."""

from __future__ import annotations

import json
from collections.abc import Iterator

from google.protobuf.json_format import MessageToDict

from nearturn.v1 import access_service_pb2 as pb
from server.cli.server_call import calling


def audit_lines(server: str, *, as_json: bool) -> Iterator[str]:
    """Yield a line for each entry of a server's audit log."""
    request = pb.ListAuditEntriesRequest(page_size=1_000)
    with calling(server) as client:
        while True:
            page = client.access.ListAuditEntries(request)
            for entry in page.entries:
                yield _json(entry) if as_json else _words(entry)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _json(entry: pb.AuditEntry) -> str:
    named = MessageToDict(
        entry,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    return json.dumps(named, ensure_ascii=False)


def _words(entry: pb.AuditEntry) -> str:
    versions = ""
    if entry.version or entry.previous_version:
        versions = f"{entry.previous_version} -> {entry.version}"
    words = (
        str(entry.number),
        entry.happened_time.ToJsonString(),
        entry.subject or "-",
        pb.AuditAction.Name(entry.action).removeprefix("AUDIT_ACTION_"),
        entry.target,
        versions,
        entry.note,
    )
    return "  ".join(word for word in words if word)
