"""Messages to people, by locale: the shipped ones, and what a policy puts over them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from babel.core import negotiate_locale
from fluent.runtime import FluentBundle, FluentResource

from matcher.domain.errors import InvalidPolicyError, InvalidValueError
from matcher.domain.policy import LocaleMessages, Policy
from matcher.domain.reason import ReasonCode
from matcher.explain.message_check import check_messages
from matcher.explain.message_ids import PARTS, reason_id

#: Locales that are shipped whole.
SHIPPED = ("de", "en")
DEFAULT_LOCALE = "en"


class MessageCatalogue:
    """
    The messages of one policy version.

    Parameters
    ----------
    messages
        What the policy puts over the shipped ones, by locale; a locale that is not
        shipped has to be whole.
    banned_terms
        What else no text may have.

    Raises
    ------
    InvalidPolicyError
        With every fault of the messages: syntax, what is missing, banned terms and
        claims without a fact, each with line and column.
    """

    def __init__(
        self, messages: tuple[LocaleMessages, ...], banned_terms: tuple[str, ...] = ()
    ) -> None:
        texts = {each.locale: each.text for each in messages}
        violations = check_messages(messages, banned_terms, shipped_texts())
        if violations:
            raise InvalidPolicyError(violations)
        self._bundles = {
            locale: _bundle(locale, texts.get(locale, ""))
            for locale in sorted({*SHIPPED, *texts})
        }

    @classmethod
    def of(cls, policy: Policy | None) -> MessageCatalogue:
        """Return the messages of a policy; without one, those that are shipped."""
        if policy is None:
            return _kept((), ())
        return _kept(policy.messages, policy.banned_terms)

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales that there are."""
        return tuple(self._bundles)

    def locale(self, asked: str) -> str:
        """
        Return the locale for a wish such as ``de-AT``; an empty one is English.

        Raises
        ------
        InvalidValueError
            If there is none in that language.
        """
        if not asked:
            return DEFAULT_LOCALE
        # Its own fallbacks name regions that nobody has written for.
        found = negotiate_locale([asked.replace("_", "-")], self.locales, sep="-")
        if found is None:
            raise InvalidValueError(
                "locale", asked, f"one of {', '.join(self.locales)}"
            )
        return next(each for each in self.locales if each.lower() == found.lower())

    def text(self, locale: str, message: str, facts: Mapping[str, str]) -> str:
        """Return a message: ``outcome-matched``, or ``reason-no-demand.short``."""
        name, _, attribute = message.partition(".")
        found = self._bundles[locale].get_message(name)
        pattern = found.attributes[attribute] if attribute else found.value
        assert pattern is not None, (locale, message)
        text, errors = self._bundles[locale].format_pattern(pattern, dict(facts))
        assert not errors, (locale, message, errors)
        return str(text)

    def of_reason(
        self, locale: str, code: ReasonCode, part: str, facts: Mapping[str, str]
    ) -> str:
        """Return one text of a reason: customer, short, long, say or avoid."""
        return self.text(locale, f"{reason_id(code)}.{part}", facts)

    def parts(self, locale: str) -> str:
        """Return what every text to a customer ends with (R49)."""
        return " ".join(self.text(locale, part, {}) for part in PARTS)


@lru_cache(maxsize=1)
def shipped_texts() -> dict[str, str]:
    """Return the shipped messages by locale, as Fluent source."""
    folder = resources.files("matcher.explain").joinpath("messages")
    return {
        locale: folder.joinpath(f"{locale}.ftl").read_text(encoding="utf-8")
        for locale in SHIPPED
    }


@lru_cache(maxsize=64)
def _kept(
    messages: tuple[LocaleMessages, ...], banned_terms: tuple[str, ...]
) -> MessageCatalogue:
    return MessageCatalogue(messages, banned_terms)


def _bundle(locale: str, over: str) -> FluentBundle:
    bundle = FluentBundle([locale], use_isolating=False)
    for text in (shipped_texts().get(locale, ""), over):
        bundle.add_resource(FluentResource(text), allow_overrides=True)
    return bundle
