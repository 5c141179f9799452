"""Exact assignment where one group has a limit: a search for its price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from matcher.solve.assignment import Assignment
from matcher.solve.graph import SAVING_MAX, TOTAL_MAX, CandidateGraph
from matcher.solve.solver import assign
from matcher.solve.stop import Stop

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


# Of three solves two look where tangents meet; the third halves what is left, so that
# there are never many.
_HALVE_EVERY = 3


@dataclass(frozen=True, slots=True)
class Group:
    """
    Which matches count for a limit.

    Parameters
    ----------
    rows, columns
        ``bool (n,)`` and ``bool (m,)``: a match counts if its row or its column does.
    limit
        Matches at most, 1 or more.
    """

    rows: BoolArray
    columns: BoolArray
    limit: int

    def count(self, column: NDArray[np.int32]) -> int:
        """Return how many matches count, given the column of each row or -1."""
        matched = np.nonzero(column >= 0)[0]
        inside = self.rows[matched] | self.columns[column[matched]]
        return int(np.count_nonzero(inside))


@dataclass(frozen=True, slots=True)
class PricedAnswer:
    """The column of each row within a limit, and prices that prove it."""

    column: NDArray[np.int32]
    demand_price: IntArray
    limit_price: int


@dataclass(frozen=True, slots=True)
class _Point:
    # A price of the group, an optimum at it, and the matches that count.
    price: int
    answer: Assignment
    count: int

    def tangent(self, price: int) -> int:
        """Bound the best total at another price from below."""
        return self.answer.value - self.count * (price - self.price)


class PriceSearch:
    """
    Assigns within one limit, by the price that keeps it.

    Parameters
    ----------
    graph
        The candidates. Not modified.
    group
        What counts for the limit.
    threads
        Threads to solve with, 1 or more; no influence on the answer.
    stop
        Ends the search early when it is requested.

    Notes
    -----
    If every match that counts costs ``z`` more, the best total ``V(z)`` is convex,
    linear between whole micros, and falls by as much per micro as there are matches
    that count. Where it falls by the limit, an optimum with so many matches is the
    optimum within the limit, and the price proves it. Two tangents, one to either
    side, close in on that place by where they meet; each step is a solve.

    Where many savings are equal the count leaps over the limit at one price, and all
    counts in between belong to optima there. Then returns up to some number are
    favoured by less than any difference of totals, and others disfavoured: from one
    number to the next a single chain of moves changes, and with it the count by one
    at most, so that a bisection finds the limit.
    """

    def __init__(
        self, graph: CandidateGraph, group: Group, threads: int, stop: Stop
    ) -> None:
        self._graph = graph
        self._group = group
        self._threads = threads
        self._stop = stop
        self._row = graph.edge_rows
        self._counts = group.rows[self._row] | group.columns[graph.columns]

    def run(self) -> PricedAnswer | None:
        """Return the optimum; nothing if stopped, or if numbers would get too large."""
        limit = self._group.limit
        low, high = self._at(0), self._at(int(self._graph.saving.max()))
        for step in count(1):
            if self._stop.is_requested:
                return None
            # On the tangent of the other side, the limit is among a point's counts.
            for point, other in ((low, high), (high, low)):
                if point.answer.value == other.tangent(point.price):
                    return self._between(point)
            if high.price - low.price == 1:
                # As many matches on the way from one to the other.
                fall = low.answer.value - high.answer.value
                return self._between(low if limit >= fall else high)
            price = (low.price + high.price) // 2
            if step % _HALVE_EVERY:
                price = min(max(_crossing(low, high), low.price + 1), high.price - 1)
            middle = self._at(price)
            if middle.count == limit:
                return self._answer(middle, middle.answer)
            if middle.count > limit:
                low = middle
            else:
                high = middle
        raise AssertionError("each step leaves a smaller range of prices")

    def _at(self, price: int) -> _Point:
        saving = np.where(self._counts, self._graph.saving - price, self._graph.saving)
        saving = np.maximum(saving, -SAVING_MAX)
        answer = self._solved(saving)
        return _Point(price, answer, self._group.count(answer.column))

    def _between(self, point: _Point) -> PricedAnswer | None:
        # Some optimum at this price has just as many matches as the limit.
        scale = self._graph.row_count + 1
        top = int(self._graph.saving.max()) + point.price + 1
        if top * scale * scale > min(SAVING_MAX, TOTAL_MAX):
            return None
        low, high = 0, self._graph.row_count
        saving = np.where(
            self._counts, self._graph.saving - point.price, self._graph.saving
        )
        while low <= high and not self._stop.is_requested:
            favoured = (low + high) // 2
            nudge = np.where(self._row < favoured, 1, -1)
            answer = self._solved(saving * scale + np.where(self._counts, nudge, 0))
            found = self._group.count(answer.column)
            if found == self._group.limit:
                return self._answer(point, answer)
            if found < self._group.limit:
                low = favoured + 1
            else:
                high = favoured - 1
        return None

    def _solved(self, saving: IntArray) -> Assignment:
        graph = replace(self._graph, saving=saving)
        return assign(graph, threads=self._threads, stop=self._stop)

    def _answer(self, point: _Point, chosen: Assignment) -> PricedAnswer:
        return PricedAnswer(chosen.column, point.answer.demand_price, point.price)


def _crossing(low: _Point, high: _Point) -> int:
    # Where their tangents meet, rounded down.
    fall = low.tangent(0) - high.tangent(0)
    return fall // (low.count - high.count)
