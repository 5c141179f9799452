"""Every reason with what people are told: a document for training (R54)."""

from __future__ import annotations

from matcher.domain.reason import ReasonCode
from matcher.explain.message_catalogue import MessageCatalogue
from matcher.explain.message_ids import HELP, REASON_PARTS

# Where the fact is not known, nothing is claimed.
_FACTS = {"is_nearby": "no"}


def training_table(catalogue: MessageCatalogue, locale: str = "") -> str:
    """
    Return the catalogue as Markdown: what the programme is, then a row a reason.

    Raises
    ------
    InvalidValueError
        If there are no messages in that language.
    """
    locale = catalogue.locale(locale)
    lines = [
        catalogue.text(locale, HELP, _FACTS),
        "",
        catalogue.parts(locale),
        "",
        f"| code | {' | '.join(REASON_PARTS)} |",
        f"|---|{'---|' * len(REASON_PARTS)}",
    ]
    for code in ReasonCode:
        if code:
            texts = [
                catalogue.of_reason(locale, code, part, _FACTS) for part in REASON_PARTS
            ]
            cells = " | ".join(_cell(text) for text in texts)
            lines.append(f"| `{code.name}` | {cells} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
