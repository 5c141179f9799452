"""Would this item be matched if its pairs were others? Asked of a solved market."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from matcher.explain.neighbourhood import Neighbourhood
from matcher.solve import Assignment, CandidateGraph, LiveAssignment, assign

IntArray = NDArray[np.int64]
#: Columns, savings and metres of the candidates of a row.
Row = tuple[NDArray[np.int32], IntArray, IntArray]

T = TypeVar("T", bound=np.generic)

#: Units that a demand is given at most before it is clear that it is not about them.
UNITS_MAX = 64


class Probe:
    """
    A solved market with one item in another place, and back again.

    For markets that make the most of the saving, without match limits; any other takes
    :class:`matcher.explain.priced_probe.PricedProbe`.

    Parameters
    ----------
    around
        The market, or the part of it that matters to the item.
    """

    def __init__(self, around: Neighbourhood) -> None:
        graph, start = around.graph, around.assignment
        self._graph = graph
        self._distance_m = around.distance_m
        self.price_max = int(graph.saving.max(initial=0))
        # Doubled, so that one more or less settles ties of the item that is asked of.
        doubled = CandidateGraph(
            graph.row_offsets, graph.columns, 2 * graph.saving, graph.capacity
        )
        self._live = LiveAssignment(
            doubled,
            Assignment(
                start.column,
                2 * start.return_price,
                2 * start.demand_price,
                2 * start.value,
            ),
        )
        self._slot = np.arange(graph.row_count)
        # Little is otherwise with the item in another place: there is little to search.
        self._start_price = start.demand_price

    def first(self, row: int, count: int, way: Callable[[int], Row]) -> int | None:
        """
        Return the first of some ways in which a row is matched.

        Parameters
        ----------
        row
            A row without a column.
        count
            How many ways there are.
        way
            Gives the candidates of the row by number; each way is at least as good
            for it as the one before.

        Returns
        -------
        int or None
            The first way with which the canonical optimum matches the row.
        """
        sure = halved(count, lambda at: self._is_matched(row, way(at), -1))
        # Where it only may be matched, the tie rule decides; that is monotone too, for
        # an optimum that is new has the row matched.
        limit = count if sure is None else sure
        may = halved(limit, lambda at: self._is_matched(row, way(at), 1))
        if may is None:
            return sure
        tied = halved(limit - may, lambda at: self._is_chosen(row, way(may + at)))
        return sure if tied is None else may + tied

    def units(self, row: int, columns: Sequence[int]) -> list[tuple[int, int]]:
        """Return how many units more of some demands get a row matched, if any do."""
        found = ((self._units_of(row, column), column) for column in columns)
        return [(units, column) for units, column in found if units is not None]

    def _units_of(self, row: int, column: int) -> int | None:
        way = self._row(row)
        capacity = int(self._graph.capacity[column])

        def with_units(more: int) -> NDArray[np.int32]:
            return np.array([capacity + more], np.int32)

        def is_matched(at: int) -> bool:
            self._live.resize_demands([column], with_units(at + 1))
            found = self._is_matched(row, way, -1)
            self._live.resize_demands([column], with_units(0))
            return found

        def is_chosen(at: int) -> bool:
            changed = self._graph.capacity.copy()
            changed[column] += at + 1
            return self._is_chosen(row, way, changed)

        def may_be(at: int) -> bool:
            self._live.resize_demands([column], with_units(at + 1))
            found = self._is_matched(row, way, 1)
            self._live.resize_demands([column], with_units(0))
            return found

        sure = halved(UNITS_MAX, is_matched)
        limit = UNITS_MAX if sure is None else sure
        may = halved(limit, may_be)
        if may is not None:
            tied = halved(limit - may, lambda at: is_chosen(may + at))
            sure = sure if tied is None else may + tied
        return None if sure is None else sure + 1

    def _is_matched(self, row: int, way: Row, nudge: int) -> bool:
        column, saving, _ = way
        self._live.remove_returns([self._slot[row]])
        tried = self._insert(column, 2 * saving + nudge)
        found = bool(self._live.demand_of([tried])[0] >= 0)
        self._live.remove_returns([tried])
        own_column, own_saving, _ = self._row(row)
        self._slot[row] = self._insert(own_column, 2 * own_saving)
        return found

    def _insert(self, column: NDArray[np.int32], saving: IntArray) -> int:
        offsets = np.array([0, len(column)], np.int64)
        return int(self._live.insert_returns(offsets, column, saving)[0])

    def _is_chosen(
        self, row: int, way: Row, capacity: NDArray[np.int32] | None = None
    ) -> bool:
        graph = self._graph
        start, stop = graph.row_offsets[row : row + 2]
        column, saving, _ = way
        order = np.argsort(column, kind="stable")
        offsets = graph.row_offsets.copy()
        offsets[row + 1 :] += len(column) - (stop - start)
        changed = CandidateGraph(
            offsets,
            spliced(graph.columns, column[order], int(start), int(stop)),
            spliced(graph.saving, saving[order], int(start), int(stop)),
            graph.capacity if capacity is None else capacity,
        )
        solved = assign(changed, start_price=self._start_price)
        return bool(solved.column[row] >= 0)

    def _row(self, row: int) -> Row:
        start, stop = self._graph.row_offsets[row : row + 2]
        return (
            self._graph.columns[start:stop],
            self._graph.saving[start:stop],
            self._distance_m[start:stop],
        )


def spliced(values: NDArray[T], row: NDArray[T], start: int, stop: int) -> NDArray[T]:
    """Return an array with a row's entries in the place of others."""
    return np.concatenate((values[:start], row, values[stop:]))


def halved(count: int, holds: Callable[[int], bool]) -> int | None:
    """Return a number for which it holds and for the one before does not; by halves."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low if low < count else None
