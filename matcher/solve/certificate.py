"""An independent check that an assignment is optimal: plain NumPy, no solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matcher.domain.errors import CertificateError
from matcher.solve.assignment import Assignment
from matcher.solve.graph import CandidateGraph
from matcher.solve.limits import Limits

IntArray = NDArray[np.int64]

_INT64_MAX = (1 << 63) - 1

# Beyond any saving: two such prices, or one and a saving, sum to less than 64 bits.
_PRICE_ENOUGH = 1 << 61

# Candidates looked at together.
_CANDIDATES_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is claimed, as plain arrays of the right lengths."""

    column: IntArray
    return_price: IntArray
    demand_price: IntArray
    limit_price: IntArray


@dataclass(frozen=True, slots=True)
class _Block:
    """Candidates of some rows, those of a row together."""

    row: IntArray
    columns: NDArray[np.int32]
    saving: IntArray


def check_certificate(
    graph: CandidateGraph, assignment: Assignment, limits: Limits | None = None
) -> None:
    """
    Check feasibility, dual feasibility, and that both totals are what is claimed.

    Parameters
    ----------
    graph
        The problem.
    assignment
        What is claimed to be its optimum. Nothing about it is taken on trust, not
        even the types of its arrays.
    limits
        Groups with limits, if the problem has any.

    Raises
    ------
    CertificateError
        On the first violation, naming row, column and numbers.

    Notes
    -----
    By weak duality no assignment saves more than the prices sum to: equality in
    integers proves the optimum, and a difference is the gap that is left. A pair
    that is listed twice counts with its better saving. ``O(nnz + n + m)``; sums in
    Python's integers.
    """
    limits = limits or Limits.none(graph)
    limits.check_sizes(graph)
    claim = _Claim(
        _integers("column", assignment.column, graph.row_count),
        _integers("return_price", assignment.return_price, graph.row_count),
        _integers("demand_price", assignment.demand_price, graph.column_count),
        _integers("limit_price", assignment.limit_price, limits.count),
    )
    _check_columns(graph, claim)
    saving = _taken_savings(graph, claim)
    _check_capacity(graph, claim)
    _check_limits(limits, claim)
    _check_prices(graph, claim, limits)
    primal = _exact_sum(saving)
    dual = (
        _exact_sum(claim.return_price)
        + _exact_product(graph.capacity, claim.demand_price)
        + _exact_product(limits.limit, claim.limit_price)
    )
    value, gap = assignment.value, assignment.gap
    # Weak duality leaves no room for a gap below zero: what was checked above.
    is_exact = type(value) is int and type(gap) is int
    if not is_exact or primal != value or dual != value + gap:
        raise CertificateError(
            f"totals differ: matches save {primal}, prices sum to {dual}, "
            f"claimed is {value!r} and a gap of {gap!r}"
        )


def _integers(name: str, values: object, count: int) -> IntArray:
    array = np.asarray(values)
    if array.shape != (count,):
        raise CertificateError(f"{name}: got shape {array.shape}; accepted: ({count},)")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise CertificateError(f"{name}: got {array.dtype}; accepted: integers")
    # Unsigned ones past 2**63 would turn negative, and floats in a subtraction.
    large = np.nonzero(array > _INT64_MAX)[0]
    if len(large):
        at = int(large[0])
        raise CertificateError(
            f"{name}[{at}]: got {array[at]}; accepted: {_INT64_MAX} or less"
        )
    return array.astype(np.int64)


def _check_columns(graph: CandidateGraph, claim: _Claim) -> None:
    outside = np.nonzero((claim.column < -1) | (claim.column >= graph.column_count))[0]
    if len(outside):
        row = int(outside[0])
        raise CertificateError(
            f"row {row} is on column {claim.column[row]}; "
            f"accepted: -1 to {graph.column_count - 1}"
        )


def _blocks(graph: CandidateGraph) -> Iterator[_Block]:
    # Rows in order, some at a time: memory that is new to the process costs more than
    # what is done in it.
    starts = np.arange(0, len(graph.columns), _CANDIDATES_AT_ONCE)
    rows = np.searchsorted(graph.row_offsets, starts, side="right") - 1
    cuts = [*np.unique(rows).tolist(), graph.row_count]
    for first, stop in pairwise(cuts):
        offsets = graph.row_offsets[first : stop + 1]
        at = slice(offsets[0], offsets[-1])
        row = np.repeat(np.arange(first, stop), np.diff(offsets))
        yield _Block(row, graph.columns[at], graph.saving[at])


