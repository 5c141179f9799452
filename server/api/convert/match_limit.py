"""Match limits between contract and domain."""

from __future__ import annotations

from collections.abc import Iterable

from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from nearturn.v1 import match_limit_pb2, policy_pb2


def to_objective(message: policy_pb2.Policy) -> Objective:
    """Return what a policy's matches are to be best at; unset is the saving."""
    return Objective(message.objective) or Objective.MAX_SAVING


def to_match_limits(message: policy_pb2.Policy) -> tuple[MatchLimit, ...]:
    """Return the match limits of a policy."""
    return tuple(
        MatchLimit(LimitScope(each.scope), each.count_max, each.resolution)
        for each in message.match_limits
    )


def from_match_limits(limits: Iterable[MatchLimit]) -> list[match_limit_pb2.MatchLimit]:
    """Return match limits as messages."""
    return [
        match_limit_pb2.MatchLimit(
            scope=match_limit_pb2.LimitScope.ValueType(each.scope),
            count_max=each.count_max,
            resolution=each.resolution,
        )
        for each in limits
    ]
