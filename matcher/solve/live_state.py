"""Pairs, prices and places of a market that changes, as growing arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.solve.graph import CandidateGraph, saving_only
from matcher.solve.live_kernel import load_kernel

Arrays = tuple[NDArray[np.signedinteger], ...]
Layout = tuple[tuple[type[np.signedinteger], int], ...]

NONE = -1

# Types of the arrays of each part, and what a place not in use holds. The kernels say
# what they are.
_PAIRS: Layout = (
    *((np.int32, NONE), (np.int32, NONE), (np.int64, 0)),
    *((np.int32, NONE),) * 4,
)
_ROWS: Layout = ((np.int32, NONE), (np.int64, 0), *((np.int32, NONE),) * 3)
_COLUMNS: Layout = (
    *((np.int32, NONE), (np.int64, 0), (np.int32, NONE)),
    *((np.int32, 0), (np.int32, 0)),
)
_WORK: Layout = ((np.int64, np.iinfo(np.int64).max), *((np.int32, 0),) * 3)

_NEXT_IN_ROW = 3


class LiveState:
    """
    What the kernels of :mod:`~.live_kernel` work on; they say what each array is.

    Parameters
    ----------
    graph
        A market to begin with.
    column
        ``int32 (n,)``: where its returns should be, -1 for nowhere.
    demand_price
        ``int64 (m,)``: any prices of its demands, 0 or more.

    Notes
    -----
    The state is made an optimum that its prices prove: rows are where they should be
    if prices let them gain most there, and look for a place otherwise.
    """

    def __init__(
        self,
        graph: CandidateGraph,
        column: NDArray[np.int32],
        demand_price: NDArray[np.int64],
    ) -> None:
        offsets, columns, saving = saving_only(graph)
        n, m = graph.row_count, graph.column_count
        self._pairs = _grown((), _PAIRS, len(columns))
        self._rows = _grown((), _ROWS, n)
        self._columns = _grown((), _COLUMNS, m)
        self._work = _grown((), _WORK, m)
        # First pair that is not in use, and how many are in use.
        self.spare = np.array([NONE, 0], np.int32)
        self._link_spare(len(columns))
        self.spare[1] = len(columns)
        self._rows[2][:n] = column
        self._columns[1][:m] = demand_price
        self._columns[4][:m] = graph.capacity
        load_kernel(offsets, columns, saving, *self.parts)

    @property
    def parts(self) -> tuple[Arrays, Arrays, Arrays, Arrays]:
        """Pairs, rows, columns, and what searches work with."""
        return self._pairs, self._rows, self._columns, self._work

    @property
    def pair_count(self) -> int:
        """Pairs in use."""
        return int(self.spare[1])

    @property
    def pair_ends(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Row of each pair, -1 where it is not in use, and column."""
        row, column = self._pairs[:2]
        return row.astype(np.int32, copy=False), column.astype(np.int32, copy=False)

    @property
    def pair_saving(self) -> NDArray[np.int64]:
        """Saving of each pair."""
        return self._pairs[2].astype(np.int64, copy=False)

    @property
    def return_price(self) -> NDArray[np.int64]:
        """Prices of rows."""
        return self._rows[1].astype(np.int64, copy=False)

    @property
    def column_of(self) -> NDArray[np.int32]:
        """Column of each row, -1 for none."""
        return self._rows[2].astype(np.int32, copy=False)

    @property
    def demand_price(self) -> NDArray[np.int64]:
        """Prices of columns."""
        return self._columns[1].astype(np.int64, copy=False)

    @property
    def capacity(self) -> NDArray[np.int32]:
        """Units of columns."""
        return self._columns[4].astype(np.int32, copy=False)

    def reserve(self, row_size: int, column_size: int, pair_count: int) -> None:
        """Make room for so many rows and columns, and for so many more pairs."""
        self._rows = _grown(self._rows, _ROWS, row_size)
        self._columns = _grown(self._columns, _COLUMNS, column_size)
        self._work = _grown(self._work, _WORK, column_size)
        size = len(self._pairs[0])
        if self.pair_count + pair_count > size:
            self._pairs = _grown(self._pairs, _PAIRS, self.pair_count + pair_count)
            self._link_spare(size)

    def _link_spare(self, start: int) -> None:
        # Pairs from ``start`` on are new: they come before those given back.
        following = self._pairs[_NEXT_IN_ROW]
        if len(following) > start:
            following[start:] = np.arange(start + 1, len(following) + 1)
            following[-1] = self.spare[0]
            self.spare[0] = start


def _grown(arrays: Arrays, layout: Layout, size: int) -> Arrays:
    # The same with room for ``size`` places, at least twice as many as before.
    have = len(arrays[0]) if arrays else 0
    if arrays and size <= have:
        return arrays
    grown = tuple(np.full(max(size, 2 * have), fill, dtype) for dtype, fill in layout)
    for new, old in zip(grown, arrays, strict=False):
        new[:have] = old
    return grown
