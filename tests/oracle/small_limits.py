"""Groups with limits for small markets, and what is within them."""

from __future__ import annotations

import numpy as np

from matcher.solve import CandidateGraph, Limits


def random_limits(
    rng: np.random.Generator, graph: CandidateGraph, top: int, groups: int
) -> Limits:
    """Return that many groups of rows and of columns, in random trees."""
    count = 2 * groups
    kind = np.repeat([0, 1], groups)
    parent = np.full(count, -1)
    for group in range(count):
        # Above are larger numbers of the same kind, so that nothing goes round.
        above = np.nonzero((kind == kind[group]) & (np.arange(count) > group))[0]
        if len(above) and rng.random() < 0.7:
            parent[group] = rng.choice(above)
    row_group, column_group = (
        rng.integers(-1, groups, of) for of in (graph.row_count, graph.column_count)
    )
    return Limits(
        rng.integers(0, top + 1, count),
        parent,
        row_group,
        np.where(column_group >= 0, column_group + groups, -1),
    )


def is_within(limits: Limits, pairs: list[tuple[int, int]]) -> bool:
    """Say whether so many matches are allowed."""
    used = [0] * len(limits.limit)
    for row, column in pairs:
        for first in (limits.row_group[row], limits.column_group[column]):
            group = int(first)
            while group >= 0:
                used[group] += 1
                group = int(limits.parent[group])
    return all(n <= limit for n, limit in zip(used, limits.limit, strict=True))
