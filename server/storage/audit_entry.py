"""Who changed what may be decided, and who may call: one line of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class AuditAction(IntEnum):
    """What was done, as the contract numbers it."""

    UNSPECIFIED = 0
    POLICY_CREATED = 1
    POLICY_ACTIVATED = 2
    POLICY_ROLLED_BACK = 3
    PROGRAM_PAUSED = 4
    PROGRAM_RESUMED = 5
    PERSONAL_DATA_ERASED = 6
    API_KEY_CREATED = 7
    API_KEY_CHANGED = 8
    API_KEY_REVOKED = 9
    API_KEY_REMOVED = 10


#: What is done to keys, in their file and not by a call.
KEY_ACTIONS = frozenset(
    {
        AuditAction.API_KEY_CREATED,
        AuditAction.API_KEY_CHANGED,
        AuditAction.API_KEY_REVOKED,
        AuditAction.API_KEY_REMOVED,
    }
)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """
    One thing that somebody did; entries are appended and never change.

    Parameters
    ----------
    happened_us
        When, microseconds since the epoch.
    subject
        Who: as callers are named in the log of calls; of keys who changed their file.
    action
        What.
    target
        To what: a category, the id of a key; empty where the versions say it.
    previous_version, version
        Of the policy, before and after; 0 is none.
    note
        Why, or how it was described.
    number
        Place in the tenant's log, from 1 without gaps; 0 before it has one.
    """

    happened_us: int
    subject: str
    action: AuditAction
    target: str = ""
    previous_version: int = 0
    version: int = 0
    note: str = ""
    number: int = 0
