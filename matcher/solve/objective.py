"""What an assignment is to be best at: one weight for each candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.domain.objective import Objective
from matcher.solve.components import components
from matcher.solve.graph import SAVING_MAX, TOTAL_MAX, CandidateGraph
from matcher.solve.limits import NONE, Limits

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WeighedGraph:
    """
    A graph whose greatest total is the best for an objective.

    Parameters
    ----------
    graph
        The candidates, with a weight in place of each saving; no weight above 0
        where the candidate saves nothing.
    match_bonus
        What every match counts for besides what comes second, 0 if that is all.
    """

    graph: CandidateGraph
    match_bonus: int


def weigh(
    graph: CandidateGraph,
    objective: Objective,
    distance_m: IntArray,
    limits: Limits | None = None,
) -> WeighedGraph:
    """
    Return the graph on which the greatest total is the best for the objective.

    Parameters
    ----------
    graph
        The candidates with their savings. Not modified.
    objective
        Most saving; or most matches and, of those, most saving; or most matches
        and, of those, the fewest metres in all.
    distance_m
        ``int64 (nnz,)``, metres of each candidate, 0 or more.
    limits
        The groups that the matches are to be kept within, if there are any.

    Returns
    -------
    WeighedGraph
        The graph itself for ``MAX_SAVING``. Else each candidate that saves something
        weighs the bonus plus its saving, or less its metres.

    Raises
    ------
    InvalidProblemError
        If the objective is unknown, the metres or the groups do not fit the candidates,
        or so many returns hang together that matches would not come first in 64 bits.

    Notes
    -----
    The bonus exceeds all that one match fewer could gain elsewhere. Returns that
    share no demand and no group, over however many steps, gain nothing from each other:
    so it is enough to bound that within each component, by its matches at most times
    the range of what comes second. A candidate that saves nothing is none under any
    objective. ``O(nnz)``.
    """
    if objective is Objective.MAX_SAVING:
        return WeighedGraph(graph, 0)
    if objective not in _MATCHES_FIRST:
        raise InvalidProblemError(
            f"objective: got {objective!r}; accepted: "
            + ", ".join(each.name for each in Objective if each)
        )
    _check_distances(graph, distance_m)
    second = second_of(objective, graph.saving, distance_m)
    limits = limits or Limits.none(graph)
    limits.check_sizes(graph)
    taken = (graph.saving > 0) & (graph.capacity[graph.columns] > 0)
    bonus = _bonus(graph, taken, second, limits)
    top = bonus + int(second[taken].max(initial=0))
    rows = int(np.count_nonzero(np.diff(graph.row_offsets)))
    _check_top(objective, top, rows)
    weight = np.where(taken, second + bonus, 0)
    return WeighedGraph(replace(graph, saving=weight), bonus)


@dataclass(frozen=True, slots=True, eq=False)
class PartedGraph:
    """
    A graph of which a difference of two totals tells matches from what comes second.

    Parameters
    ----------
    graph
        The candidates, with a weight in place of each saving.
    bonus
        What every match counts for; 0 where the total is all that counts.
    least
        What comes second counts from here, so that no weight is below the bonus.
    """

    graph: CandidateGraph
    bonus: int
    least: int

    def parted(self, total: IntArray) -> tuple[IntArray, IntArray]:
        """Return the matches in differences of totals, and the rest that they leave."""
        if not self.bonus:
            return np.zeros_like(total), total
        count = (total + self.bonus // 2) // self.bonus
        return count, total - count * self.bonus


def part(
    graph: CandidateGraph, objective: Objective, distance_m: IntArray
) -> PartedGraph:
    """
    Return the graph whose totals compare, and come apart, however much it is changed.

    Parameters
    ----------
    graph, objective, distance_m
        As of :func:`weigh`.

    Returns
    -------
    PartedGraph
        The graph itself for ``MAX_SAVING``.

    Raises
    ------
    InvalidProblemError
        If that takes more than 64 bits.

    Notes
    -----
    The bonus is more than twice what comes second can differ by in all, so that it is
    the larger one of :func:`weigh` whatever hangs together: with other units, or within
    other limits.
    """
    if objective is Objective.MAX_SAVING:
        return PartedGraph(graph, 0, 0)
    _check_distances(graph, distance_m)
    second = second_of(objective, graph.saving, distance_m)
    taken = graph.saving > 0
    rows = int(np.count_nonzero(np.diff(graph.row_offsets)))
    if not taken.any():
        return PartedGraph(replace(graph, saving=np.zeros_like(second)), 1, 0)
    least, most = int(second[taken].min()), int(second[taken].max())
    bonus = 2 * rows * (most - least) + 1
    _check_top(objective, bonus + most - least, rows)
    weight = np.where(taken, second - least + bonus, 0)
    return PartedGraph(replace(graph, saving=weight), bonus, least)


def second_of(objective: Objective, saving: IntArray, distance_m: IntArray) -> IntArray:
    """Return what comes second of candidates, or all that counts: more is better."""
    is_by_distance = objective is Objective.MAX_MATCHES_THEN_DISTANCE
    return -distance_m if is_by_distance else saving


_MATCHES_FIRST = {
    Objective.MAX_MATCHES_THEN_SAVING,
    Objective.MAX_MATCHES_THEN_DISTANCE,
}


def _check_top(objective: Objective, top: int, rows: int) -> None:
    if top > SAVING_MAX or top * rows > TOTAL_MAX:
        raise InvalidProblemError(
            f"objective: {objective.name} needs {top} micros for each of {rows} "
            f"returns to put matches first; accepted: {SAVING_MAX} for each and "
            f"{TOTAL_MAX} in all: narrow the radius, or use MAX_SAVING"
        )


def _check_distances(graph: CandidateGraph, distance_m: IntArray) -> None:
    if distance_m.shape != graph.saving.shape:
        raise InvalidProblemError(
            f"distance_m: got shape {distance_m.shape}; accepted: {graph.saving.shape}"
        )
    if not np.issubdtype(distance_m.dtype, np.integer):
        raise InvalidProblemError(
            f"distance_m: got {distance_m.dtype}; accepted: integers"
        )
    outside = np.nonzero((distance_m < 0) | (distance_m > SAVING_MAX))[0]
    if len(outside):
        at = int(outside[0])
        raise InvalidProblemError(
            f"distance_m[{at}]: got {distance_m[at]}; accepted: 0 to {SAVING_MAX}"
        )


def _bonus(
    graph: CandidateGraph, taken: NDArray[np.bool_], second: IntArray, limits: Limits
) -> int:
    # With t matches what comes second sums to t * high at most, with t + 1 to no less
    # than (t + 1) * low: the bonus exceeds the difference for every t below the most
    # matches that a component can have. In Python's integers: it may be very large.
    n = graph.row_count
    row, column = graph.edge_rows[taken], graph.columns[taken]
    part = _parts(graph, row, column, limits)
    count = int(part.max(initial=-1)) + 1
    of_edge = part[row]
    low = np.full(count, SAVING_MAX, np.int64)
    high = np.full(count, -SAVING_MAX, np.int64)
    np.minimum.at(low, of_edge, second[taken])
    np.maximum.at(high, of_edge, second[taken])
    filled = np.bincount(of_edge, minlength=count) > 0
    wanting, wanted = np.unique(row), np.unique(column)
    rows = np.bincount(part[wanting], minlength=count)
    units = np.zeros(count, np.int64)
    np.add.at(units, part[n + wanted], graph.capacity[wanted])
    most = np.minimum(rows, units)[filled].astype(object)
    low, high = low[filled].astype(object), high[filled].astype(object)
    needed = (most - 1) * (high - low) - low + 1
    return max(0, int(needed.max(initial=0)))


def _parts(
    graph: CandidateGraph, row: IntArray, column: NDArray[np.int32], limits: Limits
) -> NDArray[np.int32]:
    # What may gain from each other: who shares a demand, or places of a group. In a
    # group around all others whoever gets a place takes it from who comes in beside
    # it, so that nobody else is the better for it.
    n, m = graph.row_count, graph.column_count
    rows, columns = np.unique(row), np.unique(column).astype(np.int64)
    top = _outermost(limits)
    links = [(row, n + column.astype(np.int64))]
    for first, members, group_of in (
        (0, rows, limits.row_group),
        (n, columns, limits.column_group),
        (n + m, np.arange(limits.count), limits.parent),
    ):
        group = group_of[members].astype(np.int64)
        known = group != NONE
        for of in (limits.row_group[rows], limits.column_group[columns]):
            around = np.unique(top[of])
            if len(around) == 1:
                known &= group != around[0]
        links.append((first + members[known], n + m + group[known]))
    return components(n + m + limits.count, *links)


def _outermost(limits: Limits) -> NDArray[np.int32]:
    # The group around each group that nothing is around; and for -1, none.
    top = np.append(np.arange(limits.count), NONE).astype(np.int32)
    for group in limits.bottom_up[::-1].tolist():
        if limits.parent[group] != NONE:
            top[group] = top[limits.parent[group]]
    return top
