"""Why a rule is as it is, in the words of who answers for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from matcher.domain.errors import FieldViolation, InvalidValueError
from matcher.domain.ids import check_id

#: Characters of the text of a justification.
TEXT_LENGTH_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Justification:
    """
    What a category's rule rests on; explanations cite it (R24).

    Parameters
    ----------
    rule_id
        Names the rule, each once in a policy: 1 to 128 printable characters.
    text
        Says why in plain language, 1 to 1,000 characters.
    owner
        Who answers for the rule; empty is whoever answers for the policy.
    link
        Where the rationale is written down; may be empty.
    """

    rule_id: str
    text: str
    owner: str = ""
    link: str = ""


def justification_violations(
    found: Iterable[tuple[str, Justification]],
) -> Iterator[FieldViolation]:
    """Yield the faults of justifications, each given with the path of its rule."""
    seen: set[str] = set()
    for path, one in found:
        field = f"{path}.justification"
        try:
            check_id(f"{field}.rule_id", one.rule_id)
        except InvalidValueError as error:
            yield from error.violations
        if one.rule_id in seen:
            yield FieldViolation(
                f"{field}.rule_id", repr(one.rule_id), "each id once in a policy"
            )
        seen.add(one.rule_id)
        if not 1 <= len(one.text) <= TEXT_LENGTH_MAX:
            yield FieldViolation(
                f"{field}.text",
                f"{len(one.text):,} characters",
                "1 to 1,000 characters",
            )
