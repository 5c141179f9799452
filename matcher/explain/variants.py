"""The same messages as an e-mail to a customer and as an article for a help centre."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.decision import Outcome
from matcher.domain.reason import ReasonCode
from matcher.explain.message_catalogue import MessageCatalogue
from matcher.explain.message_ids import (
    EMAIL_CLOSING,
    EMAIL_GREETING,
    EMAIL_SUBJECT,
    HANDOFFS,
    HELP,
    HELP_REASONS,
    HELP_TITLE,
    outcome_id,
)

# An article is about no decision: nothing is claimed.
_FACTS = {"is_nearby": "no"}

_MATCHED = (ReasonCode.MATCHED_BEST_SAVING,)
_WAITING = (ReasonCode.AWAITING_ROUND, ReasonCode.VERIFICATION_PENDING)
_CANCELLED = (ReasonCode.RETURN_CANCELLED,)


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail to a customer; ``body`` is plain text in paragraphs."""

    subject: str
    body: str


def email(customer_text: str, catalogue: MessageCatalogue, locale: str) -> Email:
    """
    Return what a customer is told, as an e-mail.

    Parameters
    ----------
    customer_text
        As of :func:`~matcher.explain.decision_texts.decision_texts`, with its three
        parts (R49). It stands in the body as it is, so that both say the same (R50).
    catalogue
        Messages of the policy version that decided.
    locale
        One that the catalogue has.
    """
    paragraphs = (
        catalogue.text(locale, EMAIL_GREETING, {}),
        customer_text,
        catalogue.text(locale, EMAIL_CLOSING, {}),
    )
    return Email(catalogue.text(locale, EMAIL_SUBJECT, {}), "\n\n".join(paragraphs))


def emails(catalogue: MessageCatalogue, locale: str = "") -> str:
    """
    Return, as Markdown, an e-mail for every reason by itself.

    Raises
    ------
    InvalidValueError
        If there are no messages in that language.
    """
    locale = catalogue.locale(locale)
    lines: list[str] = []
    for code in ReasonCode:
        if code:
            made = email(_customer_text(catalogue, locale, code), catalogue, locale)
            lines += [f"## `{code.name}`", "", f"**{made.subject}**", "", made.body, ""]
    return "\n".join(lines).rstrip()


def help_article(catalogue: MessageCatalogue, locale: str = "") -> str:
    """
    Return an article for a help centre, as Markdown.

    What the programme is, the three parts, how each way goes, and every text that a
    reason has for customers, once.

    Raises
    ------
    InvalidValueError
        If there are no messages in that language.
    """
    locale = catalogue.locale(locale)

    def text(name: str) -> str:
        return " ".join(catalogue.text(locale, name, _FACTS).split())

    ways = [
        f"- {text(outcome_id(each))} {text(HANDOFFS[each])}" for each in Outcome if each
    ]
    reasons = dict.fromkeys(
        " ".join(catalogue.of_reason(locale, code, "customer", _FACTS).split())
        for code in ReasonCode
        if code
    )
    lines = [
        *(f"# {text(HELP_TITLE)}", "", text(HELP), "", catalogue.parts(locale), ""),
        *(*ways, "", f"## {text(HELP_REASONS)}", ""),
        *(f"- {each}" for each in reasons),
    ]
    return "\n".join(lines)


def _customer_text(catalogue: MessageCatalogue, locale: str, code: ReasonCode) -> str:
    outcome = Outcome.WAREHOUSE
    for usual, codes in (
        (Outcome.MATCHED, _MATCHED),
        (Outcome.WAITING, _WAITING),
        (Outcome.CANCELLED, _CANCELLED),
    ):
        if code in codes:
            outcome = usual
    return " ".join(
        (
            catalogue.text(locale, outcome_id(outcome), _FACTS),
            catalogue.of_reason(locale, code, "customer", _FACTS),
            catalogue.text(locale, HANDOFFS[outcome], _FACTS),
            catalogue.parts(locale),
        )
    )
