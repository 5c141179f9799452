"""A candidate graph made ready for the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.parallel import by_ranges
from matcher.solve.cluster_kernel import (
    join_kernel,
    lowest_kernel,
    place_kernel,
    reach_kernel,
)
from matcher.solve.graph import CandidateGraph
from matcher.solve.prepare_kernel import copy_kernel, count_kernel

# Pairs of neighbouring rows looked at to tell whether neighbours lie close together,
# and how far apart, as a share of all columns, still counts as close.
_SAMPLE = 4096
_CLOSE = 1 / 32

# Where there are so many columns for each row, few rows contest any: most choose once,
# and never come back to make up for what it takes to number all anew.
_PLENTIFUL = 2

# Clusters that are put side by side as they come.
_FEW_CLUSTERS = 64

# Below this all fits into the nearest caches, in whatever order it lies.
_SMALL = 1 << 15


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """
    The candidates that may be taken; rows and columns possibly in another order.

    Parameters
    ----------
    offsets, columns, saving, capacity
        As in ``CandidateGraph``, without what saves nothing or has no unit.
    low, high
        ``int32 (n,)``: lowest and highest column of each row; ``m`` and -1 where a
        row has none.
    row_order
        ``int32 (n,)``: the caller's row at each place.
    number
        ``int32 (m,)``: the place of each of the caller's columns.
    """

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    saving: NDArray[np.int64]
    capacity: NDArray[np.int32]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    row_order: NDArray[np.int32]
    number: NDArray[np.int32]


def prepare(graph: CandidateGraph, threads: int) -> Prepared:
    """
    Copy what may be taken, with neighbours close together.

    Parameters
    ----------
    graph
        The caller's candidates.
    threads
        Threads to copy with; no influence on the result.

    Returns
    -------
    Prepared
        In the caller's order if neighbouring rows have neighbouring columns there,
        as candidates have that come place by place, or if there are plenty of
        columns; by clusters otherwise. A search through memory in no order takes
        twice as long.
    """
    n, m = graph.row_count, graph.column_count
    arrays = (graph.row_offsets, graph.columns, graph.saving, graph.capacity)
    is_plentiful = m >= _PLENTIFUL * n
    if len(graph.columns) > _SMALL and not is_plentiful and not _is_close(graph):
        row_order, number = renumber(graph, threads)
    else:
        row_order, number = np.arange(n, dtype=np.int32), np.arange(m, dtype=np.int32)
    capacity = np.empty_like(graph.capacity)
    capacity[number] = graph.capacity
    if graph.capacity.all() and graph.saving.min(initial=1) > 0:
        counts = np.diff(graph.row_offsets)[row_order]
    else:
        counts = np.empty(n, np.int64)
        by_ranges(
            n,
            threads,
            lambda start, stop: count_kernel(start, stop, arrays, row_order, counts),
        )
    offsets = np.append(0, np.cumsum(counts))
    columns = np.empty(offsets[-1], np.int32)
    saving = np.empty(offsets[-1], np.int64)
    low, high = np.empty(n, np.int32), np.empty(n, np.int32)
    order, to, span = (row_order, number), (offsets, columns, saving), (low, high)
    by_ranges(
        n,
        threads,
        lambda start, stop: copy_kernel(start, stop, arrays, order, to, span),
    )
    return Prepared(offsets, columns, saving, capacity, low, high, row_order, number)


def renumber(
    graph: CandidateGraph, threads: int = 1, *, few: int = _FEW_CLUSTERS
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """
    Return rows in an order that keeps neighbours together, and each column's number.

    Each row joins the lowest one that it shares a column with, which makes clusters;
    these join likewise, until there are ``few``, or each is a component. Rows go by
    cluster, within one by the clusters that it was made of, and so on; columns by
    their first row. ``threads`` has no influence on it. ``O(e log n)`` at worst: of two
    passes in a row each leaves a cluster alone only if the other made it larger.
    """
    n, m = graph.row_count, graph.column_count
    arrays = (graph.row_offsets, graph.columns, graph.saving, graph.capacity)
    label, reach = np.arange(n, dtype=np.int32), np.empty(n, np.int32)
    lowest = np.empty(m, np.int32)
    levels: list[NDArray[np.int32]] = []
    count, before = n, n + 1
    while before > count > few:
        lowest_kernel(arrays, label, lowest)
        by_ranges(
            n,
            threads,
            lambda start, stop: reach_kernel(start, stop, arrays, label, lowest, reach),
        )
        above = np.empty(count, np.int32)
        before, count = count, join_kernel(label, reach, above)
        levels.append(above)
    place = np.arange(count, dtype=np.int32)
    for above in reversed(levels):
        place = place_kernel(place[above], len(place))
    lowest_kernel(arrays, place, lowest)
    return inverse(place), place_kernel(lowest, n + 1)


def inverse(order: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return where each number stands in a permutation, ``int32``."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place


def _is_close(graph: CandidateGraph) -> bool:
    rows = np.linspace(0, graph.row_count - 2, _SAMPLE).astype(np.int64)
    both = np.diff(graph.row_offsets) > 0
    rows = rows[(rows >= 0) & both[rows] & both[rows + 1]]
    if not len(rows):
        return True
    here, there = (graph.columns[graph.row_offsets[rows + d]] for d in (0, 1))
    apart = np.abs(here.astype(np.int64) - there)
    return bool(np.median(apart) <= _CLOSE * graph.column_count)
