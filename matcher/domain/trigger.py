"""What may happen to an entity."""

from __future__ import annotations

from enum import Enum


class Trigger(Enum):
    """
    What may happen to a return item, a demand, a hold or a label.

    The value is how a refusal names it.
    """

    SUBMIT = "submitting"
    VERIFY = "recording a verification"
    REVIEW = "looking at it again"
    MATCH = "matching"
    CONFIRM = "confirming"
    EXTEND = "extending"
    RELEASE = "releasing"
    EXPIRE = "running out"
    CANCEL = "cancelling"
    DECIDE_BY = "reaching its decide-by time"
    RECORD_OUTCOME = "recording an outcome"
    ERASE = "erasing personal data"
    ORDER = "ordering"
    CHANGE = "changing it"
    HOLD = "holding a unit"
    FULFIL = "fulfilling a unit"
    GIVE_BACK = "giving a unit back"
    SHIP = "reaching its ship-by time"
    REQUEST_LABEL = "requesting a label"
    ISSUE_LABEL = "issuing a label"
    VOID_LABEL = "voiding a label"
    SUPERSEDE = "superseding"
    END_MATCH = "ending its match"
