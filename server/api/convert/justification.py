"""Why rules are as they are, between contract and domain."""

from __future__ import annotations

from matcher.domain.justification import Justification
from matcher.explain.citation import Citation
from nearturn.v1 import justification_pb2, policy_pb2


def to_justification(message: policy_pb2.CategoryRule) -> Justification | None:
    """Return why a rule is as it is; ``None`` if nobody said."""
    if not message.HasField("justification"):
        return None
    why = message.justification
    return Justification(why.rule_id, why.text, why.owner, why.link)


def from_justification(
    why: Justification | None,
) -> justification_pb2.Justification | None:
    """Return why a rule is as it is, as a message."""
    if why is None:
        return None
    return justification_pb2.Justification(
        rule_id=why.rule_id, text=why.text, owner=why.owner, link=why.link
    )


def from_citation(
    citation: Citation | None,
) -> justification_pb2.RuleCitation | None:
    """Return a cited rule as a message."""
    if citation is None:
        return None
    return justification_pb2.RuleCitation(
        category=citation.category,
        justification=from_justification(citation.justification),
        check_names=citation.check_names,
    )
