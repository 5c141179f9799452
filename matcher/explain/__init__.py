"""Why a decision is as it is, in words; imports the domain."""

from matcher.explain.explanation import Explanation, GateFinding, explain

__all__ = ["Explanation", "GateFinding", "explain"]
