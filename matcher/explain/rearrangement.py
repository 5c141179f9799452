"""The best that is left if one return is somewhere else, and who moves for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.solve import Assignment, CandidateGraph, LiveAssignment

IntArray = NDArray[np.int64]

NONE = -1


@dataclass(frozen=True, slots=True)
class Move:
    """
    One row that would be somewhere else.

    ``column`` is where it was, ``to_column`` where it would be, -1 for nowhere; with
    what it saves there.
    """

    row: int
    column: int
    to_column: int
    saving: int
    to_saving: int


@dataclass(frozen=True, slots=True)
class Rearrangement:
    """
    The best assignment under a condition, against the one without it.

    Parameters
    ----------
    loss
        What the total would lose, 0 or more.
    moves
        Rows that would be somewhere else: the one that it is about, whoever makes room
        for it, whoever makes room for that one, and so on; then whoever takes what
        became free.
    """

    loss: int
    moves: tuple[Move, ...]


class Rearranging:
    """
    Puts one row of a solved market somewhere else.

    What it answers depends on the market, its assignment and the question, and on
    nothing that was asked before: where several ways lose the same, it is always the
    same one.

    Parameters
    ----------
    graph, assignment
        The market and its optimum.
    row
        The row that the questions are about.
    """

    def __init__(self, graph: CandidateGraph, assignment: Assignment, row: int) -> None:
        self._graph = graph
        self._assignment = assignment
        self._row = row
        # More than any unit is worth to anybody: whoever has it gets one.
        self._bonus = 2 * int(np.abs(graph.saving).max(initial=0)) + 1

    def without(self) -> Rearrangement:
        """Return the best without the row."""
        live = self._live()
        live.remove_returns([self._row])
        found = live.demand_of(self._others())
        return self._compared(live.value, np.insert(found, self._row, NONE))

    def on(self, columns: NDArray[np.int32]) -> Rearrangement:
        """
        Return the best with the row on one of some of its columns.

        Parameters
        ----------
        columns
            ``int32``, one or more of its candidates that save something.
        """
        start, stop = self._graph.row_offsets[self._row : self._row + 2]
        own = self._graph.columns[start:stop]
        saving = self._graph.saving[start:stop]
        asked = np.isin(own, columns)
        assert asked.any(), "a candidate of the row"
        live = self._live()
        live.remove_returns([self._row])
        offsets = np.array([0, int(asked.sum())], np.int64)
        (slot,) = live.insert_returns(
            offsets, own[asked], saving[asked] + self._bonus
        ).tolist()
        found = live.demand_of(self._others())
        column = int(live.demand_of([slot])[0])
        assert column >= 0, "a bonus that outweighs all"
        value = live.value - self._bonus
        return self._compared(value, np.insert(found, self._row, column))

    def _live(self) -> LiveAssignment:
        # Built anew: which of equals it finds depends on what it was asked before.
        return LiveAssignment(self._graph, self._assignment)

    def _others(self) -> IntArray:
        return np.delete(np.arange(self._graph.row_count), self._row)

    def _compared(self, value: int, found: NDArray[np.int32]) -> Rearrangement:
        before = self._assignment.column
        rows = np.nonzero(found != before)[0].tolist()
        moves = [
            Move(
                row,
                int(before[row]),
                int(found[row]),
                self._saving(row, int(before[row])),
                self._saving(row, int(found[row])),
            )
            for row in rows
        ]
        loss = self._assignment.value - value
        return Rearrangement(loss, tuple(_in_order(moves, self._row)))

    def _saving(self, row: int, column: int) -> int:
        start, stop = self._graph.row_offsets[row : row + 2]
        at = np.nonzero(self._graph.columns[start:stop] == column)[0]
        return int(self._graph.saving[start:stop][at].max(initial=0))


def _in_order(moves: Iterable[Move], first: int) -> Iterator[Move]:
    # Each is followed by whoever leaves the column that it comes to.
    left = {move.row: move for move in moves}
    move = left.pop(first, None)
    while move is not None:
        yield move
        at = move.to_column
        leaving = (each for each in left.values() if each.column == at != NONE)
        move = next(leaving, None)
        if move is not None:
            del left[move.row]
    yield from left.values()
