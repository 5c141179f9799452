"""Words that no text to people may have, and claims that need a fact behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: Terms that promise too much or frighten, by language. Policies may add to them and
#: take none away (R45, R46).
BANNED = {
    "en": (
        "revolutionary",
        "revolutionise",
        "revolutionize",
        "AI-powered",
        "AI powered",
        "artificial intelligence",
        "magic",
        "magical",
        "game-changing",
        "game changer",
        "cutting-edge",
        "next-generation",
        "seamless",
        "effortless",
        "hassle-free",
        "instant refund",
        "faster refund",
        "faster refunds",
        "zero waste",
        "carbon neutral",
        "climate neutral",
        "eco-friendly",
        "save the planet",
        "reroute",
        "rerouted",
        "rerouting",
        "sending returns to other customers",
        "sent to another customer",
        "bypass the warehouse",
    ),
    "de": (
        "revolutionär",
        "revolutionäre",
        "KI-gestützt",
        "KI-gestützte",
        "künstliche Intelligenz",
        "magisch",
        "bahnbrechend",
        "bahnbrechende",
        "nahtlos",
        "nahtlose",
        "mühelos",
        "mühelose",
        "sofortige Erstattung",
        "schnellere Erstattung",
        "klimaneutral",
        "umweltfreundlich",
        "Umleitung",
        "umgeleitet",
        "umleiten",
        "an andere Kunden",
        "am Lager vorbei",
    ),
}

#: Words that claim a fact, by language; texts may have them only where it holds (R47).
NEARBY = {
    "en": (
        "nearby",
        "close by",
        "in your neighbourhood",
        "next door",
        "around the corner",
    ),
    "de": ("in der Nähe", "nahegelegen", "in Ihrer Nachbarschaft", "um die Ecke"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A term that was found, and at which character it begins."""

    term: str
    at: int


def banned_terms(language: str, added: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what no text in a language may have; English stands in for others."""
    return (*BANNED.get(language, BANNED["en"]), *added)


def nearby_terms(language: str) -> tuple[str, ...]:
    """Return the words of a language that claim nearness."""
    return NEARBY.get(language, ())


def find_terms(text: str, terms: Iterable[str]) -> Iterator[Finding]:
    """
    Yield each place at which a text has one of the terms, in order of the text.

    Terms are whole words, in either case, with any white space and any dash between
    their parts: ``AI -  Powered`` is ``AI-powered``.
    """
    found = [
        Finding(term, match.start())
        for term in terms
        for match in _pattern(term).finditer(text)
    ]
    yield from sorted(found, key=lambda each: (each.at, each.term))


def _pattern(term: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in re.split(r"[\s\-]+", term) if part]
    # A joint is white space or dashes; soft hyphens and the like count as dashes.
    joint = "[\\s\\-\\u00ad\\u2010-\\u2015]+"
    return re.compile(rf"(?<!\w){joint.join(parts)}(?!\w)", re.IGNORECASE)
