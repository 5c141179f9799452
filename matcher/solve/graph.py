"""The assignment problem: candidates in compressed sparse rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.domain.errors import InvalidProblemError

#: Largest saving of one candidate, in micros. No price grows beyond it, and no sum
#: in the solver has more than four such terms, so that all stay in 64 bits.
SAVING_MAX = 1 << 60

#: Most rows, and most columns: the kernels number both together in 32 bits.
COUNT_MAX = (1 << 30) - 1

#: Largest total of the rows' best savings, in micros.
TOTAL_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True, eq=False)
class CandidateGraph:
    """
    Candidates between ``n`` return items (rows) and ``m`` demands (columns).

    Parameters
    ----------
    row_offsets
        ``int64 (n + 1,)``; the candidates of row ``i`` are ``row_offsets[i]`` to
        ``row_offsets[i + 1]``.
    columns
        ``int32 (nnz,)``, each in ``[0, m)``; in any order, repeats allowed.
    saving
        ``int64 (nnz,)``, micros, from ``-2**60`` to ``2**60``. A candidate that
        saves nothing is never taken.
    capacity
        ``int32 (m,)``, units of each demand, 0 or more.

    Raises
    ------
    InvalidProblemError
        If shapes, ranges or types do not fit, or the savings could sum to more
        than 64 bits hold. Arrays are converted where nothing is lost, and copied
        only if they have to be (another type, strided, read-only): do not change
        them while the graph is in use.
    """

    row_offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    saving: NDArray[np.int64]
    capacity: NDArray[np.int32]

    def __post_init__(self) -> None:
        for name, dtype in (
            ("row_offsets", np.int64),
            ("columns", np.int32),
            ("saving", np.int64),
            ("capacity", np.int32),
        ):
            object.__setattr__(self, name, _integers(name, getattr(self, name), dtype))
        self._check_shape()
        self._check_counts()
        self._check_ranges()

    @property
    def row_count(self) -> int:
        """Number of return items, ``n``."""
        return len(self.row_offsets) - 1

    @property
    def column_count(self) -> int:
        """Number of demands, ``m``."""
        return len(self.capacity)

    @property
    def edge_rows(self) -> NDArray[np.int64]:
        """Row of each candidate, ``int64 (nnz,)``."""
        return np.repeat(np.arange(self.row_count), np.diff(self.row_offsets))

    def _check_shape(self) -> None:
        offsets = self.row_offsets
        if not len(offsets) or offsets[0] != 0:
            raise InvalidProblemError(
                f"row_offsets: got {offsets[:1].tolist()} at the start; accepted: 0"
            )
        # Compared, not subtracted: a difference of hostile offsets may wrap.
        falls = np.nonzero(offsets[1:] < offsets[:-1])[0]
        if len(falls):
            at = int(falls[0])
            raise InvalidProblemError(
                f"row_offsets[{at + 1}]: got {offsets[at + 1]}; "
                f"accepted: {offsets[at]} or more"
            )
        for name in ("columns", "saving"):
            count = len(getattr(self, name))
            if count != offsets[-1]:
                raise InvalidProblemError(
                    f"{name}: got {count} entries; accepted: {offsets[-1]}, the last "
                    "row offset"
                )

    def _check_counts(self) -> None:
        for name, count in (
            ("row_offsets", self.row_count),
            ("capacity", self.column_count),
        ):
            if count > COUNT_MAX:
                raise InvalidProblemError(
                    f"{name}: got {count} places; accepted: {COUNT_MAX} or fewer"
                )

    def _check_ranges(self) -> None:
        count = self.column_count
        _check_range("columns", self.columns, 0, count - 1)
        _check_range("saving", self.saving, -SAVING_MAX, SAVING_MAX)
        _check_range("capacity", self.capacity, 0, np.iinfo(np.int32).max)
        total = int(best_savings(self).astype(object).sum())
        if total > TOTAL_MAX:
            raise InvalidProblemError(
                f"saving: the rows' best savings sum to {total}; "
                f"accepted: {TOTAL_MAX} or less"
            )


def best_savings(graph: CandidateGraph) -> NDArray[np.int64]:
    """Return the best saving of each row, ``int64 (n,)``; 0 if none is positive."""
    best = np.zeros(graph.row_count, np.int64)
    filled = np.nonzero(np.diff(graph.row_offsets))[0]
    if len(filled):
        starts = graph.row_offsets[filled]
        best[filled] = np.maximum.reduceat(graph.saving, starts)
    return np.maximum(best, 0)


def saving_only(
    graph: CandidateGraph,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Return row offsets, columns and savings of what saves something, as copies."""
    keep = graph.saving > 0
    offsets = np.append(0, np.cumsum(keep))[graph.row_offsets]
    return offsets, graph.columns[keep], graph.saving[keep]


def _integers(
    name: str, values: ArrayLike, dtype: type[np.signedinteger]
) -> NDArray[np.signedinteger]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise InvalidProblemError(f"{name}: got {array.ndim} dimensions; accepted: 1")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise InvalidProblemError(f"{name}: got {array.dtype}; accepted: integers")
    limits = np.iinfo(dtype)
    _check_range(name, array, int(limits.min), int(limits.max))
    # A kernel is compiled for arrays that can be written, contiguous and aligned;
    # any others would be compiled for once more, in the middle of a round.
    return np.require(array, dtype, ["C", "A", "W"])


def _check_range(name: str, values: NDArray[np.integer], low: int, high: int) -> None:
    outside = np.nonzero((values < low) | (values > high))[0]
    if len(outside):
        at = int(outside[0])
        raise InvalidProblemError(
            f"{name}[{at}]: got {values[at]}; accepted: {low} to {high}"
        )
