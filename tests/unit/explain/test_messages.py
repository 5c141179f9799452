"""Messages: whole in every locale, plain, and never more than the facts support."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.decision import Decision, Outcome, WarehouseRoute
from matcher.domain.errors import InvalidPolicyError, InvalidValueError
from matcher.domain.ids import ReturnId, WarehouseId
from matcher.domain.policy import LocaleMessages
from matcher.domain.reason import Gate, ReasonCode
from matcher.engine.ledger import decision_id
from matcher.explain.copy_lint import BANNED, NEARBY, banned_terms, find_terms
from matcher.explain.decision_texts import decision_texts
from matcher.explain.message_catalogue import (
    SHIPPED,
    MessageCatalogue,
    shipped_texts,
)
from matcher.explain.message_check import check_messages
from matcher.explain.message_ids import NEARBY_M, REASON_PARTS, required_messages
from matcher.policy.wording import stated
from tests.contract.store.rows import match_row
from tests.scenarios import NOW_US, policy

_CODES = [code for code in ReasonCode if code]
_FACTS = {"is_nearby": "no"}


def _decision(
    code: ReasonCode = ReasonCode.NO_DEMAND,
    outcome: Outcome = Outcome.WAREHOUSE,
    **changes: Any,
) -> Decision:
    route = WarehouseRoute(WarehouseId("w1"), 1_000, 5)
    values: dict[str, Any] = {
        "decision_id": decision_id(1),
        "return_id": ReturnId("r1"),
        "outcome": outcome,
        "reasons": (stated(code),),
        "checks": (),
        "fallback": route,
        "policy_version": 1,
        "decided_us": NOW_US,
        "match": match_row() if outcome is Outcome.MATCHED else None,
        "warehouse": route if outcome is Outcome.WAREHOUSE else None,
        **changes,
    }
    return Decision(**values)


def _faults(text: str, locale: str = "en", *added: str) -> list[tuple[str, str]]:
    found = check_messages([LocaleMessages(locale, text)], added, shipped_texts())
    return [(each.field, each.value) for each in found]


# --- The shipped ones -----------------------------------------------------------


@pytest.mark.parametrize("locale", SHIPPED)
@pytest.mark.parametrize("code", _CODES)
def test_every_reason_has_its_texts_in_every_locale(
    code: ReasonCode, locale: str
) -> None:
    """Customer text, both scripts, what to say and to avoid (R51)."""
    catalogue = MessageCatalogue(())
    texts = [catalogue.of_reason(locale, code, part, _FACTS) for part in REASON_PARTS]
    assert all(text.strip() for text in texts)
    short, long = texts[1:3]
    assert len(long) > len(short)


# What would say that nothing can come of it any more.
_FINAL = {"en": "The standard way is", "de": "Der übliche Weg"}


@pytest.mark.parametrize("locale", SHIPPED)
@pytest.mark.parametrize("code", [c for c in _CODES if c.gate is Gate.DEMAND])
def test_who_waits_is_not_told_that_it_is_decided(
    code: ReasonCode, locale: str
) -> None:
    """What a round found of an item that goes on waiting is told as of now."""
    reasons = (stated(ReasonCode.AWAITING_ROUND), stated(code))
    waiting = _decision(outcome=Outcome.WAITING, reasons=reasons)
    text = decision_texts(waiting, MessageCatalogue(()), locale).customer
    assert _FINAL[locale] not in text


@pytest.mark.parametrize(
    ("locale", "some", "limit"),
    [
        ("en", "Some of those who were waiting", "a limited number of items a day"),
        ("de", "hat zum Teil inzwischen einen", "eine begrenzte Zahl von Artikeln am"),
    ],
)
def test_a_full_limit_leaves_buyers(locale: str, some: str, limit: str) -> None:
    """Taken units and a full day side by side: not everybody has an item by now."""
    codes = (
        ReasonCode.AWAITING_ROUND,
        ReasonCode.DEMAND_CAPACITY,
        ReasonCode.DAY_LIMIT_REACHED,
    )
    waiting = _decision(
        outcome=Outcome.WAITING, reasons=tuple(stated(code) for code in codes)
    )
    text = decision_texts(waiting, MessageCatalogue(()), locale).customer
    assert some in text
    assert limit in text


@pytest.mark.parametrize("locale", SHIPPED)
def test_the_shipped_texts_pass_their_own_lint(locale: str) -> None:
    """No hype, no rerouting, no claim without its fact (R45, R46, R47)."""
    alone = [LocaleMessages(locale, shipped_texts()[locale])]
    assert check_messages(alone, (), {}) == []


def test_the_locales_have_the_same_messages() -> None:
    """No message is there in one language only."""
    ids = [
        {line.split(" =")[0] for line in text.splitlines() if " =" in line}
        for text in shipped_texts().values()
    ]
    assert ids[0] == ids[1]


def test_help_names_the_programme_by_its_term() -> None:
    """A layer beside the warehouse, and not a replacement (R46)."""
    for locale in SHIPPED:
        text = MessageCatalogue(()).text(locale, "help-what-it-is", {})
        assert "selective optimization layer" in text


# --- Decisions ------------------------------------------------------------------


@pytest.mark.parametrize("locale", SHIPPED)
@pytest.mark.parametrize("outcome", [each for each in Outcome if each])
@pytest.mark.parametrize("code", _CODES)
def test_every_customer_text_has_its_three_parts(
    code: ReasonCode, outcome: Outcome, locale: str
) -> None:
    """What may be matched, that the standard way is there, that refunds stay (R49)."""
    catalogue = MessageCatalogue(())
    texts = decision_texts(_decision(code, outcome), catalogue, locale)
    assert texts.customer.endswith(catalogue.parts(locale))
    assert catalogue.of_reason(locale, code, "customer", _FACTS) in texts.customer
    assert texts.support.short
    assert texts.operator
    language = BANNED[locale]
    for text in (texts.customer, texts.support.short, texts.support.long):
        assert not list(find_terms(text, language))


@pytest.mark.parametrize(
    ("distance_m", "expected"), [(0, True), (NEARBY_M, True), (NEARBY_M + 1, False)]
)
@pytest.mark.parametrize("locale", SHIPPED)
def test_nearby_is_said_where_it_is_true(
    locale: str, distance_m: int, expected: bool
) -> None:
    """To the metre; what the three parts say in general is no claim (R47)."""
    match = match_row(distance_m=distance_m)
    decision = _decision(ReasonCode.MATCHED_BEST_SAVING, Outcome.MATCHED, match=match)
    catalogue = MessageCatalogue(())
    texts = decision_texts(decision, catalogue, locale)
    about_it = texts.customer.removesuffix(catalogue.parts(locale))
    assert bool(list(find_terms(about_it, NEARBY[locale]))) is expected


def test_texts_name_nobody() -> None:
    """Neither ids nor places of the other party reach a text (I10)."""
    decision = _decision(ReasonCode.MATCHED_BEST_SAVING, Outcome.MATCHED)
    match = decision.match
    assert match is not None
    for locale in SHIPPED:
        texts = decision_texts(decision, MessageCatalogue(()), locale)
        for text in (texts.customer, texts.support.short, texts.support.long):
            assert match.demand_id not in text.split()
            assert match.match_id not in text


def test_words_that_reasons_share_are_said_once() -> None:
    """Three faults that the warehouse looks into are one sentence to the customer."""
    codes = ("ITEM_DAMAGED", "ITEM_DEFECTIVE", "VERIFICATION_FAILED", "ITEM_FRAGILE")
    reasons = tuple(stated(ReasonCode[each]) for each in codes)
    texts = decision_texts(_decision(reasons=reasons), MessageCatalogue(()))
    assert texts.customer.count("closer look") == 1
    assert "has to go through the warehouse" in texts.customer
    assert "damaged" in texts.support.short


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("", "en"), ("en", "en"), ("de-AT", "de"), ("de_CH", "de"), ("EN-gb", "en")],
)
def test_a_language_is_found_for_a_tag(asked: str, expected: str) -> None:
    """Regions fall back to their language."""
    assert MessageCatalogue(()).locale(asked) == expected


def test_a_language_without_messages_is_refused() -> None:
    """With what there is; nobody is answered in a language not asked for."""
    with pytest.raises(InvalidValueError, match="one of de, en"):
        MessageCatalogue(()).locale("fr")


# --- A policy's own -------------------------------------------------------------


def test_a_policy_puts_its_words_over_the_shipped_ones() -> None:
    """One text is changed, the rest stays; the version before keeps its own (R53)."""
    words = "outcome-warehouse = It goes to our depot in { $is_nearby }."
    own = LocaleMessages("en", words)
    changed = MessageCatalogue.of(policy(messages=(own,)))
    texts = decision_texts(_decision(), changed)
    assert texts.customer.startswith("It goes to our depot in no. Nobody is waiting")
    before = decision_texts(_decision(), MessageCatalogue.of(policy()))
    assert before.customer.startswith("Your return takes the standard way.")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("part-refund = It is magic.", "1:21"),
        ("# c\n\npart-refund = A\n    game-\n    changing way.", "4:5"),
        ("part-refund = An Ai \u2014 PoWeReD refund.", "1:18"),
        ("part-refund = { $is_nearby ->\n   [yes] fine\n  *[no] seamless\n}", "3:9"),
        ("-term = revolutionary\npart-refund = { -term }", "1:9"),
        ("reason-no-demand =\n    .customer = It was rerouted.", "2:24"),
        ("say-checks = Say that it is effortless.", "1:29"),
    ],
)
def test_a_banned_term_is_refused_with_its_place(text: str, place: str) -> None:
    """In either case, over lines, in selectors, terms and attributes (R45)."""
    assert _faults(text)[0][0] == f"messages[0].text:{place}"


def test_what_support_avoids_may_be_named() -> None:
    """The words that are not to be said have to be said to support."""
    assert _faults("avoid-demand = Do not say rerouted.") == []
    assert (
        _faults(
            "reason-no-demand =\n"
            + "".join(f"    .{part} = x\n" for part in REASON_PARTS[:-1])
            + "    .avoid = Do not say rerouted."
        )
        == []
    )


def test_the_list_of_terms_can_be_added_to_and_not_emptied() -> None:
    """A brand's own terms come on top (R45)."""
    assert _faults("part-refund = A bargain.", "en", "bargain")
    assert _faults("part-refund = Pure magic.", "en", "bargain")
    assert set(BANNED["en"]) < set(banned_terms("en", ["bargain"]))
    # A language without a list of its own is held to the English one.
    assert banned_terms("fr") == BANNED["en"]


