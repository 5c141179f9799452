"""Exact assignment and its certificate; imports the domain's errors and no more."""

from matcher.solve.assignment import Assignment, assign, dual_value, warm_up
from matcher.solve.certificate import check_certificate
from matcher.solve.graph import CandidateGraph

__all__ = [
    "Assignment",
    "CandidateGraph",
    "assign",
    "check_certificate",
    "dual_value",
    "warm_up",
]
