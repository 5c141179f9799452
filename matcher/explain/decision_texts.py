"""One decision for three readers: the customer, support, and whoever operates it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matcher.domain.decision import Decision
from matcher.explain.explanation import explain
from matcher.explain.message_catalogue import MessageCatalogue
from matcher.explain.message_ids import HANDOFFS, NEARBY_M, change_id, outcome_id
from matcher.explain.smallest_change import SmallestChange

# What would have been is no fact.
_NO_FACTS = {"is_nearby": "no"}


@dataclass(frozen=True, slots=True)
class SupportScript:
    """What support says: in a sentence, at length, what to add, what to avoid."""

    short: str
    long: str
    say: str
    avoid: str


@dataclass(frozen=True, slots=True)
class DecisionTexts:
    """
    The same decision three times (R50).

    Parameters
    ----------
    locale
        That of customer and support; operators read English.
    customer
        Always with the three parts: what may be matched, that the standard way is
        there, that refunds do not change (R49).
    support
        Scripts for each reason, joined.
    operator
        Every reason with the numbers that bit.
    """

    locale: str
    customer: str
    support: SupportScript
    operator: str


def decision_texts(
    decision: Decision, catalogue: MessageCatalogue, locale: str = ""
) -> DecisionTexts:
    """
    Say a decision from nothing but what was recorded with it.

    Parameters
    ----------
    decision
        The decision.
    catalogue
        Messages of the policy version that made it, so that it is told months later
        in the words of then.
    locale
        Language tag, such as ``de`` or ``de-AT``; empty is English.

    Returns
    -------
    DecisionTexts
        Names no place, no buyer and no demand (I10).

    Raises
    ------
    InvalidValueError
        If there are no messages in that language.
    """
    locale = catalogue.locale(locale)
    is_nearby = decision.match is not None and decision.match.distance_m <= NEARBY_M
    facts = {"is_nearby": "yes" if is_nearby else "no"}

    def of_reasons(part: str) -> str:
        return _joined(
            catalogue.of_reason(locale, reason.code, part, facts)
            for reason in decision.reasons
        )

    customer = _joined(
        (
            catalogue.text(locale, outcome_id(decision.outcome), facts),
            of_reasons("customer"),
            catalogue.text(locale, HANDOFFS[decision.outcome], facts),
            catalogue.parts(locale),
        )
    )
    script = SupportScript(
        *(of_reasons(part) for part in ("short", "long", "say", "avoid"))
    )
    return DecisionTexts(locale, customer, script, explain(decision).summary)


def change_texts(
    changes: Iterable[SmallestChange], catalogue: MessageCatalogue, locale: str
) -> str:
    """
    Say to support what would have helped, in plain words and without ids or amounts.

    Parameters
    ----------
    changes
        The smallest changes.
    catalogue
        Messages of the policy version that decided.
    locale
        One of its locales.
    """
    return _joined(
        catalogue.text(locale, change_id(each.kind.name), _NO_FACTS) for each in changes
    )


def _joined(texts: Iterable[str]) -> str:
    # Several reasons may have the same words: said once.
    return " ".join(dict.fromkeys(text for text in texts if text))
