"""Names of the messages, and the facts that they may speak of."""

from __future__ import annotations

from matcher.domain.decision import Decision, Handoff, Outcome
from matcher.domain.reason import ReasonCode

#: What every text to a customer says (R49).
PARTS = ("part-matching", "part-standard-path", "part-refund")

#: Texts of one reason.
REASON_PARTS = ("customer", "short", "long", "say", "avoid")

#: How an item leaves the customer, by outcome; a match by the path that was chosen.
HANDOFFS = {
    Outcome.MATCHED: "handoff-carrier-label",
    Outcome.WAITING: "handoff-none",
    Outcome.WAREHOUSE: "handoff-standard",
    Outcome.CANCELLED: "handoff-none",
}
_CHOSEN_HANDOFFS = {
    Handoff.DROP_OFF: "handoff-drop-off",
    Handoff.LOCAL_HANDOFF: "handoff-local-handoff",
}

#: What stands before the places where a parcel may be left, and behind one that is
#: open late or on days of rest.
DROP_OFF, DROP_OFF_EXTENDED = "drop-off-points", "drop-off-extended"

#: What a help page says of the programme.
HELP = "help-what-it-is"

#: What an e-mail to a customer has around the customer's text (R50).
EMAIL_SUBJECT, EMAIL_GREETING = "email-subject", "email-greeting"
EMAIL_CLOSING = "email-closing"

#: Headings of an article for a help centre (R50).
HELP_TITLE, HELP_REASONS = "help-title", "help-reasons"

#: What is said of two decisions side by side.
DIFFERENCES = (
    "difference-none",
    "difference-same-rules",
    "difference-changed-rules",
    "difference-one",
    "difference-other",
    "difference-no-obstacle",
)

#: What support says would have helped.
CHANGES = (
    "change-radius",
    "change-saving",
    "change-unit",
    "change-condition",
    "change-rollout",
    "change-cap-place",
    "change-place",
)

#: A match at most so far away may be called nearby, in metres.
NEARBY_M = 25_000

#: Facts of a decision that a message may ask for, with every value.
FACTS = {"is_nearby": ("yes", "no")}


def reason_id(code: ReasonCode) -> str:
    """Return the name of a reason's message."""
    return f"reason-{_dashed(code.name)}"


def outcome_id(outcome: Outcome) -> str:
    """Return the name of the message that a text begins with."""
    return f"outcome-{_dashed(outcome.name)}"


def handoff_id(decision: Decision) -> str:
    """Return the name of the message that says how the item leaves (R36)."""
    return _CHOSEN_HANDOFFS.get(decision.handoff, HANDOFFS[decision.outcome])


def change_id(kind: str) -> str:
    """Return the name of the message about a kind of smallest change."""
    return f"change-{_dashed(kind)}"


def required_messages() -> tuple[str, ...]:
    """Return every message, and every text of a reason, that a locale has to have."""
    outcomes = [each for each in Outcome if each]
    codes = [each for each in ReasonCode if each]
    return (
        *PARTS,
        *(outcome_id(each) for each in outcomes),
        *sorted({*HANDOFFS.values(), *_CHOSEN_HANDOFFS.values()}),
        DROP_OFF,
        DROP_OFF_EXTENDED,
        HELP,
        HELP_TITLE,
        HELP_REASONS,
        EMAIL_SUBJECT,
        EMAIL_GREETING,
        EMAIL_CLOSING,
        *DIFFERENCES,
        *CHANGES,
        *(f"{reason_id(code)}.{part}" for code in codes for part in REASON_PARTS),
    )


def _dashed(name: str) -> str:
    return name.lower().replace("_", "-")
