"""Why a decision is as it is, and what a policy says, in words."""

from matcher.explain.explanation import Explanation, GateFinding, explain

__all__ = ["Explanation", "GateFinding", "explain"]
