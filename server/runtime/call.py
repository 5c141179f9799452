"""What the API asks of the runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matcher.domain.ids import TenantId
from matcher.engine.answers import Answer
from matcher.engine.commands import Command
from matcher.engine.records import RoundRecord


@dataclass(frozen=True, slots=True)
class Call:
    """
    A command with how to put its answer into bytes.

    ``payload_hash`` covers method and payload; it is compared when a request id
    comes back. An empty ``request_id`` keeps no answer. ``subject`` is who asks.
    """

    tenant: TenantId
    command: Command
    encode: Callable[[Answer], bytes]
    request_id: str = ""
    payload_hash: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class RoundCall:
    """A round to be run, with how to put its summary into bytes."""

    tenant: TenantId
    encode: Callable[[RoundRecord], bytes]
    request_id: str = ""
    payload_hash: str = ""