@pytest.mark.parametrize(
    "text",
    [
        "outcome-matched = A nearby buyer has it.",
        "outcome-matched = { $is_nearby ->\n [yes] x\n *[no] someone next door\n}",
        "handoff-standard = A buyer close by.",
    ],
)
def test_a_claim_without_its_fact_is_refused(text: str) -> None:
    """Nearness is said only where the decision's distance bears it out (R47)."""
    ((field, value),) = _faults(text)
    assert field == "messages[0].text"
    assert value.split(":")[0] in text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("part-refund = { $price }", "part-refund: Unknown external: price"),
        ('part-refund = { "" }', "part-refund: empty"),
        ("part-refund = { NOPE() }", "part-refund: "),
        ("part-refund = { part-refund }", "part-refund: "),
        ("reason-no-demand =\n    .customer = x", "no reason-no-demand.short"),
        ("part-refund =\n    .x = y", "no part-refund"),
    ],
)
def test_a_message_that_says_nothing_is_refused(text: str, value: str) -> None:
    """Facts nobody has, empty texts, loops, gaps."""
    assert _faults(text)[0][1].startswith(value)


def test_syntax_is_reported_with_line_and_column() -> None:
    """Each place that is no message."""
    found = _faults("a = b\nc\nd = {\n")
    assert [field for field, _ in found] == [
        "messages[0].text:2:2",
        "messages[0].text:4:1",
    ]


