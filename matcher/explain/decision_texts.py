"""One decision for three readers: the customer, support, and whoever operates it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matcher.domain.decision import Decision
from matcher.explain.drop_off import NearPoint
from matcher.explain.explanation import explain
from matcher.explain.message_catalogue import MessageCatalogue
from matcher.explain.message_ids import (
    DROP_OFF,
    DROP_OFF_EXTENDED,
    NEARBY_M,
    change_id,
    handoff_id,
    outcome_id,
)
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
    decision: Decision,
    catalogue: MessageCatalogue,
    locale: str = "",
    drop_off: Sequence[NearPoint] = (),
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
    drop_off
        Places to leave the parcel, told to the customer if there are any (R48).

    Returns
    -------
    DecisionTexts
        Names no buyer, no demand, and no place but those to leave the parcel (I10).

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
            catalogue.text(locale, handoff_id(decision), facts),
            _places(catalogue, locale, drop_off),
            catalogue.parts(locale),
        )
    )
    script = SupportScript(
        *(of_reasons(part) for part in ("short", "long", "say", "avoid"))
    )
    return DecisionTexts(locale, customer, script, explain(decision).summary)


def _places(
    catalogue: MessageCatalogue, locale: str, drop_off: Sequence[NearPoint]
) -> str:
    # Names and hours are the caller's own words, and stand as they are.
    if not drop_off:
        return ""
    extended = catalogue.text(locale, DROP_OFF_EXTENDED, {})
    places = []
    for near in drop_off:
        about = [f"{near.distance_m} m", near.point.opening_hours]
        if near.point.has_extended_hours:
            about.append(extended)
        places.append(f"{near.point.name} ({', '.join(a for a in about if a)})")
    return f"{catalogue.text(locale, DROP_OFF, {})} {'; '.join(places)}."


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
