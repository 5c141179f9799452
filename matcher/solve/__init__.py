"""Exact assignment and its certificate; imports the domain's errors and no more."""

from matcher.domain.objective import Objective
from matcher.solve.assignment import Assignment, dual_value
from matcher.solve.certificate import check_certificate
from matcher.solve.graph import CandidateGraph
from matcher.solve.limited import assign_within, warm_up_within
from matcher.solve.limits import Limits
from matcher.solve.live import LiveAssignment
from matcher.solve.objective import PartedGraph, WeighedGraph, part, second_of, weigh
from matcher.solve.solver import assign, warm_up
from matcher.solve.stop import Stop

__all__ = [
    "Assignment",
    "CandidateGraph",
    "Limits",
    "LiveAssignment",
    "Objective",
    "PartedGraph",
    "Stop",
    "WeighedGraph",
    "assign",
    "assign_within",
    "check_certificate",
    "dual_value",
    "part",
    "second_of",
    "warm_up",
    "warm_up_within",
    "weigh",
]
