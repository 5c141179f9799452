"""The nodes of a market as a flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.solve.graph import CandidateGraph
from matcher.solve.limits import NONE, Limits

Int32Array = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Nodes:
    """
    Rows, then columns, then groups, then where all begins and ends.

    Parameters
    ----------
    row_count, column_count, count
        How many rows, columns, and nodes.
    above_row, above_column, above_group
        ``int32``, the node of the group around each, or the last.
    """

    row_count: int
    column_count: int
    count: int
    above_row: Int32Array
    above_column: Int32Array
    above_group: Int32Array

    @classmethod
    def of(cls, graph: CandidateGraph, limits: Limits) -> Nodes:
        """Return the nodes of a market."""
        n, m = graph.row_count, graph.column_count
        node = np.append(n + m + np.arange(limits.count), n + m + limits.count)
        node = node.astype(np.int32)
        return cls(
            n,
            m,
            len(node) + n + m,
            node[limits.row_group],
            node[limits.column_group],
            node[limits.parent],
        )

    @property
    def groups(self) -> Int32Array:
        """The node of each group."""
        first = self.row_count + self.column_count
        return np.arange(first, self.count - 1, dtype=np.int32)

    def column(self, node: int) -> int:
        """Return the column at a node, -1 if it is none."""
        column = node - self.row_count
        return column if 0 <= column < self.column_count else NONE
