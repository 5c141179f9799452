"""Limits on matches of groups of returns or demands: zones, SKUs, days."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import InvalidProblemError
from matcher.solve.graph import CandidateGraph

IntArray = NDArray[np.int64]
Int32Array = NDArray[np.int32]

NONE = -1
LIMIT_MAX = (1 << 31) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """
    At most so many matches in each of some groups, nested or apart.

    Parameters
    ----------
    limit
        ``int64 (g,)``, matches at most, 0 to ``2**31 - 1``.
    parent
        ``int32 (g,)``, the group that holds a group, -1 for none: the coarser zone of
        a zone, the day of a SKU.
    row_group, column_group
        ``int32 (n,)`` and ``int32 (m,)``: the smallest group of each return and of
        each demand, -1 for none. A group has returns or demands, not both; what
        concerns all, such as a day, may hold either.
    bottom_up
        ``int64 (g,)``, the groups in an order in which each comes before its parent.

    Raises
    ------
    InvalidProblemError
        If lengths, ranges or types do not fit, groups hold each other, or one has
        both returns and demands.
    """

    limit: IntArray
    parent: Int32Array
    row_group: Int32Array
    column_group: Int32Array
    bottom_up: IntArray = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.limit)
        for name, low, high, dtype in (
            ("limit", 0, LIMIT_MAX, np.int64),
            ("parent", NONE, count - 1, np.int32),
            ("row_group", NONE, count - 1, np.int32),
            ("column_group", NONE, count - 1, np.int32),
        ):
            values = _checked(name, getattr(self, name), low, high)
            object.__setattr__(self, name, values.astype(dtype))
        if len(self.parent) != count:
            raise InvalidProblemError(
                f"parent: got {len(self.parent)} entries; accepted: {count}"
            )
        order = np.argsort(-_depths(self.parent), kind="stable")
        object.__setattr__(self, "bottom_up", order)
        has_rows = self.total(_count(self.row_group, count)) > 0
        has_columns = self.total(_count(self.column_group, count)) > 0
        both = np.nonzero(has_rows & has_columns)[0]
        if len(both):
            raise InvalidProblemError(
                f"group {both[0]}: got returns and demands; accepted: one of the two"
            )

    @classmethod
    def none(cls, graph: CandidateGraph) -> Limits:
        """Return no limits for a graph."""
        return cls(
            np.empty(0, np.int64),
            np.empty(0, np.int32),
            np.full(graph.row_count, NONE, np.int32),
            np.full(graph.column_count, NONE, np.int32),
        )

    @property
    def count(self) -> int:
        """Number of groups, ``g``."""
        return len(self.limit)

    def check_sizes(self, graph: CandidateGraph) -> None:
        """
        Check that the groups are of this graph.

        Raises
        ------
        InvalidProblemError
            If they are not.
        """
        for name, array, count in (
            ("row_group", self.row_group, graph.row_count),
            ("column_group", self.column_group, graph.column_count),
        ):
            if len(array) != count:
                raise InvalidProblemError(
                    f"{name}: got {len(array)} entries; accepted: {count}"
                )

    def total(self, own: IntArray) -> IntArray:
        """Return what each group has with all that it holds, given its own."""
        total = own.astype(np.int64)
        for group in self.bottom_up.tolist():
            above = self.parent[group]
            if above != NONE:
                total[above] += total[group]
        return total

    def used(self, column: Int32Array) -> IntArray:
        """Return the matches in each group, given the column of each row or -1."""
        rows = np.nonzero(column >= 0)[0]
        count = len(self.limit)
        own = _count(self.row_group[rows], count)
        return self.total(own + _count(self.column_group[column[rows]], count))

    def price_above(self, price: IntArray) -> IntArray:
        """
        Return each group's price with those of all that hold it, ``int64 (g + 1,)``.

        The last entry is 0: what -1, no group, finds.
        """
        total = np.append(price, 0)
        for group in self.bottom_up[::-1].tolist():
            total[group] += total[self.parent[group]]
        return total


def _count(groups: Int32Array, count: int) -> IntArray:
    return np.bincount(groups[groups != NONE], minlength=count)


def _checked(
    name: str, values: NDArray[np.integer], low: int, high: int
) -> NDArray[np.integer]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise InvalidProblemError(
            f"{name}: got {array.ndim} dimensions of {array.dtype}; "
            "accepted: one of integers"
        )
    outside = np.nonzero((array < low) | (array > high))[0]
    if len(outside):
        at = int(outside[0])
        raise InvalidProblemError(
            f"{name}[{at}]: got {array[at]}; accepted: {low} to {high}"
        )
    return array


def _depths(parent: Int32Array) -> IntArray:
    depth = np.zeros(len(parent), np.int64)
    at = parent.copy()
    for _ in range(len(parent)):
        inside = at != NONE
        if not inside.any():
            return depth
        depth[inside] += 1
        at[inside] = parent[at[inside]]
    if (at != NONE).any():
        group = int(np.argmax(at != NONE))
        raise InvalidProblemError(f"parent[{group}]: groups hold each other")
    return depth
