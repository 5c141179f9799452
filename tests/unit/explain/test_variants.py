"""Every variant says what the one source says (R50), with its three parts (R49)."""

from __future__ import annotations

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.domain.policy import LocaleMessages
from matcher.domain.reason import ReasonCode
from matcher.engine.plan import plan
from matcher.engine.snapshot import Snapshot
from matcher.explain.copy_lint import banned_terms, find_terms, nearby_terms
from matcher.explain.decision_texts import decision_texts
from matcher.explain.message_catalogue import SHIPPED, MessageCatalogue
from matcher.explain.message_ids import PARTS
from matcher.explain.variants import email, emails, help_article
from tests.scenarios import NOW_US, TENANT, demand, policy, return_item

CATALOGUE = MessageCatalogue.of(None)
_CODES = [code for code in ReasonCode if code]


def _parts(locale: str) -> list[str]:
    return [CATALOGUE.text(locale, each, {}) for each in PARTS]


@pytest.mark.parametrize("locale", SHIPPED)
def test_an_email_is_the_customers_text(locale: str) -> None:
    """Word for word, with a subject, a greeting and a closing around it."""
    (decision,) = plan(
        Snapshot((return_item(),), (demand(),), ()),
        policy(),
        now_us=NOW_US,
        tenant=TENANT,
    ).decisions
    text = decision_texts(decision, CATALOGUE, locale).customer
    made = email(text, CATALOGUE, locale)
    assert made.body.split("\n\n")[1] == text
    assert made.subject
    assert all(part in made.body for part in _parts(locale))


@pytest.mark.parametrize("locale", SHIPPED)
def test_every_reason_is_in_every_variant(locale: str) -> None:
    """The customer's words of each code, in each e-mail and in the article."""
    mails, article = emails(CATALOGUE, locale), help_article(CATALOGUE, locale)
    for code in _CODES:
        words = CATALOGUE.of_reason(locale, code, "customer", {"is_nearby": "no"})
        assert words in mails
        assert words in article
        mail = mails.partition(f"## `{code.name}`\n")[2].partition("\n## ")[0]
        assert words in mail
        assert all(part in mail for part in _parts(locale))
    assert all(part in article for part in _parts(locale))


@pytest.mark.parametrize("locale", SHIPPED)
def test_no_variant_is_overhyped(locale: str) -> None:
    """The lint finds nothing; what claims a place is the general sentences alone."""
    for text in (emails(CATALOGUE, locale), help_article(CATALOGUE, locale)):
        assert not list(find_terms(text, banned_terms(locale, ())))
        left = text
        for general in (*_parts(locale), CATALOGUE.text(locale, "help-what-it-is", {})):
            left = left.replace(general, "")
        assert not list(find_terms(left, nearby_terms(locale)))


def test_a_policy_changes_them_all_at_once() -> None:
    """Words of a policy are in each variant, and a language it lacks is refused."""
    over = LocaleMessages("en", "part-refund = Refunds come as ever.")
    catalogue = MessageCatalogue((over,))
    assert "Refunds come as ever." in emails(catalogue, "en-GB")
    assert "Refunds come as ever." in help_article(catalogue)
    with pytest.raises(InvalidValueError, match="locale"):
        help_article(catalogue, "fr")
