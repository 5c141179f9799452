"""What stands between an item and the buyers that it could have had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.match_limit import LimitScope, MatchLimit
from matcher.domain.objective import Objective
from matcher.domain.policy import Policy
from matcher.domain.reason import Reason, ReasonCode
from matcher.engine.match_groups import MatchGroups
from matcher.engine.round_solve import SolvedMarket
from matcher.policy.wording import stated
from matcher.policy.words import limit_words
from matcher.solve import CandidateGraph

BoolArray = NDArray[np.bool_]

#: Of each scope: its check, and the reason if it stands in the way.
LIMIT_CHECKS = {
    LimitScope.DAY: ("day_limit", ReasonCode.DAY_LIMIT_REACHED),
    LimitScope.SKU: ("sku_limit", ReasonCode.SKU_LIMIT_REACHED),
    LimitScope.ZONE: ("zone_limit", ReasonCode.ZONE_LIMIT_REACHED),
    LimitScope.WAREHOUSE: ("warehouse_limit", ReasonCode.WAREHOUSE_LIMIT_REACHED),
}


@dataclass(frozen=True, slots=True)
class LimitFinding:
    """
    What one scope of match limits says of an item.

    Parameters
    ----------
    scope
        The scope.
    accepted
        Its limits in words.
    full
        Those of them that are reached, in words; empty if none stands in the way.
    behind_count
        Candidates that are behind one that is reached.
    """

    scope: LimitScope
    accepted: str
    full: str
    behind_count: int


@dataclass(frozen=True, slots=True)
class RowObstacles:
    """
    What stands between an item and its candidates.

    Parameters
    ----------
    gone_count
        Candidates whose units all went to other items.
    limits
        What each scope of match limits says.
    saves_most
        Whether those items save more with them: whether the saving is the objective.
    """

    gone_count: int
    limits: tuple[LimitFinding, ...]
    saves_most: bool = True

    @property
    def is_limited(self) -> bool:
        """Whether any limit stands in the way."""
        return any(each.full for each in self.limits)


class Obstacles:
    """
    What an answer leaves of units and places, asked item by item.

    An optimum leaves no item without a buyer while one of its candidates has a unit
    and a place of everything that it would count for. So for each candidate at least
    one of these is used up, and all of them are told.

    Parameters
    ----------
    policy
        The policy.
    graph, column, groups
        The candidates, the answer and the match limits that it kept; without an answer,
        nothing is used up.
    """

    def __init__(
        self,
        policy: Policy,
        graph: CandidateGraph | None = None,
        column: NDArray[np.int32] | None = None,
        groups: MatchGroups | None = None,
    ) -> None:
        limits = policy.match_limits
        self._saves_most = policy.objective is Objective.MAX_SAVING
        self._scopes = {
            scope: [each for each in _ordered(limits) if each.scope is scope]
            for scope in LIMIT_CHECKS
            if any(each.scope is scope for each in limits)
        }
        self._graph = graph
        self._row_full: dict[MatchLimit, BoolArray] = {}
        self._column_full: dict[MatchLimit, BoolArray] = {}
        if graph is not None and column is not None:
            self._look(graph, column, groups)

    @classmethod
    def of(cls, policy: Policy, solved: SolvedMarket | None = None) -> Obstacles | None:
        """Return those of a policy; ``None`` if only units can be used up."""
        is_plain = policy.objective is Objective.MAX_SAVING and not policy.match_limits
        if is_plain:
            return None
        if solved is None:
            return cls(policy)
        column = solved.assignment.column
        return cls(policy, solved.market.graph, column, solved.groups)

    def of_row(self, row: int) -> RowObstacles:
        """Return what stands in the way of a row that has no column."""
        graph = self._graph
        if graph is None:
            return RowObstacles(0, tuple(self._nothing()), self._saves_most)
        start, stop = graph.row_offsets[row : row + 2]
        columns = graph.columns[start:stop]
        gone = int(np.count_nonzero(self._gone[columns]))
        found: list[LimitFinding] = []
        for scope, limits in self._scopes.items():
            full: list[MatchLimit] = []
            behind = np.zeros(len(columns), np.bool_)
            for each in limits:
                stops = self._row_full[each][row] | self._column_full[each][columns]
                if stops.any():
                    full.append(each)
                    behind |= stops
            found.append(
                LimitFinding(
                    scope,
                    limit_words(limits),
                    limit_words(full) if full else "",
                    int(np.count_nonzero(behind)),
                )
            )
        return RowObstacles(gone, tuple(found), self._saves_most)

    def _nothing(self) -> Iterator[LimitFinding]:
        for scope, limits in self._scopes.items():
            yield LimitFinding(scope, limit_words(limits), "", 0)

    def _look(
        self,
        graph: CandidateGraph,
        column: NDArray[np.int32],
        groups: MatchGroups | None,
    ) -> None:
        used = np.bincount(column[column >= 0], minlength=graph.column_count)
        self._gone = used >= graph.capacity
        if groups is None:
            return
        limits, keys = groups.limits, groups.keys
        is_full = limits.used(column) >= limits.limit
        for each in (one for of_scope in self._scopes.values() for one in of_scope):
            stops = np.array(
                [
                    bool(full)
                    and (key.scope, key.resolution) == (each.scope, each.resolution)
                    for key, full in zip(keys, is_full, strict=True)
                ],
                np.bool_,
            )
            self._row_full[each] = _inside(limits.row_group, limits.parent, stops)
            self._column_full[each] = _inside(limits.column_group, limits.parent, stops)


def is_limited(reason_counts: Iterable[tuple[ReasonCode, int]]) -> bool:
    """Return whether match limits stood in anybody's way, by the reasons of a round."""
    codes = {code for _, code in LIMIT_CHECKS.values()}
    return any(code in codes for code, _ in reason_counts)


def limit_reason(limit: MatchLimit) -> Reason:
    """Return the reason of a match that was lost, for its limit was reached."""
    _, code = LIMIT_CHECKS[limit.scope]
    return stated(code, observed=1, accepted=limit_words([limit]))


def _inside(
    group: NDArray[np.int32], parent: NDArray[np.int32], which: BoolArray
) -> BoolArray:
    # Who is in one of these groups, or in one that it holds.
    inside = np.zeros(len(group), np.bool_)
    at = group.copy()
    while (at >= 0).any():
        known = np.nonzero(at >= 0)[0]
        inside[known] |= which[at[known]]
        at[known] = parent[at[known]]
    return inside


def _ordered(limits: tuple[MatchLimit, ...]) -> list[MatchLimit]:
    return sorted(limits, key=lambda each: (each.scope, each.resolution))
