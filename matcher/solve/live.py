"""The optimum of a market that changes, kept up to date event by event."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.solve.assignment import Assignment
from matcher.solve.graph import CandidateGraph, saving_only
from matcher.solve.live_kernel import (
    insert_columns_kernel,
    insert_rows_kernel,
    remove_columns_kernel,
    remove_rows_kernel,
    resize_columns_kernel,
)
from matcher.solve.live_state import NONE, LiveState
from matcher.solve.slots import Slots
from matcher.solve.solver import assign, settled

IntArray = NDArray[np.int64]
#: Offsets, other ends and savings.
Candidates = tuple[IntArray, NDArray[np.int32], IntArray]


class LiveAssignment:
    """
    An exact optimum that follows its market: returns and demands come and go.

    After every call prices prove the assignment optimal; what the call costs depends
    on how far the change reaches, not on how large the market is. Returns and demands
    are named by slots, which are given out again once they are free. Nothing is
    changed by a call that raises. Not safe for several threads at once.

    Parameters
    ----------
    graph
        A market to begin with; its rows and columns are the first slots. Empty if
        not given.
    start
        The answer to it; worked out if not given.

    Notes
    -----
    Shortest augmenting paths from the disturbed place on, with prices as potentials
    (Ahuja, Magnanti and Orlin, "Network Flows", 1993, sections 9.7 and 9.11): a
    return that comes, or loses its place, looks for the cheapest way to one; a unit
    that becomes free goes to whoever gains most by it. ``O(t d + t log t)`` for an
    event that reaches ``t`` demands of ``d`` candidates each.

    Which of several optima it holds depends on its history; :meth:`answer` does not.
    """

    def __init__(
        self, graph: CandidateGraph | None = None, start: Assignment | None = None
    ) -> None:
        graph = graph or _without_candidates(np.empty(0, np.int32))
        start = start or assign(graph)
        self._state = LiveState(graph, start.column, start.demand_price)
        self._returns = Slots("returns")
        self._demands = Slots("demands")
        self._returns.take(graph.row_count)
        self._demands.take(graph.column_count)

    @property
    def return_count(self) -> int:
        """Returns in the market."""
        return self._returns.count

    @property
    def demand_count(self) -> int:
        """Demands in the market, those without a unit included."""
        return self._demands.count

    @property
    def candidate_count(self) -> int:
        """Candidates that save something."""
        return self._state.pair_count

    @property
    def value(self) -> int:
        """Total saving, micros. ``O(n + m)``."""
        state = self._state
        price, capacity = state.demand_price, state.capacity
        priced = np.nonzero(price)[0]
        units = zip(capacity[priced].tolist(), price[priced].tolist(), strict=True)
        return int(sum(state.return_price.tolist()) + sum(n * v for n, v in units))

    def demand_of(self, returns: ArrayLike) -> NDArray[np.int32]:
        """Return the slot of the demand that each return has, -1 for none."""
        return self._state.column_of[self._returns.check("returns", returns)]

    def insert_returns(
        self, row_offsets: IntArray, demands: NDArray[np.int32], saving: IntArray
    ) -> IntArray:
        """
        Add ``k`` returns, one after the other.

        Parameters
        ----------
        row_offsets, demands, saving
            Candidates of each as in :class:`CandidateGraph`, ``int (k + 1,)`` and
            twice ``int (e,)``, with slots of demands for columns.

        Returns
        -------
        ndarray
            ``int64 (k,)``, the slot of each.

        Raises
        ------
        InvalidProblemError
            If shapes, slots or savings do not fit.
        """
        self._demands.check("demands", demands)
        offsets, to, worth = _checked(row_offsets, demands, saving)
        slots = self._returns.take(len(offsets) - 1)
        state = self._with_room_for(len(to))
        insert_rows_kernel(slots, offsets, to, worth, *state.parts, state.spare)
        return slots

    def remove_returns(self, returns: ArrayLike) -> None:
        """
        Remove returns, one after the other.

        Raises
        ------
        InvalidProblemError
            If a slot is not in use, or comes twice.
        """
        slots = self._returns.check("returns", returns, once=True)
        remove_rows_kernel(slots, *self._state.parts, self._state.spare)
        self._returns.give_back(slots)

    def insert_demands(
        self,
        capacity: NDArray[np.int32],
        column_offsets: IntArray,
        returns: NDArray[np.int32],
        saving: IntArray,
    ) -> IntArray:
        """
        Add ``k`` demands, one after the other.

        Parameters
        ----------
        capacity
            ``int (k,)``, units of each, 0 or more.
        column_offsets, returns, saving
            Candidates of each, as for :meth:`insert_returns` the other way round.

        Returns
        -------
        ndarray
            ``int64 (k,)``, the slot of each.

        Raises
        ------
        InvalidProblemError
            If shapes, slots, savings or capacities do not fit.
        """
        self._returns.check("returns", returns)
        offsets, to, worth = _checked(column_offsets, returns, saving)
        units = _units(capacity, len(offsets) - 1)
        slots = self._demands.take(len(units))
        state = self._with_room_for(len(to))
        insert_columns_kernel(
            slots, units, offsets, to, worth, *state.parts, state.spare
        )
        return slots

    def remove_demands(self, demands: ArrayLike) -> None:
        """
        Remove demands, one after the other; their returns look for another.

        Raises
        ------
        InvalidProblemError
            If a slot is not in use, or comes twice.
        """
        slots = self._demands.check("demands", demands, once=True)
        remove_columns_kernel(slots, *self._state.parts, self._state.spare)
        self._demands.give_back(slots)

    def resize_demands(self, demands: ArrayLike, capacity: NDArray[np.int32]) -> None:
        """
        Change the units of demands, one after the other.

        Raises
        ------
        InvalidProblemError
            If a slot is not in use, or a capacity does not fit.
        """
        slots = self._demands.check("demands", demands)
        resize_columns_kernel(slots, _units(capacity, len(slots)), *self._state.parts)

    def answer(
        self, returns: ArrayLike, demands: ArrayLike
    ) -> tuple[CandidateGraph, Assignment]:
        """
        Return the market as a graph, and the answer to it.

        Parameters
        ----------
        returns, demands
            All slots in use, in the order that rows and columns are to have.

        Returns
        -------
        graph
            The candidates that save something, those of a row by column.
        assignment
            Bit for bit what :func:`assign` answers to the graph.

        Raises
        ------
        InvalidProblemError
            If a slot is missing, is not in use, or comes twice.
        """
        row_slots = _all(self._returns, "returns", returns)
        column_slots = _all(self._demands, "demands", demands)
        row_at = _places(row_slots, self._returns.size)
        column_at = _places(column_slots, self._demands.size)
        state = self._state
        rows, columns = state.pair_ends
        used = np.nonzero(rows != NONE)[0]
        row, column = row_at[rows[used]], column_at[columns[used]]
        order = np.lexsort((column, row))
        graph = CandidateGraph(
            np.append(0, np.cumsum(np.bincount(row, minlength=len(row_slots)))),
            column[order],
            state.pair_saving[used[order]],
            state.capacity[column_slots],
        )
        held = Assignment(
            column_at[state.column_of[row_slots]],
            state.return_price[row_slots],
            state.demand_price[column_slots],
            0,
        )
        return graph, settled(graph, held)

    def _with_room_for(self, pair_count: int) -> LiveState:
        self._state.reserve(self._returns.size, self._demands.size, pair_count)
        return self._state


def _checked(offsets: IntArray, to: NDArray[np.int32], saving: IntArray) -> Candidates:
    # What saves something, checked as a graph's candidates are. Their other ends are
    # slots, which were checked: here all are column 0, for there may be a million.
    ends = np.asarray(to)
    given = CandidateGraph(
        offsets, np.zeros(ends.shape, np.int32), saving, np.ones(1, np.int32)
    )
    kept, _, worth = saving_only(given)
    return kept, ends[given.saving > 0].astype(np.int32), worth


def _without_candidates(capacity: NDArray[np.int32]) -> CandidateGraph:
    return CandidateGraph(
        np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), capacity
    )


def _units(capacity: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    # As a graph without candidates has them checked.
    units = _without_candidates(capacity).capacity
    if len(units) != count:
        raise InvalidProblemError(
            f"capacity: got {len(units)} entries; accepted: {count}"
        )
    return units


def _all(slots: Slots, name: str, values: ArrayLike) -> IntArray:
    found = slots.check(name, values, once=True)
    if len(found) != slots.count:
        raise InvalidProblemError(
            f"{name}: got {len(found)} slots; accepted: all {slots.count} in use"
        )
    return found


def _places(slots: IntArray, size: int) -> NDArray[np.int32]:
    # Where each slot stands; the last entry, which -1 finds, is -1.
    place = np.full(size + 1, NONE, np.int32)
    place[slots] = np.arange(len(slots), dtype=np.int32)
    return place
