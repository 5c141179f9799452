"""What is wrong with messages: syntax, gaps, banned terms, claims without a fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from fluent.runtime import FluentBundle, FluentResource, resolver
from fluent.syntax import FluentParser, ast
from fluent.syntax.visitor import Visitor

from matcher.domain.errors import FieldViolation
from matcher.domain.policy import LocaleMessages
from matcher.explain.copy_lint import banned_terms, find_terms, nearby_terms
from matcher.explain.message_ids import FACTS, HELP, PARTS, required_messages

# Faults of one locale that are listed; a file of rubbish has no end of them.
_LISTED_MAX = 20

# Support is told what not to say, in those very words; and the general sentences about
# the program are not about one decision.
_AVOIDS = "avoid"
_GENERAL = (*PARTS, HELP)
_TO_SUPPORT = ("say", "avoid")


def check_messages(
    messages: Sequence[LocaleMessages],
    added_terms: Sequence[str],
    shipped: Mapping[str, str],
) -> list[FieldViolation]:
    """
    Return the faults of a policy's messages, locale by locale.

    Parameters
    ----------
    messages
        What the policy puts over the shipped ones.
    added_terms
        Banned terms beside those that always are.
    shipped
        The shipped messages by locale; they are checked against added terms.

    Returns
    -------
    list of FieldViolation
        ``messages[i].text:LINE:COLUMN`` for what has a place, ``messages[i].text`` for
        what is missing.
    """
    found: list[FieldViolation] = []
    for index, each in enumerate(messages):
        field = f"messages[{index}].text"
        faults = [*_own_faults(field, each.text, each.locale, added_terms)]
        if not faults:
            base = shipped.get(each.locale, "")
            faults = [*_whole_faults(field, each.locale, base, each.text)]
        found += faults[:_LISTED_MAX]
    return found


def _own_faults(
    field: str, source: str, locale: str, added: Sequence[str]
) -> Iterator[FieldViolation]:
    resource = FluentParser(with_spans=True).parse(source)
    yield from _syntax_faults(field, source, resource)
    for start, text in _texts(resource, source):
        for finding in find_terms(text, banned_terms(_language(locale), added)):
            yield FieldViolation(
                f"{field}:{_place(source, start + finding.at)}",
                repr(finding.term),
                "plain words that promise nothing; this term is banned",
            )


def _syntax_faults(
    field: str, source: str, resource: ast.Resource
) -> Iterator[FieldViolation]:
    for entry in resource.body:
        if isinstance(entry, ast.Junk):
            for note in entry.annotations:
                at = note.span.start if note.span else 0
                yield FieldViolation(
                    f"{field}:{_place(source, at)}",
                    note.message or "",
                    "a message in Fluent syntax",
                )


class _TextPlaces(Visitor):
    """Collects every text of messages and terms but what support is to avoid."""

    def __init__(self, source: str) -> None:
        self.found: list[tuple[int, str]] = []
        self._source = source

    def visit_Message(self, node: ast.Message) -> None:  # noqa: N802 - the library's name
        if not node.id.name.startswith(f"{_AVOIDS}-"):
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: N802 - the library's name
        if node.id.name != _AVOIDS:
            self.generic_visit(node)

    def visit_Pattern(self, node: ast.Pattern) -> None:  # noqa: N802 - the library's name
        # The whole pattern: a term may go on over lines. What stands in braces is no
        # text, but what is inside it may be again.
        if node.span is not None:
            raw = self._source[node.span.start : node.span.end]
            self.found.append((node.span.start, raw))


def _texts(resource: ast.Resource, source: str) -> list[tuple[int, str]]:
    places = _TextPlaces(source)
    places.visit(resource)
    return places.found


def _whole_faults(
    field: str, locale: str, base: str, over: str
) -> Iterator[FieldViolation]:
    bundle = FluentBundle([locale], use_isolating=False)
    for text in (base, over):
        bundle.add_resource(FluentResource(text), allow_overrides=True)
    facts = [
        dict(zip(FACTS, values, strict=True)) for values in product(*FACTS.values())
    ]
    for name in required_messages():
        yield from _message_faults(field, bundle, locale, name, facts)


def _message_faults(
    field: str,
    bundle: FluentBundle,
    locale: str,
    name: str,
    facts: Sequence[Mapping[str, str]],
) -> Iterator[FieldViolation]:
    message, _, attribute = name.partition(".")
    pattern = None
    if bundle.has_message(message):
        found = bundle.get_message(message)
        pattern = found.attributes.get(attribute) if attribute else found.value
    if pattern is None:
        yield FieldViolation(field, f"no {name}", f"every message in {locale}")
        return
    for known in facts:
        text, errors = _said(bundle, pattern, known)
        if errors or not text.strip():
            what = str(errors[0]) if errors else "empty"
            accepted = f"text with no facts but {', '.join(FACTS)}"
            yield FieldViolation(field, f"{name}: {what}", accepted)
            return
        if _may_claim(name, attribute, known):
            continue
        for finding in find_terms(text, nearby_terms(_language(locale))):
            yield FieldViolation(
                field,
                f"{name}: {finding.term!r}",
                "said only where $is_nearby is yes, in a selector",
            )
            return


def _said(
    bundle: FluentBundle, pattern: resolver.Pattern, facts: Mapping[str, str]
) -> tuple[str, list[object]]:
    try:
        text, errors = bundle.format_pattern(pattern, dict(facts))
    except RecursionError:
        # The library notices most loops by itself, but not a message within itself.
        return "", ["refers to itself"]
    return str(text), list(errors)


def _may_claim(name: str, attribute: str, known: Mapping[str, str]) -> bool:
    return known["is_nearby"] == "yes" or name in _GENERAL or attribute in _TO_SUPPORT


def _language(locale: str) -> str:
    return locale.replace("_", "-").partition("-")[0].lower()


def _place(source: str, at: int) -> str:
    line = source.count("\n", 0, at) + 1
    return f"{line}:{at - source.rfind(chr(10), 0, at)}"