def test_a_new_language_has_to_be_whole() -> None:
    """All that is missing is listed, as far as twenty lines go; whole, it is there."""
    faults = _faults("part-refund = Rien ne change.", "fr")
    assert len(faults) == 20
    assert ("messages[0].text", "no part-matching") in faults
    whole = LocaleMessages("fr", shipped_texts()["en"])
    catalogue = MessageCatalogue((whole,))
    assert catalogue.locales == ("de", "en", "fr")
    assert catalogue.locale("fr-CA") == "fr"
    assert decision_texts(_decision(), catalogue, "fr").locale == "fr"


def test_a_catalogue_refuses_what_the_check_refuses() -> None:
    """Even for a policy that a library user builds by hand."""
    with pytest.raises(InvalidPolicyError, match="magic"):
        MessageCatalogue((LocaleMessages("en", "part-refund = magic"),))


@given(st.text(max_size=200))
def test_any_text_is_judged_and_none_breaks_the_judge(text: str) -> None:
    """Hostile Fluent: either it has faults, or every message can be said with it."""
    messages = (LocaleMessages("en", text),)
    if check_messages(messages, (), shipped_texts()):
        return
    catalogue = MessageCatalogue(messages)
    for name in required_messages():
        assert catalogue.text("en", name, _FACTS).strip()
