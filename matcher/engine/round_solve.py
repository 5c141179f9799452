"""Solve one market: the part of a round that needs nothing but its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError, InvalidValueError
from matcher.domain.objective import Objective
from matcher.engine.market import Market
from matcher.engine.match_groups import MatchGroups
from matcher.engine.proof import Proof
from matcher.engine.stages import Stage, Stages, unwatched
from matcher.solve import (
    Assignment,
    CandidateGraph,
    Limits,
    Stop,
    WeighedGraph,
    assign,
    assign_within,
    check_certificate,
    weigh,
)
from matcher.solve.assignment import taken_savings


@dataclass(frozen=True, slots=True)
class SolvedMarket:
    """
    A market with its optimum, or a proven bound on what it misses of it.

    Parameters
    ----------
    market
        The market.
    assignment
        The answer; its value, prices and gap are in the weights of the objective.
    objective
        What it is best at.
    weighed
        The candidates with their weights: the savings, for ``MAX_SAVING``.
    groups
        The match limits that were kept, if there are any.
    """

    market: Market
    assignment: Assignment
    objective: Objective
    weighed: WeighedGraph
    groups: MatchGroups | None = None

    @property
    def saving_micros(self) -> int:
        """Total saving of the assignment, whatever its objective."""
        graph, column = self.market.graph, self.assignment.column
        if self.objective is Objective.MAX_SAVING:
            return self.assignment.value
        return int(taken_savings(graph, column).sum())

    @property
    def dual_micros(self) -> int:
        """The saving and what the objective may miss: the saving if it is the best."""
        return self.saving_micros + self.assignment.gap

    def proof(self, return_ids: Sequence[str], demand_ids: Sequence[str]) -> Proof:
        """Return the certificate in a form that can be stored and checked elsewhere."""
        groups = self.groups
        proof = Proof.of(
            self.market.graph,
            self.assignment,
            return_ids,
            demand_ids,
            keys=groups.keys if groups else (),
            limits=groups.limits if groups else None,
        )
        return proof.weighed(
            self.objective, self.weighed, self.market.distance_m, self.saving_micros
        )


def pose_market(
    market: Market,
    assignment: Assignment,
    objective: Objective,
    groups: MatchGroups | None,
) -> SolvedMarket:
    """
    Return a market with an answer to it that is known.

    Raises
    ------
    InvalidProblemError
        If so many returns hang together that matches would not come first in 64 bits.
    """
    limits = groups.limits if groups else None
    weighed = weigh(market.graph, objective, market.distance_m, limits)
    return SolvedMarket(market, assignment, objective, weighed, groups)


def solve_market(
    market: Market,
    *,
    objective: Objective = Objective.MAX_SAVING,
    groups: MatchGroups | None = None,
    threads: int = 1,
    stop: Stop | None = None,
    stages: Stages = unwatched,
) -> SolvedMarket:
    """
    Assign the market's items to its demands as well as the objective can be served.

    Parameters
    ----------
    market
        The market; not modified. Safe to solve on any thread.
    objective
        What to be best at.
    groups
        Match limits to keep.
    threads
        Threads to work on; no influence on the answer.
    stop
        Ends the work early when it is requested; the answer then has a gap.
    stages
        Is told of ``SOLVE`` and ``CHECK``.

    Returns
    -------
    SolvedMarket
        The optimum, or the best by then; the independent checker has accepted its
        certificate. It is a function of the items that have candidates, their demands
        and what is left under the limits: items without one make no difference.

    Raises
    ------
    InvalidValueError
        If the objective cannot put matches first in 64 bits.
    CertificateError
        If the checker finds a fault: a defect of ours, so that nothing is decided
        on the strength of it.
    """
    graph, distance_m = market.graph, market.distance_m
    with stages(Stage.SOLVE):
        weighed, assignment = solve_graph(
            graph, distance_m, objective, groups, threads=threads, stop=stop
        )
    with stages(Stage.CHECK):
        limits = groups.limits if groups else None
        check_certificate(weighed.graph, assignment, limits)
    return SolvedMarket(market, assignment, objective, weighed, groups)


def solve_graph(
    graph: CandidateGraph,
    distance_m: NDArray[np.int64],
    objective: Objective,
    groups: MatchGroups | None,
    *,
    threads: int = 1,
    stop: Stop | None = None,
) -> tuple[WeighedGraph, Assignment]:
    """
    Weigh candidates and assign, as :func:`solve_market` does, without a check.

    Raises
    ------
    InvalidValueError
        If matches cannot be put first in 64 bits.
    """
    try:
        if groups is None:
            weighed = weigh(graph, objective, distance_m)
            return weighed, assign(weighed.graph, threads=threads, stop=stop)
        weighed = weigh(graph, objective, distance_m, groups.limits)
        found = _within(weighed.graph, groups.limits, threads=threads, stop=stop)
    except InvalidProblemError as error:
        if objective is Objective.MAX_SAVING:
            raise
        # No fault of ours: so many returns hang together, at savings so far apart.
        accepted = f"MAX_SAVING, or a narrower radius, for so large a market: {error}"
        raise InvalidValueError("policy.objective", objective.name, accepted) from error
    return weighed, found


def _within(
    graph: CandidateGraph, limits: Limits, *, threads: int, stop: Stop | None
) -> Assignment:
    # Which of several optima it is where limits bind depends on what is solved
    # together: only rows that have candidates are.
    rows = np.nonzero(np.diff(graph.row_offsets))[0]
    found = assign_within(
        replace(graph, row_offsets=np.append(0, graph.row_offsets[rows + 1])),
        Limits(
            limits.limit, limits.parent, limits.row_group[rows], limits.column_group
        ),
        threads=threads,
        stop=stop,
    )
    column = np.full(graph.row_count, -1, np.int32)
    price = np.zeros(graph.row_count, np.int64)
    column[rows] = found.column
    price[rows] = found.return_price
    return replace(found, column=column, return_price=price)