def _taken_savings(graph: CandidateGraph, claim: _Claim) -> IntArray:
    # Best saving among the row's candidates on its column: a pair may come twice.
    best = np.full(graph.row_count, np.iinfo(np.int64).min)
    for block in _blocks(graph):
        taken = np.nonzero(block.columns == claim.column[block.row])[0]
        np.maximum.at(best, block.row[taken], block.saving[taken])
    matched = claim.column >= 0
    unknown = np.nonzero(matched & (best == np.iinfo(np.int64).min))[0]
    if len(unknown):
        at = int(unknown[0])
        raise CertificateError(
            f"row {at} is on column {claim.column[at]}, which is no candidate"
        )
    return best[matched]


def _check_capacity(graph: CandidateGraph, claim: _Claim) -> None:
    on = claim.column[claim.column >= 0]
    used = np.bincount(on, minlength=graph.column_count)
    over = np.nonzero(used > graph.capacity)[0]
    if len(over):
        column = int(over[0])
        raise CertificateError(
            f"column {column} has {used[column]} rows; "
            f"accepted: {graph.capacity[column]} or fewer"
        )


def _check_limits(limits: Limits, claim: _Claim) -> None:
    used = np.zeros(limits.count, np.int64)
    matched = claim.column >= 0
    for first in (
        limits.row_group[matched],
        limits.column_group[claim.column[matched]],
    ):
        group = first[first >= 0]
        while len(group):
            used += np.bincount(group, minlength=limits.count)
            group = limits.parent[group]
            group = group[group >= 0]
    over = np.nonzero(used > limits.limit)[0]
    if len(over):
        at = int(over[0])
        raise CertificateError(
            f"group {at} has {used[at]} matches; accepted: {limits.limit[at]} or fewer"
        )


def _check_prices(graph: CandidateGraph, claim: _Claim, limits: Limits) -> None:
    for name, price in (
        ("return_price", claim.return_price),
        ("demand_price", claim.demand_price),
        ("limit_price", claim.limit_price),
    ):
        negative = np.nonzero(price < 0)[0]
        if len(negative):
            at = int(negative[0])
            raise CertificateError(
                f"{name}[{at}]: got {price[at]}; accepted: 0 or more"
            )
    # Savings reach down to -2**60 and prices up to 2**63: subtract, never add.
    by_row = _with_groups(claim.return_price, limits.row_group, limits, claim)
    by_column = _with_groups(claim.demand_price, limits.column_group, limits, claim)
    for block in _blocks(graph):
        over = block.saving - by_row[block.row]
        short = np.nonzero(over > by_column[block.columns])[0]
        if len(short):
            at = int(short[0])
            i, j = int(block.row[at]), int(block.columns[at])
            raise CertificateError(
                f"row {i} and column {j} would save {block.saving[at]}, more than "
                f"their prices {by_row[i]} and {by_column[j]}"
            )


def _with_groups(
    price: IntArray, first: NDArray[np.int32], limits: Limits, claim: _Claim
) -> IntArray:
    # What each one costs with the groups around it, as far as that can matter.
    total = np.minimum(price, _PRICE_ENOUGH)
    group = first.copy()
    while (group >= 0).any():
        at = np.nonzero(group >= 0)[0]
        more = np.minimum(claim.limit_price[group[at]], _PRICE_ENOUGH)
        total[at] = np.minimum(total[at] + more, _PRICE_ENOUGH)
        group[at] = limits.parent[group[at]]
    return total


def _exact_sum(values: IntArray) -> int:
    largest = max(int(values.max(initial=0)), -int(values.min(initial=0)))
    if largest * len(values) <= _INT64_MAX:
        return int(values.sum())
    return sum(values.tolist())


def _exact_product(units: NDArray[np.integer], price: IntArray) -> int:
    priced = np.nonzero(price)[0]
    of, each = units[priced].astype(np.int64), price[priced]
    if int(of.max(initial=0)) * int(each.max(initial=0)) * len(of) <= _INT64_MAX:
        return int((of * each).sum())
    return sum(n * v for n, v in zip(of.tolist(), each.tolist(), strict=True))
