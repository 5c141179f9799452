"""Which rule the checks of a decision rest on, and why it is as it is (R24)."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.decision import Decision
from matcher.domain.justification import Justification
from matcher.domain.policy import Policy

#: Checks that read the category's rule; a test holds them complete.
RULE_CHECKS = (
    "evidence_fresh",
    "evidence_confident",
    "category_allowed",
    "return_reason_allowed",
    "condition_sufficient",
    "not_end_of_season",
    "not_custom_made",
    "sku_demand_sufficient",
    "open_orders",
    "within_radius",
    "saving_sufficient",
)


@dataclass(frozen=True, slots=True)
class Citation:
    """A category's rule with its justification, and the checks that rest on it."""

    category: str
    justification: Justification
    check_names: tuple[str, ...]


def cite(decision: Decision, policy: Policy | None, category: str) -> Citation | None:
    """
    Return the rule that the checks of a decision rest on.

    Parameters
    ----------
    decision
        The decision.
    policy
        The version that made it; ``None`` was no policy at all.
    category
        Category of the item.

    Returns
    -------
    Citation or None
        ``None`` where nobody said why, or no rule opens the category.
    """
    rule = policy.rule_for(category) if policy is not None else None
    if rule is None or rule.justification is None:
        return None
    names = {check.name for check in decision.checks}
    rest_on_it = tuple(name for name in RULE_CHECKS if name in names)
    return Citation(category, rule.justification, rest_on_it)


def citation_sentence(citation: Citation) -> str:
    """Return what a rule is cited with, for the people who operate it."""
    why = citation.justification
    answers = f", answered for by {why.owner}" if why.owner else ""
    link = f" ({why.link})" if why.link else ""
    return (
        f"The rule for {citation.category} is {why.rule_id}{answers}: "
        f"{why.text.rstrip('.')}.{link}"
    )
