"""Sentences of the reason codes."""

from __future__ import annotations

import re

import pytest

from matcher.domain.reason import ReasonCode
from matcher.policy.wording import stated

_CODES = [code for code in ReasonCode if code]

# What copy about returns must not say (R45, R46), and our own technical words.
_BANNED = re.compile(
    r"\b(random|randomly|ai|ai-powered|magic|revolutionary|game-changing|rerout\w*|"
    r"other customers?|none|null|unspecified|csr|dual|kernel|lat|lng)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("code", _CODES)
def test_every_code_has_a_sentence(code: ReasonCode) -> None:
    """Whole, filled in, and in words that a customer may read (R45, R46, R51)."""
    reason = stated(code, observed="12", accepted="34", best="56")
    assert reason.code is code
    assert re.match(r"[A-Z0-9].*[^.]\.$", reason.text)
    assert "{" not in reason.text
    assert "}" not in reason.text
    assert not _BANNED.search(reason.text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            ReasonCode.OUT_OF_RADIUS,
            "The nearest open order is 12 m away; the radius is 34 m.",
        ),
        (
            ReasonCode.SAVING_BELOW_THRESHOLD,
            (
                "Saving less than the category asks (34 micros): 12 of the open "
                "orders in the radius; the best would save 56 micros."
            ),
        ),
    ],
)
def test_a_sentence_has_the_limit_that_bit(code: ReasonCode, text: str) -> None:
    """What was seen, the limit, and how near the best came (R41)."""
    assert stated(code, observed=12, accepted=34, best=56).text == text


def test_hostile_values_stay_as_they_are() -> None:
    """Braces in a value are text, never a field of the sentence."""
    hostile = "{accepted} {0} {observed.__class__}"
    text = stated(ReasonCode.CATEGORY_NOT_ALLOWED, observed=hostile).text
    assert hostile in text
