"""Rows split into parts that threads may work on at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.solve.prepared import Prepared

IntArray = NDArray[np.int64]

# Leaves per thread: enough to even out unequal ones.
_LEAVES_PER_THREAD = 2

# Rows below which nothing is split, and columns looked at to split evenly.
_SPLIT_MIN = 4096
_SPLIT_SAMPLE = 1 << 16

# A cut moves by no more than this share of a leaf to where no row spans it.
_CUT_SLACK = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """Rows whose candidates all lie in the columns from ``first`` to ``stop - 1``."""

    rows: IntArray
    first: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """
    Leaves that share no column, and the rows with candidates in several of them.

    Without a border no leaf knows of another: each is a market of its own.
    """

    leaves: Sequence[Leaf]
    border: IntArray

    @property
    def rows(self) -> IntArray:
        """All rows, leaf by leaf, the border last."""
        return np.concatenate([*(leaf.rows for leaf in self.leaves), self.border])

    @property
    def whole(self) -> Leaf:
        """All as one leaf."""
        return Leaf(self.rows, self.leaves[0].first, self.leaves[-1].stop)


def split(prepared: Prepared, threads: int) -> Parts:
    """
    Cut the columns into ranges with about as many candidates each.

    Cuts go where no row has candidates on both sides if there is such a place near.
    Rows without candidates are left out.
    """
    m = len(prepared.capacity)
    rows = np.nonzero(prepared.high >= 0)[0]
    if threads == 1 or len(rows) < _SPLIT_MIN:
        return Parts([Leaf(rows, 0, m)], rows[:0])
    low, high = prepared.low[rows], prepared.high[rows]
    cuts = _cuts(prepared, low, high, _LEAVES_PER_THREAD * threads)
    first = np.searchsorted(cuts, low, "right")
    last = np.searchsorted(cuts, high, "right")
    ends = [0, *cuts.tolist(), m]
    leaves = [
        Leaf(rows[(first == each) & (last == each)], ends[each], ends[each + 1])
        for each in range(len(ends) - 1)
    ]
    return Parts(leaves, rows[first != last])


def _cuts(
    prepared: Prepared, low: NDArray[np.int32], high: NDArray[np.int32], count: int
) -> IntArray:
    # The first column of each leaf but the first, rising.
    m = len(prepared.capacity)
    sample = prepared.columns[:: max(1, len(prepared.columns) // _SPLIT_SAMPLE)]
    even = np.quantile(sample, np.arange(1, count) / count, method="nearest")
    starts = np.bincount(low, minlength=m + 1)[:m]
    ends = np.bincount(high, minlength=m + 1)[:m]
    spanned = np.cumsum(starts) - starts - (np.cumsum(ends) - ends)
    clean = np.nonzero(spanned == 0)[0]
    at = np.searchsorted(clean, even)
    near = np.array(
        [clean[np.clip(at - 1, 0, None)], clean[at.clip(max=len(clean) - 1)]]
    )
    nearest = near[np.abs(near - even).argmin(axis=0), np.arange(len(even))]
    is_near = np.abs(nearest - even) <= _CUT_SLACK * m / count
    return np.where(is_near, nearest, even).astype(np.int64)
